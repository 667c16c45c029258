"""The simulated bank's HTTP server: every byte of an answer is its own, so that it can also answer as a broken partner does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import httptools
import msgspec
import structlog

from gerbang.listening import Listener

Manner = Literal["whole", "dropped", "cut", "drip"]
"""`dropped`: the connection is closed without a byte. `cut`: it is closed in the middle. `drip`: a few bytes at a time."""
BYTES_MAX = 4_000_000
DRIP_BYTES, DRIP_SECONDS = 16, 0.5
IDLE_SECONDS = 60.0
log = structlog.get_logger()


class Request(msgspec.Struct, frozen=True):
    """A request as it arrived. Names of headers are in lower case; `target` is the path with its query, unchanged."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


class Reply(msgspec.Struct, frozen=True):
    """What is answered, and in which manner it is sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    manner: Manner = "whole"
    after_seconds: float = 0.0
    """How long it is held back."""


Answering = Callable[[Request], Awaitable[Reply]]


class _Reader:
    """What the parser calls with the parts of a request."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.over = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.over = True


async def listen(listener: Listener, answer: Answering) -> list[asyncio.Server]:
    """Starts to answer on the listening sockets."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
            while await _exchange(reader, writer, answer):
                pass
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    return [await asyncio.start_server(connected, sock=one) for one in listener.sockets]


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answering) -> bool:
    """One request and its answer; whether the connection goes on."""
    async with asyncio.timeout(IDLE_SECONDS):
        request, goes_on = await _request(reader)
    if request is None:
        return False
    try:
        reply = await answer(request)
    except Exception:
        log.exception("the simulated bank failed to answer", path=request.path)
        reply = Reply(500, b'{"responseCode":"5000001","responseMessage":"Internal Server Error"}')
    await asyncio.sleep(reply.after_seconds)
    return await _send(writer, reply, goes_on=goes_on) and goes_on


async def _request(reader: asyncio.StreamReader) -> tuple[Request | None, bool]:
    parts = _Reader()
    parser = httptools.HttpRequestParser(parts)
    received = 0
    while not parts.over:
        data = await reader.read(65_536)
        received += len(data)
        if not data or received > BYTES_MAX:
            return None, False
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return None, False
        except httptools.HttpParserError:
            return Request("GET", "/not-http", {}, b""), False
    method = parser.get_method().decode("latin-1")
    return Request(method, parts.target.decode("latin-1"), parts.headers, bytes(parts.body)), parser.should_keep_alive()


async def _send(writer: asyncio.StreamWriter, reply: Reply, *, goes_on: bool) -> bool:
    if reply.manner == "dropped":
        writer.transport.abort()
        return False
    reason = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Unknown"
    lines = [
        f"HTTP/1.1 {reply.status} {reason}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
        *([] if goes_on else ["Connection: close"]),
    ]
    whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body
    if reply.manner == "cut":
        writer.write(whole[: len(whole) - max(1, len(reply.body) // 2)])
        await writer.drain()
        return False
    if reply.manner == "drip":
        for start in range(0, len(whole), DRIP_BYTES):
            writer.write(whole[start : start + DRIP_BYTES])
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)
        return True
    writer.write(whole)
    await writer.drain()
    return True
