"""One response of the HTTP server: its status line, headers and body are sent in one write."""

import asyncio
import re
from functools import lru_cache
from typing import Any

from uvicorn._types import ASGI3Application, ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_LINES_REMEMBERED = 512
_BYTES_REMEMBERED = 64
"""The longest value of a header that is remembered: longer ones are addresses and cookies, which differ and may be secret."""
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")


class ResponseCycle(RequestResponseCycle):
    """uvicorn's request and response. A response of known length that the application gives at once is written at once.

    All other responses are left to uvicorn, which writes the head by itself and looks at each header anew.
    """

    _head: bytes | None = None
    """The status line and headers that are not written yet."""
    of_unknown_length = False
    """Whether the response ends only when the application ends it."""

    async def run_asgi(self, app: ASGI3Application) -> None:
        async def until_cancelled(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or not task.cancelling():
                    raise  # the application cancelled itself
                self.disconnected = True  # the process stops: uvicorn would log it as a failure of the application
            finally:
                if self._head is not None:
                    self._head = None
                    self.response_started = False  # nothing is written, so it can be a 500
                    self.chunked_encoding = None

        await super().run_asgi(until_cancelled)

    async def send(self, message: ASGISendEvent) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            if not self.disconnected and not self._sent_at_once(head, message):
                self.transport.write(head)
                await super().send(message)
        elif message["type"] != "http.response.start" or self.response_started:
            if self.of_unknown_length and self.chunked_encoding is False:
                self.expected_content_length = len(message.get("body", b""))
            await super().send(message)
        elif self.flow.write_paused or (head := self._head_of(message)) is None:
            await super().send(self._left_to_uvicorn(message))
        else:
            self._head = head
            self.response_started = True
            self.waiting_for_100_continue = False

    def _head_of(self, message: HTTPResponseStartEvent) -> bytes | None:
        """The status line and headers of a response of known length; None where uvicorn is to write them.

        Raises ValueError for a malformed header.
        """
        lines = [STATUS_LINE[message["status"]]]
        length = -1
        for name, value in (*self.default_headers, *message.get("headers", ())):
            line = _line(name, value) if len(value) <= _BYTES_REMEMBERED else _line.__wrapped__(name, value)
            if line is None:
                return None
            if line.startswith(b"content-length:"):
                length = int(value)
            lines.append(line)
        if length < 0:
            return None
        self.expected_content_length = length
        self.chunked_encoding = False
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)

    def _left_to_uvicorn(self, message: HTTPResponseStartEvent) -> HTTPResponseStartEvent:
        """The start of a response as uvicorn writes it. HTTP/1.0 has no chunks (RFC 9112, section 6.1): without a length
        a response to it ends with the connection.
        """
        headers = list(message.get("headers", ()))
        self.of_unknown_length = all(name.lower() != b"content-length" for name, _ in headers)
        if not self.of_unknown_length or self.scope["http_version"] != "1.0":
            return message
        self.chunked_encoding = False
        return {**message, "headers": [header for header in headers if header[0].lower() != b"transfer-encoding"]}

    def _sent_at_once(self, head: bytes, message: ASGISendEvent) -> bool:
        """Sends the head with the whole body; False, with nothing sent, for a body that comes in parts or is wrong."""
        if message["type"] != "http.response.body" or message.get("more_body") or self.flow.write_paused:
            return False
        body = message.get("body", b"")
        if self.scope["method"] == "HEAD":
            body = b""
        elif len(body) != self.expected_content_length:
            return False
        self.transport.write(head + body)
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


@lru_cache(_LINES_REMEMBERED)
def _line(name: bytes, value: bytes) -> bytes | None:
    """A header as it is sent; None for one that decides how the body is sent, or that the connection ends.

    Raises ValueError for one that could be read as two.
    """
    name = name.lower()
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ValueError(f"a malformed header in a response: {name!r}")
    if name in (b"connection", b"transfer-encoding"):
        return None
    return b"%s: %s\r\n" % (name, value)
