"""Listening: the socket, the HTTP server, and stopping in good order when the system asks for it."""

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from gerbang.http_connections import PATIENCE, Connection, Patience, Refusal, in_plain_words
from gerbang.settings import Settings, SettingsWrong

log = structlog.get_logger()
DRAIN_SECONDS = 3
"""How long requests that are under way may take once we were asked to stop."""
CUT_SECONDS = 0.2
"""How long what was cut may take to end: an application that does not end when it is cancelled is left."""
DATE_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. Longer than common clients and proxies keep theirs (5 to 60 s), so that it is
they who hang up: a request that meets a closing connection is lost, and a POST is not sent twice by itself."""


class _Present(set[Any]):
    """Connections, or requests under way. `none` is set while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.none = asyncio.Event()
        self.none.set()

    def add(self, element: Any, /) -> None:
        super().add(element)
        self.none.clear()

    def discard(self, element: Any, /) -> None:
        super().discard(element)
        if not self:
            self.none.set()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would kill the process before the database could be stopped.

    Nor does it end requests by itself: it would write of each as of a failure. Where uvicorn looks every tenth of a second
    whether it shall stop, and whether all have gone, this waits for the events.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._connections = self.server_state.connections = _Present()
        self._requests = self.server_state.tasks = _Present()
        self._leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def main_loop(self) -> None:
        """Keeps the header Date right until it is time to leave."""
        while not self._leaving.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), DATE_SECONDS)

    def leave(self) -> None:
        """Takes no new connection from now on; requests that are under way may end."""
        self.should_exit = True
        self._leaving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stays until the last request has its answer, or is cut."""
        for server in self.servers:
            server.close()
        for listened in sockets or []:
            listened.close()
        for connection in list(self._connections):
            connection.shutdown()
        await self._connections.none.wait()
        await self._requests.none.wait()
        for server in self.servers:
            await server.wait_closed()

    def cut(self) -> None:
        """Ends whatever is still under way, once it was asked to stop."""
        if self._requests:
            log.warning(
                "requests were cut: they were still under way when this process had to end",
                requests=len(self._requests),
            )
        for task in self._requests:
            task.cancel()
        for connection in list(self._connections):
            connection.transport.abort()


LOCALHOST = ("127.0.0.1", "::1")
"""What programs take `localhost` for: some try the one first, some the other, and some only one of them."""
SAME_PORT_TRIES = 20
NOT_PERMITTED = (errno.EACCES, errno.EPERM)
NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Listener(contextlib.ExitStack):
    """The sockets that are listened on, all on one port; closed at the end."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        super().__init__()
        self.sockets = [self.enter_context(one) for one in sockets]

    @property
    def host(self) -> str:
        return str(self.sockets[0].getsockname()[0])

    @property
    def port(self) -> int:
        return int(self.sockets[0].getsockname()[1])


def listen(settings: Settings) -> Listener:
    """Sockets on the settings' address, for `localhost` on both that it has. Raises SettingsWrong."""
    try:
        if settings.host != "localhost":
            return Listener([_bound(settings.host, settings.port)])
        for tries_left in range(SAME_PORT_TRIES if settings.port == 0 else 1, 0, -1):
            first = _bound(LOCALHOST[0], settings.port)
            try:
                return Listener([first, _bound(LOCALHOST[1], first.getsockname()[1])])
            except OSError as refused:
                if refused.errno in NO_SUCH_FAMILY:
                    return Listener([first])
                first.close()
                if tries_left == 1:
                    raise
        raise AssertionError("the last try returns or raises")
    except UnicodeError:
        raise SettingsWrong(cannot_listen(settings, socket.gaierror(socket.EAI_NONAME, "no name"))) from None
    except OSError as refused:
        raise SettingsWrong(cannot_listen(settings, refused)) from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # Without its protocol, asyncio leaves Nagle's algorithm on, and every second answer waits 40 ms for the peer.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def cannot_listen(settings: Settings, refused: OSError) -> str:
    """Why an address cannot be listened on, and what to do."""
    where = f"Cannot listen on {settings.host} port {settings.port}"
    if refused.errno in NOT_PERMITTED and 0 < settings.port < 1024:
        return (
            f"{where}: the system keeps ports under 1024 for its administrator. Choose another with --port or "
            "GERBANG_PORT, such as 8000, and let a reverse proxy have that one (docs/production.md)."
        )
    if isinstance(refused, socket.gaierror) or refused.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address. Choose another with --host or GERBANG_HOST."
    return f"{where}: {refused.strerror or refused}. Another program may have it: choose another with --port or GERBANG_PORT."


def told_host(host: str) -> str:
    """The host of an address that can be called, as a URL has it, for one that is listened on."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  it is compared, not bound
    host = LOCALHOST[0] if host == "localhost" else everywhere.get(host, host)
    return f"[{host}]" if ":" in host else host


def base_url(settings: Settings, port: int) -> str:
    """Where payers and merchants reach this gateway."""
    return settings.public_url or f"http://{told_host(settings.host)}:{port}"


def asked_to_stop(say: Callable[[str], None]) -> asyncio.Event:
    """Is set when the system asks to stop, which is said. Asked again, everything that this loop is doing is cancelled."""
    stop = asyncio.Event()

    def ask(by: str) -> None:
        if stop.is_set():
            for task in asyncio.all_tasks():
                task.cancel()
        else:
            stop.set()
            say(
                f"{by}Stopping: what is under way may end, {DRAIN_SECONDS} seconds at most. Asked again, it stops at once."
            )

    for by in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A terminal has written ^C and stays on that line.
        asyncio.get_running_loop().add_signal_handler(by, ask, "\n" if by is signal.SIGINT else "")
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


async def serve_http(
    app: ASGIApp,
    listener: Listener,
    patience: Patience = PATIENCE,
    refusal: Refusal = in_plain_words,
    when_stopping: Sequence[Callable[[], None]] = (),
) -> None:
    """Answers HTTP until cancelled; then calls `when_stopping`, and lets requests that are under way finish.

    What cannot be handed on to the application is answered with a `refusal`.
    """
    protocol = type("_Connection", (Connection,), {"patience": patience, "refusal": staticmethod(refusal)})
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
    )
    server = _Server(config)
    # What is there by now stays for good; looking through it again and again would cost each request some microseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    serving = asyncio.ensure_future(server.serve(sockets=listener.sockets))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        for leave in when_stopping:
            leave()
        server.leave()
        if not (await asyncio.wait([serving], timeout=DRAIN_SECONDS))[0]:
            server.cut()
            await asyncio.wait([serving], timeout=CUT_SECONDS)
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
