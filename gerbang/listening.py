"""The listening sockets, the HTTP server, and stopping it by signal without cutting requests."""

import asyncio
import contextlib
import errno
import gc
import select
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from gerbang.http_connections import PATIENCE, Connection, Patience
from gerbang.http_refusals import Refusal, in_plain_text
from gerbang.settings import Settings, SettingsWrong

log = structlog.get_logger()
DRAIN_SECONDS = 3
"""How long requests under way may still take after a signal to stop."""
CUT_SECONDS = 0.2
"""How long cancelled requests may take to end."""
ACCEPTING_TURNS_MAX = 100
"""Turns of the loop in which a server that stops accepts who connected before: one is enough unless more and more come."""
READING_TURNS = 10
"""Turns after that: asyncio and uvloop need fewer to read what the last one sent."""
DATE_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
    """uvicorn without its signal handling, which would end the process before the embedded database is stopped.

    It does not cancel requests by itself either, since it would log each as a failure. Where uvicorn polls ten times a
    second whether to stop and whether all connections are closed, this waits for events.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._connections = self.server_state.connections = _Present()
        self._requests = self.server_state.tasks = _Present()
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def main_loop(self) -> None:
        """Updates the Date header until `stop` is called."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), DATE_SECONDS)

    def stop(self) -> None:
        """Accepts no more connections; requests under way may finish."""
        self.should_exit = True
        self._stopping.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Waits until all requests are answered and all connections closed, those in the listen backlog included."""
        await self._accept_the_last(sockets or [])
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for _ in range(READING_TURNS):
            await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.shutdown()
        await self._connections.none.wait()
        await self._requests.none.wait()
        for server in self.servers:
            await server.wait_closed()

    async def _accept_the_last(self, sockets: list[socket.socket]) -> None:
        """Accepts until the listen backlog is empty: closing it would reset who is in it."""
        waiting = select.poll()
        for listening in sockets:
            waiting.register(listening, select.POLLIN)
        for _ in range(ACCEPTING_TURNS_MAX):
            if not waiting.poll(0):
                return
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Cancels requests that are still under way and closes their connections."""
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
"""The addresses of `localhost`: some programs try the one first, some the other, and some only one of them."""
SAME_PORT_TRIES = 20
NOT_PERMITTED = (errno.EACCES, errno.EPERM)
NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Listener(contextlib.ExitStack):
    """The listening sockets, all on one port; closed on exit."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        super().__init__()
        self.sockets = [self.enter_context(one) for one in sockets]

    @property
    def host(self) -> str:
        return str(self.sockets[0].getsockname()[0])

    @property
    def port(self) -> int:
        return int(self.sockets[0].getsockname()[1])


def listen(settings: Settings, port: int | None = None, *, shared: bool = False) -> Listener:
    """Binds sockets to the settings' address; `localhost` is both 127.0.0.1 and ::1. Raises SettingsWrong.

    `port` is used instead of theirs. A shared one may be bound several times.
    """
    port = settings.port if port is None else port
    try:
        if settings.host != "localhost":
            return Listener([_bound(settings.host, port, shared=shared)])
        for tries_left in range(SAME_PORT_TRIES if port == 0 else 1, 0, -1):
            first = _bound(LOCALHOST[0], port, shared=shared)
            try:
                return Listener([first, _bound(LOCALHOST[1], first.getsockname()[1], shared=shared)])
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


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # Without the protocol number asyncio leaves Nagle's algorithm on, and every second answer waits 40 ms.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def cannot_listen(settings: Settings, refused: OSError) -> str:
    """The sentence for an operator: why an address cannot be bound, and what to do."""
    where = f"Cannot listen on {settings.host} port {settings.port}"
    if refused.errno in NOT_PERMITTED and 0 < settings.port < 1024:
        return (
            f"{where}: the system keeps ports under 1024 for its administrator. Choose another with --port or "
            "GERBANG_PORT, such as 8000, and let a reverse proxy have that one (docs/production.md)."
        )
    if isinstance(refused, socket.gaierror) or refused.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address. Choose another with --host or GERBANG_HOST."
    return f"{where}: {refused.strerror or refused}. Another program may have it: choose another with --port or GERBANG_PORT."


def host_in_url(host: str) -> str:
    """The host to put into a URL for an address that is bound: a loopback address for a wildcard, brackets for IPv6."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  it is compared, not bound
    host = LOCALHOST[0] if host == "localhost" else everywhere.get(host, host)
    return f"[{host}]" if ":" in host else host


def base_url(settings: Settings, port: int) -> str:
    """The URL at which payers and merchants reach this gateway, without a slash at the end."""
    return settings.public_url or f"http://{host_in_url(settings.host)}:{port}"


def stop_on_signals(say: Callable[[str], None]) -> asyncio.Event:
    """An event that SIGINT, SIGTERM or SIGHUP sets, with a sentence to `say`.

    A second signal cancels all tasks of the loop. Any further one does nothing: what then still has to be closed takes
    seconds at most.
    """
    stop, at_once = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def received(line_break: str) -> None:
        if at_once.is_set():
            return
        if stop.is_set():
            at_once.set()
            for task in asyncio.all_tasks():
                task.cancel()
        else:
            stop.set()
            say(
                f"{line_break}Stopping: what is under way may end, {DRAIN_SECONDS} seconds at most. Asked again, it stops at once."
            )

    def pass_to_loop(number: int, frame: object) -> None:
        if not loop.is_closed():
            # A terminal prints ^C without a line break.
            loop.call_soon_threadsafe(received, "\n" if number == signal.SIGINT else "")

    for by in STOP_SIGNALS:
        # A handler of the loop would be removed at its end, and the next signal would kill what still has to be ended.
        signal.signal(by, pass_to_loop)
    return stop


def ignore_signals() -> None:
    """From now on no signal kills: this process has been asked to stop, and ends by itself."""
    for by in STOP_SIGNALS:
        signal.signal(by, signal.SIG_IGN)


async def until_stopped(jobs: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Runs jobs until `stop` is set or one of them ends, which is an error: its exception is raised."""
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
    refusal: Refusal = in_plain_text,
    when_stopping: Sequence[Callable[[], None]] = (),
) -> None:
    """Answers HTTP until cancelled; then calls `when_stopping` and lets requests under way finish.

    A request that cannot be parsed is answered by `refusal`.
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
        timeout_keep_alive=patience.idle,
    )
    server = _Server(config)
    # Objects made so far live as long as the process: exempting them from garbage collection saves time per request.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    serving = asyncio.ensure_future(server.serve(sockets=listener.sockets))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        for leave in when_stopping:
            leave()
        server.stop()
        if not (await asyncio.wait([serving], timeout=DRAIN_SECONDS))[0]:
            server.cut()
            await asyncio.wait([serving], timeout=CUT_SECONDS)
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
