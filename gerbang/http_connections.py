"""One HTTP connection of the server: limits of bytes and of time, and answers that reach the peer before it is closed.

uvicorn speaks the protocol and llhttp parses it. One rule holds here: received bytes are passed to the parser unchanged
and in order, or dropped.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gerbang import http_refusals
from gerbang.descriptors import connections_max
from gerbang.http_responses import ResponseCycle
from gerbang.logs import Seldom

HEAD_BYTES_MAX = 65_536
"""A longer request line with headers is refused, unless it came in one read."""
TARGET_BYTES_MAX = 8_000
"""Of path and query together: what proxies pass on, and little enough to be parsed fast."""
HEADERS_MAX = 250
CHUNKS_MAX = 20_000
"""The most chunks of one body: each costs time, however small it is."""
WAITING_MAX = 50
"""The most pipelined requests of one connection that wait for earlier answers."""
DROPPED_BYTES_MAX = 16_000_000
"""The most bytes that are read and dropped after the last answer of a connection."""
RESET = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which closing resets the connection: linger on (1), for 0 seconds."""

_TARGET = re.compile(rb"\A\s*[A-Z]+ ([!-~]*)")
"""The target of a request as far as it is readable: the parser passes it on completely or not at all."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""In no path of ours. Routes look for the end of a path with `$`, which is also before a line break."""
_full = Seldom()


@dataclass(frozen=True)
class Patience:
    """Time limits of a connection, in seconds."""

    request: float = 60.0
    """For a whole request to arrive, and for the first byte of a new connection."""
    answer: float = 60.0
    """For the peer to read an answer."""
    closing: float = 30.0
    """For the peer to stop sending and to close, once it has its last answer."""
    idle: int = 75
    """For the next request. Common clients and proxies close after 5 to 60 s: first, so that no POST meets our closing."""


PATIENCE = Patience()


class _NotRead(Exception):
    """Raised in a callback of the parser to stop it."""


