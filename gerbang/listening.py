"""Listening: the socket, the HTTP server, and stopping in good order when the system asks for it."""

import asyncio
import contextlib
import gc
import re
import signal
import socket
from collections.abc import Awaitable, Generator, Sequence
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gerbang.settings import Settings, SettingsWrong

HEAD_BYTES_MAX = 65_536
"""A request line and headers longer than this are cut off, unless they came at one blow."""
DRAIN_SECONDS = 3
"""How long requests that are under way may take once we were asked to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. Longer than common clients and proxies keep theirs (5 to 60 s), so that it is
they who hang up: a request that meets a closing connection is lost, and a POST is not sent twice by itself."""
REQUEST_SECONDS = 60.0
"""How long one request may take to come in whole, and a new connection to begin."""


UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: it would kill the process before the database could be stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """Hangs up on whoever sends a head or a trailer without an end, or never comes to the end of a request.

    The parser itself would keep all of it, and wait for ever.
    """

    request_seconds = REQUEST_SECONDS
    _steps = 0
    _held_bytes = 0
    """What came in since the parser last gave something on: of a head, of a chunk's extension or of a trailer."""
    _coming = True
    """Whether a request is awaited or has come in half."""
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline_off()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._coming = True
        self._deadline_off()  # each request has its time, however long the connection has been there
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._steps += 1
        self._in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._steps += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._steps += 1
        self._coming = self._in_body = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        before = self._steps
        super().data_received(_without_upgrade(data) if b"pgrade" in data and not self._in_body else data)
        answer = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if not self._coming and answer is not None and not answer.response_complete:
            self._deadline_off()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.request_seconds, self._give_up)
        self._held_bytes = self._held_bytes + len(data) if self._steps == before else 0
        if self._held_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def _deadline_off(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        answer = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        # An answer that is on its way already must not have another one put into its middle.
        if answer is None or answer.response_complete or not answer.response_started:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
        self.transport.close()


def _without_upgrade(head: bytes) -> bytes:
    """A request's head whose wish for another protocol cannot be read: the parser would pass over its body.

    Java's HTTP client asks for HTTP/2 so with every first request, and is content with an answer in HTTP/1.1.
    """
    lines, end, body = head.partition(b"\r\n\r\n")
    return UPGRADE.sub(b"\r\nx-not-upgraded:", lines) + end + body


Listener = socket.socket


def listen(settings: Settings) -> Listener:
    """A socket on the settings' address. Raises SettingsWrong when that cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Without its protocol, asyncio leaves Nagle's algorithm on, and every second answer waits 40 ms for the peer.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as refused:
        raise SettingsWrong(
            f"Cannot listen on {settings.host} port {settings.port}: {refused.strerror or refused}. Another program may "
            "have it: choose another with --port or GERBANG_PORT."
        ) from None
    return listener


def base_url(settings: Settings, listener: Listener) -> str:
    if settings.public_url is not None:
        return settings.public_url
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  it is compared, not bound
    host = everywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def asked_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


async def until_stopped(jobs: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Runs jobs until we are asked to stop or one of them ends, which none should."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    stopping = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done - {stopping}:
        task.result()


async def serve_http(app: ASGIApp, listener: Listener, request_seconds: float = REQUEST_SECONDS) -> None:
    """Answers HTTP until cancelled; then lets requests that are under way finish."""
    protocol = type("_Protocol", (_Protocol,), {"request_seconds": request_seconds})
    config = uvicorn.Config(
        app,
        loop="none",
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)
    # What is there by now stays for good; looking through it again and again would cost each request some microseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
