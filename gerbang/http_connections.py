"""One peer that speaks HTTP with us: what it may send and for how long, and that what we answer reaches it.

uvicorn speaks the protocol and llhttp reads it. What is here keeps to one rule: bytes that came are read by the parser, in
the order in which they came, or dropped. None is ever changed.
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
from starlette.responses import PlainTextResponse, Response
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gerbang.descriptors import connections_max
from gerbang.logs import Seldom

HEAD_BYTES_MAX = 65_536
"""A request line and headers longer than this are cut off, unless they came at one blow."""
TARGET_BYTES_MAX = 8_000
"""Of path and query: as many as proxies pass on, and few enough to be taken apart in no time."""
HEADERS_MAX = 250
PIECES_MAX = 20_000
"""In how many chunks a body may come: each costs time, however small it is."""
WAITING_MAX = 50
"""How many requests of one connection may wait for the answers before theirs."""
DROPPED_BYTES_MAX = 16_000_000
"""How much of what a peer still sends after its last answer is read, and dropped."""
RESET = struct.pack("ii", 1, 0)
"""What makes the end of a socket a reset: it lingers (1) for no second (0)."""

NO_VERSION = "Send HTTP/1.1, or HTTP/1.0; nothing else is spoken here."
NO_HOST = "A request in HTTP/1.1 names its host once, in a header Host, and one in HTTP/1.0 at most once."
NO_TUNNEL = "This is no proxy: CONNECT is not for here."
NO_CODING = "The only Transfer-Encoding that is read here is chunked, in HTTP/1.1."
NO_SENSE = "This is not a request that HTTP/1.1 knows: {what}."
NO_PATH = "The address of a request has a path, which begins with a slash."
NO_ASCII = "An address is printable ASCII: every other byte is sent as percent and two digits, such as %C3."
TOO_LONG = "The headers of a request, or what stands between the parts of its body, are too long or too many."
TOO_FAR = "The path and query of a request have at most 8,000 bytes."
TOO_SMALL = "The body came in too many small chunks: put more into each."
TOO_EAGER = "So many requests at once are not taken on one connection: read some answers first."
TOO_SLOW = "The request did not come to its end in time."
NO_ROOM = "There are as many connections as this process can have. Try again in a moment."

Refusal = Callable[[str, int, str], Response]
"""How a request that is refused here is told so: by its path ("" where none was read), the status, and why."""

_TARGET = re.compile(rb"\A\s*[A-Z]+ ([!-~]*)")
"""The target of a request as far as it can be read: the parser gives it on as a whole or not at all."""
_full = Seldom()


def in_plain_words(path: str, status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


@dataclass(frozen=True)
class Patience:
    """How long a peer is waited for, in seconds."""

    request: float = 60.0
    """For one request to come in whole, and for a new connection to begin."""
    answer: float = 60.0
    """For an answer to be taken."""
    farewell: float = 30.0
    """For a peer that has its last answer to stop sending, and to hang up."""


PATIENCE = Patience()


class _NotRead(Exception):
    """The parser shall read no further."""


class _Line:
    """What answers are written to. Its end is a farewell: who only hangs up can destroy what is on its way."""

    def __init__(self, connection: "Connection", transport: asyncio.Transport) -> None:
        self._connection = connection
        self._transport = transport
        self.write = transport.write

    def is_closing(self) -> bool:
        return self._connection.deaf or self._transport.is_closing()

    def close(self) -> None:
        self._connection.farewell()


class Connection(HttpToolsProtocol):
    """uvicorn's side of one connection, which answers each request once, or hangs up.

    It has limits of bytes and of time where the parser has none. A request that cannot be read is refused after all that
    came before it is answered, and nothing after it is read.
    """

    patience = PATIENCE
    refusal: Refusal = staticmethod(in_plain_words)
    url = b""
    """As much as came in of the target of the request that came last."""
    deaf = False
    """Whether what comes in is dropped."""
    _leaving = _late = _peer_ended = False
    _last_words = b""
    """What is answered to the request that cannot be read, when it is its turn."""
    _wrong: tuple[int, str] | None = None
    _head_again: bytes | None = None
    """The head of a request that wishes for another protocol, without the wish."""
    _answer: RequestResponseCycle | None = None
    """The answer that is being given, or was given last."""
    _keeps_alive = False
    """Whether the connection stays, by the wish of the request that is coming in."""
    _steps = 0
    _pieces = 0
    _held_bytes = 0
    """What came in since the parser last gave something on: of a head, of a chunk's extension or of a trailer."""
    _dropped_bytes = 0
    _coming = True
    """Whether a request is awaited or has come in half."""
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    """When an answer that is not being taken has waited for long enough."""

    # -- coming and going ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._line = _Line(self, transport)
        most = connections_max()
        if len(self.connections) > most:
            _full.warning("a connection was refused: there are as many as the file descriptors allow", most=most)
            self.deaf = True
            transport.write(self._told(503, NO_ROOM))
            transport.close()
        else:
            self._wait(self.patience.request, self._give_up)

    def eof_received(self) -> Any:
        """Whoever has sent all it wants to say, and waits for an answer that is not begun yet, still gets it.

        Otherwise the transport closes by itself, once the peer has taken what was written: that has an end too.
        """
        self._peer_ended = True
        answer = self._answering
        if answer is not None and not answer.response_started and not self._in_body:
            self.deaf = True
            return True
        self._wait(self.patience.farewell, self._hang_up)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        self._cancel_unread()
        self._disappear()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # What refers to itself waits for the garbage collector, which comes seldom: what a peer sent would stay as long.
        del self._line
        self.cycle = cast("RequestResponseCycle", None)
        self._answer = None
        self.pipeline.clear()

    def farewell(self) -> None:
        """Says that nothing more is answered, reads on for a while what the peer may still be sending, and hangs up.

        A socket that is closed with bytes unread is reset, and the reset overtakes the answer (RFC 9112, section 9.6).
        """
        if self._leaving or self.transport.is_closing():
            return
        self.deaf = self._leaving = True
        self._unset_keepalive_if_required()
        self._disappear()
        self.flow.resume_reading()
        self._wait(self.patience.farewell, self._hang_up)
        if self._peer_ended:
            self.transport.close()
        else:
            self.transport.write_eof()

    def _hang_up(self) -> None:
        if not self.transport.get_write_buffer_size():
            self.transport.abort()
        elif self._late:
            self._drop()
        else:
            self._late = True  # the answer is still being taken
            self._wait(self.patience.answer, self._hang_up)

    def _drop(self) -> None:
        """Gives up an answer that nobody takes, and leaves none of it to the system, which would hold it for minutes."""
        line: socket.socket = self.transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    def _disappear(self) -> None:
        """Tells the request that is being answered that nobody reads its answer."""
        answer = self._answering
        if answer is not None:
            answer.disconnected = True
            answer.message_event.set()

    # -- what comes in ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self.deaf:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > DROPPED_BYTES_MAX:
                self.transport.abort()
            return
        before = self._steps
        try:
            self._read(data)
        except httptools.HttpParserCallbackError:
            self._refuse(*(self._wrong or (400, NO_PATH)))
            return
        except httptools.HttpParserInvalidURLError:
            if not self.url and self._steps == before and not self._held_bytes:  # it begins where this read does
                self.url = b"".join(_TARGET.findall(data))
            self._refuse(400, NO_ASCII)
            return
        except httptools.HttpParserError as wrong:
            self._refuse(400, NO_SENSE.format(what=wrong))
            return
        self._held_bytes = self._held_bytes + len(data) if self._steps == before else 0
        if self._held_bytes > HEAD_BYTES_MAX:
            self._refuse(431, TOO_LONG)
        elif self._answering and not self._coming:
            self._wait_no_longer()
        elif self._deadline is None:
            self._wait(self.patience.request, self._give_up)

    def _read(self, data: bytes | memoryview) -> None:
        """Lets the parser read, also past the wish for another protocol, at which it stops before the body.

        A server may pass over that wish (RFC 9110, section 7.8), and Java's client sends it with each first request. The
        body is read by a new parser, which is told the same head without it.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = memoryview(data)[stopped.args[0] :]
                head, self._head_again = self._head_again, None
                assert head is not None, "the parser stops after a head that wishes"
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
                self.parser.feed_data(head)

    def on_message_begin(self) -> None:
        self._coming = True
        self._pieces = 0
        self._wait_no_longer()  # each request has its time, however long the connection has been there
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            self._stop(414, TOO_FAR)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return  # a trailer: who has begun to read the headers must not find others
        if len(self.headers) >= HEADERS_MAX:
            self._stop(431, TOO_LONG)
        super().on_header(name, value.rstrip(b" \t"))  # RFC 9110, section 5.5

    def on_headers_complete(self) -> None:
        self._steps += 1
        version = self.parser.get_http_version()
        self._judge_head(version)
        if self.parser.should_upgrade():
            kept = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            first = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version.encode())
            self._head_again = b"\r\n".join([first, *kept, b"", b""])
            return
        if version == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()  # fails where the target has no path: then no answer is begun
        self._in_body = True
        self.cycle.transport = cast("asyncio.Transport", self._line)
        # Who is answered before its body is read must not take what it still sends for the beginning of a request.
        self._keeps_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def _judge_head(self, version: str) -> None:
        if version not in ("1.1", "1.0"):
            self._stop(400, NO_VERSION)
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and (value.strip().lower() != b"chunked" or version == "1.0"):
                self._stop(400, NO_CODING)
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._stop(400, NO_HOST)
        if len(self.pipeline) >= WAITING_MAX:
            self._stop(429, TOO_EAGER)
        if self.parser.get_method() == b"CONNECT":
            self._stop(400, NO_TUNNEL)

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        self._pieces += 1
        if self._pieces > PIECES_MAX:
            self._stop(413, TOO_SMALL)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._steps += 1
        if self._head_again is not None:
            return
        self._coming = self._in_body = False
        if not self.cycle.response_started:
            # Behind a trailer that closes the connection the parser drops everything: a next request would hang.
            self.cycle.keep_alive = self._keeps_alive and self.parser.should_keep_alive()
        super().on_message_complete()

    # -- refusing -----------------------------------------------------------------------------------------------------

    def _stop(self, status: int, why: str) -> None:
        """Stops the parser in the middle of what it reads; `data_received` refuses the request then."""
        self._wrong = status, why
        raise _NotRead

    def _refuse(self, status: int, why: str) -> None:
        """Answers the request that is coming in with a refusal when all before it are answered, and reads no further."""
        if self.deaf:
            return
        self.deaf = True
        self._wait_no_longer()
        self._last_words = self._told(status, why)
        answer = self._answering
        if self._in_body and self.pipeline:
            self.pipeline.popleft()  # it is the last of those that wait, and is not begun any more
        elif answer is None or self._in_body:
            if answer is not None and answer.response_started:
                self._last_words = b""
            self._say_last_words()

    def _told(self, status: int, why: str) -> bytes:
        """The refusal of the request that is coming in, in the form of whoever its path belongs to."""
        target = self.url[:TARGET_BYTES_MAX] if self._coming else b""
        answer = self.refusal(_path(target), status, why)
        lines = [b"%s: %s\r\n" % header for header in (*answer.raw_headers, (b"connection", b"close"))]
        body = b"" if self._coming and self.parser.get_method() == b"HEAD" else answer.body
        return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])

    def _say_last_words(self) -> None:
        self._disappear()
        if not self.transport.is_closing():
            self.transport.write(self._last_words)
        self.farewell()

    def _give_up(self) -> None:
        self._deadline = None
        self._refuse(408, TOO_SLOW)

    # -- what goes out ------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answer = cycle

        async def until_cut(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or not task.cancelling():
                    raise  # it is the application's own
                cycle.disconnected = True  # the process ends, which uvicorn would take for the application's failure

        super()._start_asgi_task(cycle, until_cut)

    @property
    def _answering(self) -> RequestResponseCycle | None:
        """The answer that is being given; None between two."""
        return None if self._answer is None or self._answer.response_complete else self._answer

    def on_response_complete(self) -> None:
        if self._leaving:
            self.server_state.total_requests += 1
            return
        was_last = not self.pipeline
        super().on_response_complete()
        if self.deaf and was_last:
            self._say_last_words()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.patience.answer, self._drop)

    def resume_writing(self) -> None:
        self._cancel_unread()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._drop()  # nobody takes the last answer: waiting for that had no end
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        self._keeps_alive = False
        if self._leaving:
            self.transport.close()
        else:
            super().shutdown()

    # -- time ---------------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._wait_no_longer()
        self._deadline = self.loop.call_later(seconds, then)

    def _wait_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def _path(target: bytes) -> str:
    """The path of a request's target, as an application is told it; "" where it has none."""
    try:
        path = httptools.parse_url(target).path
    except httptools.HttpParserError:
        return ""
    return unquote((path or b"").decode("latin-1"))