class _AnswerTransport:
    """The transport that answers are written to. Its `close` closes in stages, so that no answer on its way is lost."""

    def __init__(self, connection: "Connection", transport: asyncio.Transport) -> None:
        self._connection = connection
        self._transport = transport
        self.write = transport.write

    def is_closing(self) -> bool:
        return self._connection.drops_input or self._transport.is_closing()

    def close(self) -> None:
        self._connection.close_gracefully()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol of one connection, with limits of bytes and of time where the parser has none.

    Each request is answered once, or the connection is closed. A request that cannot be parsed is refused after all
    requests before it are answered, and nothing after it is read.
    """

    app: ASGI3Application
    patience = PATIENCE
    refusal: http_refusals.Refusal = staticmethod(http_refusals.in_plain_text)
    url = b""
    """The target of the last request, as far as it was received."""
    _method = b""
    """The method of the last request; empty until its target was received in part."""
    drops_input = False
    """Whether received bytes are dropped."""
    _closing = _late = _peer_ended = False
    _final_refusal = b""
    """The answer to the request that cannot be parsed, to be sent after the answers before it."""
    _wrong: tuple[int, str] | None = None
    _head_again: bytes | None = None
    """The head of a request with an Upgrade header, without that header."""
    _answer: ResponseCycle | None = None
    """The current or last answer."""
    _keeps_alive = False
    """Whether the request being received allows that the connection is kept."""
    _steps = 0
    _chunks = 0
    _held_bytes = 0
    """Bytes received since the last callback of the parser: of a head, of a chunk's extension or of a trailer."""
    _dropped_bytes = 0
    _receiving = False
    """Whether a request was received in part."""
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    """The timer of an answer that the peer does not read."""

    # -- opening and closing ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._answer_transport = _AnswerTransport(self, transport)
        most = connections_max()
        if len(self.connections) > most:
            _full.warning("a connection was refused: there are as many as the file descriptors allow", most=most)
            self.drops_input = True
            transport.write(self._refusal_bytes(503, http_refusals.NO_ROOM))
            transport.close()
        else:
            self._wait(self.patience.request, self._time_out)

    def eof_received(self) -> Any:
        """The peer has closed its side. A request that was sent in part is refused, and every answer that is due is sent.

        Then the transport closes itself once the peer has read what was written, within a time limit. A last answer of
        unknown length is cut: it is the stream of a page, and most who close their side have left the page.
        """
        self._peer_ended = True
        if self._receiving:
            self._refuse(400, http_refusals.NOT_ENDED)
        answer = self._answering
        more = self.pipeline or self._final_refusal
        if answer is not None and not self._closing and (more or not answer.of_unknown_length):
            self.drops_input = True
            return True
        self._wait(self.patience.closing, self._close_now)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._cancel_unread()
        self._report_disconnect()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # Break reference cycles: the garbage collector runs seldom, and what the peer sent would stay in memory until
        # then.
        del self._answer_transport
        self.cycle = cast("RequestResponseCycle", None)
        self._answer = None
        self.pipeline.clear()

    def close_gracefully(self) -> None:
        """Closes the sending side, reads and drops what the peer still sends for a while, then closes the connection.

        Closing a socket with unread bytes resets it, and the reset can destroy the last answer (RFC 9112, section 9.6).
        """
        if self._closing or self.transport.is_closing():
            return
        self.drops_input = self._closing = True
        self._unset_keepalive_if_required()
        self._report_disconnect()
        self.flow.resume_reading()
        self._wait(self.patience.closing, self._close_now)
        if self._peer_ended:
            self.transport.close()
        else:
            self.transport.write_eof()

    def _close_now(self) -> None:
        if not self.transport.get_write_buffer_size():
            self.transport.abort()
        elif self._late:
            self._drop()
        else:
            self._late = True  # the peer is still reading the answer
            self._wait(self.patience.answer, self._close_now)

    def _drop(self) -> None:
        """Resets the connection, so that the system does not keep an unread answer for minutes."""
        socket_: socket.socket = self.transport.get_extra_info("socket")
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    def _report_disconnect(self) -> None:
        """Reports to the application that the peer is gone."""
        answer = self._answering
        if answer is not None:
            answer.disconnected = True
            answer.message_event.set()

    # -- receiving ----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self.drops_input:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > DROPPED_BYTES_MAX:
                self.transport.abort()
            return
        before = self._steps
        try:
            self._read(data)
        except httptools.HttpParserCallbackError:
            self._refuse(*(self._wrong or (400, http_refusals.NO_PATH)))
            return
        except httptools.HttpParserInvalidURLError:
            # Only if the request begins at the start of this read.
            if not self.url and self._steps == before and not self._held_bytes:
                self.url = b"".join(_TARGET.findall(data))
            self._method = self.parser.get_method()  # it comes before the target that was not passed on
            self._refuse(400, http_refusals.NO_ASCII)
            return
        except httptools.HttpParserError as wrong:
            self._refuse(400, http_refusals.NOT_HTTP.format(what=wrong))
            return
        self._held_bytes = self._held_bytes + len(data) if self._steps == before else 0
        if self._held_bytes > HEAD_BYTES_MAX:
            self._refuse(431, http_refusals.TOO_LONG)
        elif self._answering and not self._receiving:
            self._cancel_deadline()
        elif self._deadline is None:
            self._wait(self.patience.request, self._time_out)

    def _read(self, data: bytes | memoryview) -> None:
        """Feeds the parser, also past an Upgrade header, at which it stops before the body.

        A server may ignore that header (RFC 9110, section 7.8), and Java's client sends it with each first request. A
        new parser is fed the same head without it, and then the body.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = memoryview(data)[stopped.args[0] :]
                head, self._head_again = self._head_again, None
                assert head is not None, "the parser stops after a head with an Upgrade header"
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
                self.parser.feed_data(head)

    def on_message_begin(self) -> None:
        self._receiving = True
        self._method = b""
        self._chunks = 0
        self._cancel_deadline()  # each request has its own time limit, however old the connection is
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._method = self.parser.get_method()
        if len(self.url) > TARGET_BYTES_MAX:
            self._stop(414, http_refusals.TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return  # a trailer: it must not appear among headers that the application may be reading
        if len(self.headers) >= HEADERS_MAX:
            self._stop(431, http_refusals.TOO_LONG)
        name, value = name.lower(), value.rstrip(b" \t")  # RFC 9110, section 5.5
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._steps += 1
        version = self.parser.get_http_version()
        if wrong := http_refusals.wrong_in_head(version, self._method, self.headers):
            self._stop(*wrong)
        if len(self.pipeline) >= WAITING_MAX:
            self._stop(429, http_refusals.TOO_MANY_WAITING)
        if self.parser.should_upgrade():
            kept = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            first = b"%s %s HTTP/%s" % (self._method, self.url, version.encode())
            self._head_again = b"\r\n".join([first, *kept, b"", b""])
            return
        if version == "1.0":
            self.expect_100_continue = False
        self._begin(version)
        self._in_body = True

    def _begin(self, version: str) -> None:
        """Begins the answer to the request whose headers are complete. Raises if its target has no path."""
        target = httptools.parse_url(self.url)
        path = target.path.decode("ascii")
        self.scope["method"] = self._method.decode("ascii")
        self.scope["http_version"] = version
        app = self.app
        if "%" in path:
            path = unquote(path)
            if _CONTROL.search(path):
                app = cast("ASGI3Application", self.refusal(path, 404, http_refusals.NOTHING_HERE))
        self.scope["path"] = path
        self.scope["raw_path"] = target.path
        self.scope["query_string"] = target.query or b""
        # If the answer is sent before the body is read, the rest of the body must not be parsed as the next request:
        # the connection is kept only once the request is complete.
        self._keeps_alive = version != "1.0" and self.parser.should_keep_alive()
        busy = self._answering is not None
        self.cycle = ResponseCycle(
            scope=self.scope,
            transport=cast("asyncio.Transport", self._answer_transport),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        if busy:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))
        else:
            self._start_asgi_task(self.cycle, app)

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        self._chunks += 1
        if self._chunks > CHUNKS_MAX:
            self._stop(413, http_refusals.TOO_SMALL)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._steps += 1
        if self._head_again is not None:
            return
        self._receiving = self._in_body = False
        if not self.cycle.response_started:
            # After a trailer that closes the connection the parser drops everything: a next request would hang.
            self.cycle.keep_alive = self._keeps_alive and self.parser.should_keep_alive()
        super().on_message_complete()

    # -- refusing -----------------------------------------------------------------------------------------------------

    def _stop(self, status: int, why: str) -> None:
        """Stops the parser in a callback; `data_received` then refuses the request."""
        self._wrong = status, why
        raise _NotRead

    def _refuse(self, status: int, why: str) -> None:
        """Refuses the request being received once all before it are answered, and reads no further."""
        if self.drops_input:
            return
        self.drops_input = True
        self._cancel_deadline()
        self._final_refusal = self._refusal_bytes(status, why)
        answer = self._answering
        if self._in_body and self.pipeline:
            self.pipeline.popleft()  # it is the last of those that wait, and is no longer passed to the application
        elif answer is None or self._in_body:
            if answer is not None and answer.response_started:
                self._final_refusal = b""
            self._send_final_refusal()

    def _refusal_bytes(self, status: int, why: str) -> bytes:
        """The bytes of the refusal of the request being received, in the form of the application that its path belongs
        to.
        """
        target = self.url[:TARGET_BYTES_MAX] if self._receiving else b""
        answer = self.refusal(http_refusals.path_of(target), status, why)
        headers = *self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")
        lines = [b"%s: %s\r\n" % header for header in headers]
        body = b"" if self._receiving and self._method == b"HEAD" else answer.body
        return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])

    def _send_final_refusal(self) -> None:
        self._report_disconnect()
        if not self.transport.is_closing():
            self.transport.write(self._final_refusal)
        self.close_gracefully()

    def _time_out(self) -> None:
        self._deadline = None
        self._refuse(408, http_refusals.TOO_SLOW)

    # -- sending ------------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answer = cast("ResponseCycle", cycle)
        super()._start_asgi_task(cycle, app)

    @property
    def _answering(self) -> ResponseCycle | None:
        """The answer being sent; None between two."""
        return None if self._answer is None or self._answer.response_complete else self._answer

    def on_response_complete(self) -> None:
        if self._closing:
            self.server_state.total_requests += 1
            return
        was_last = not self.pipeline
        super().on_response_complete()
        if self.drops_input and was_last:
            self._send_final_refusal()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.patience.answer, self._drop)

    def resume_writing(self) -> None:
        self._cancel_unread()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._drop()  # the peer does not read the last answer, and would be waited for without end
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        self._keeps_alive = False
        if self._closing:
            self.transport.close()
        else:
            super().shutdown()

    # -- time ---------------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, then)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
