"""One HTTP connection: uvicorn's, with bounds on what comes in and on how long it takes, and one answer to one request.

The bytes that come in are read by the parser alone; nothing here looks into them or changes them.
"""

import asyncio
from types import SimpleNamespace
from typing import cast

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

log = structlog.get_logger()
HEAD_BYTES_MAX = 65_536
"""A request line and headers longer than this are refused, unless they came at one blow."""
REQUEST_SECONDS = 60.0
"""How long one request may take to come in whole, and a new connection to begin."""
ANSWER_SECONDS = 60.0
"""How long an answer may wait for its reader while more than the operating system takes is left of it."""
LINGER_BYTES_MAX = 4_000_000
LINGER_SECONDS = 5.0
"""How much of a request, and for how long, is still read after its answer: who is hung up on while it sends never sees
the answer (RFC 9112, section 9.6)."""
FULL_LOGGED_EVERY_SECONDS = 10.0
NO_HTTP = "This is not a request in HTTP/1.1."


class _Refused(Exception):
    """A head that HTTP's parser takes and we do not."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class HttpConnection(HttpToolsProtocol):
    """Answers the requests of one connection in their order.

    What cannot be read is answered once, behind the answers that are still on their way, and is the connection's end.
    """

    request_seconds = REQUEST_SECONDS
    answer_seconds = ANSWER_SECONDS
    linger_seconds = LINGER_SECONDS
    connections_max = 0
    """With so many open, one more is told to come again; 0 is no bound."""

    full_logged_at = float("-inf")
    """When it was last logged that all are taken; shared by all connections."""

    _steps = 0
    _held_bytes = 0
    """What came in since the parser last gave something on: of a head, of a chunk's extension or of a trailer."""
    _coming = True
    """Whether a request is awaited or has come in half."""
    _in_body = False
    _unanswered = 0
    _refused: _Refused | None = None
    _last_words: bytes | None = None
    """The refusal that is said when all requests before it have been answered."""
    _deaf = False
    """Whether what still comes in is dropped."""
    _ending = False
    _dropped_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _goodbye: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    # -- the connection ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        # What an answer is written to: its closing is ours, which first lets the request come to its end.
        self._line = SimpleNamespace(write=transport.write, is_closing=transport.is_closing, close=self._end)
        if self.connections_max and len(self.connections) > self.connections_max:
            self._say_full()
        else:
            self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline_off()
        for timer in (self._goodbye, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._drop(len(data))
            return
        before = self._steps
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._deaf:
            return
        if not self._coming and self._unanswered:
            self._deadline_off()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.request_seconds, self._give_up)
        self._held_bytes = self._held_bytes + len(data) if self._steps == before else 0
        if self._held_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(431, "The head of this request is too long.")

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                try:
                    self.parser.feed_data(rest)
                    return
                except httptools.HttpParserUpgrade as wish:
                    rest = rest[wish.args[0] :]
                    self._decline_upgrade()
        except httptools.HttpParserError:
            if self._deaf:
                return
            refused = self._refused or _Refused(400, NO_HTTP)
            self._refuse(refused.status, refused.why)

    def _decline_upgrade(self) -> None:
        """Lets a fresh parser read this request as if it had not wished for another protocol.

        The parser takes the wish for granted: it stops behind the head and would leave the body unread. Java's HTTP
        client wishes for HTTP/2 with every first request, and is content with an answer in HTTP/1.1. The fresh parser
        gets the head as the first one has understood it, less the wish, and then the bytes that follow.
        """
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += (name, b": ", value, b"\r\n")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.parser.feed_data(b"".join([*head, b"\r\n"]))

    # -- what the parser finds -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._coming = True
        self._dropped_bytes = 0
        self._deadline_off()  # each request has its time, however long the connection has been there
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._steps += 1
        self._judge_head()
        assert not self._deaf, "no request begins behind the end of a connection"
        if self.parser.should_upgrade():
            return  # the fresh parser comes here again
        self._in_body = True
        self._unanswered += 1
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", self._line)

    def _judge_head(self) -> None:
        """Raises _Refused for what a parser lets pass and no server may answer (RFC 9112, sections 2.3 and 3.2)."""
        version = self.parser.get_http_version()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if version not in ("1.1", "1.0"):
            self._refused = _Refused(400, f"HTTP/1.1 is spoken here, and not HTTP/{version}.")
        elif self.parser.get_method() == b"CONNECT":
            self._refused = _Refused(405, "This is no proxy: CONNECT is not done here.")
        elif hosts > 1 or (not hosts and version == "1.1"):
            self._refused = _Refused(400, f"A request has one Host header, and this one has {hosts or 'none'}.")
        if self._refused is not None:
            raise self._refused

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        super().on_body(body)
        if self.cycle.response_complete:
            self._drop(len(body))

    def on_message_complete(self) -> None:
        self._steps += 1
        if self.parser.should_upgrade():
            return
        self._coming = self._in_body = False
        super().on_message_complete()

    # -- answers -------------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        if self._ending:
            self.server_state.total_requests += 1
            return
        # Who waits for a word before it sends its body, and is answered instead, may send the next request in its place.
        unasked = self._in_body and self.expect_100_continue and not self._unanswered
        super().on_response_complete()
        if unasked:
            self._end()
        elif self._last_words is not None and not self._unanswered:
            self._say(self._last_words)

    def _refuse(self, status: int, why: str) -> None:
        """Answers what cannot be read, or does not come, once those before it are answered, and ends the connection."""
        self._deaf = True
        self._deadline_off()
        words = _answer(status, why)
        newest = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        # The body of this request cannot be had: it is not done, unless it was answered before.
        if self._in_body and newest is not None:
            self._unanswered -= not newest.response_complete
            newest.disconnected = True
            newest.message_event.set()
            if newest.response_started:
                self._end()  # this request has its answer, or a part of it
                return
            if self.pipeline and self.pipeline[0][0] is newest:
                self.pipeline.popleft()  # it waits for its turn, and need not be begun any more
        if self._unanswered:
            self._last_words = words
            self.flow.resume_reading()
        else:
            self._say(words)

    def _say(self, words: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(words)
            self._end()

    def _say_full(self) -> None:
        now, shared = self.loop.time(), type(self)
        if now > shared.full_logged_at + FULL_LOGGED_EVERY_SECONDS:
            shared.full_logged_at = now
            log.error("all connections are taken, and new ones are turned away", most=self.connections_max)
        self._deaf, self._coming = True, False
        self._say(_answer(503, "Too many connections are open here. Try again in some seconds.", b"retry-after: 5\r\n"))

    # -- the end -------------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Closes the connection behind what was written; a request that is still coming in is read on for a while."""
        if self._ending:
            return
        self._ending = self._deaf = True
        self._deadline_off()
        self._unset_keepalive_if_required()
        if self._coming and not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()
            self._goodbye = self.loop.call_later(self.linger_seconds, self._close)
        else:
            self._close()

    def _close(self) -> None:
        """Closes at once, but for what was written and is not read yet: that has its time."""
        self.transport.close()
        if self._goodbye is not None:
            self._goodbye.cancel()
        self._goodbye = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def _drop(self, size: int) -> None:
        self._dropped_bytes += size
        if self._dropped_bytes > LINGER_BYTES_MAX:
            self._deaf = True
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        if not self.transport.is_closing():
            self._close()

    def _deadline_off(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self._refuse(408, "This request did not come to its end in time.")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.answer_seconds, self._hang_up)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _hang_up(self) -> None:
        log.warning("an answer was not read, and is given up")
        self.transport.abort()


def _answer(status: int, why: str, headers: bytes = b"") -> bytes:
    text = f"{why}\n".encode()
    head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n" % len(text)
    return STATUS_LINE[status] + head + headers + b"\r\n" + text
