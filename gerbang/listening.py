"""Listening: the socket, the HTTP server, and stopping in good order when the system asks for it."""

import asyncio
import contextlib
import errno
import gc
import resource
import signal
import socket
from collections.abc import Awaitable, Generator, Sequence
from typing import Self

import structlog
import uvicorn
from starlette.types import ASGIApp

from gerbang.http_connection import HttpConnection
from gerbang.settings import LOCALHOST, Settings, SettingsWrong

DRAIN_SECONDS = 3
"""How long requests that are under way may take once we were asked to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. Longer than common clients and proxies keep theirs (5 to 60 s), so that it is
they who hang up: a request that meets a closing connection is lost, and a POST is not sent twice by itself."""
FILES_KEPT = 256
"""File descriptors that are kept for the database, callbacks and files, at most a quarter of all."""
FILES_MANY = 1_000_000
FILES_ENOUGH = 4_096

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: it would kill the process before the database could be stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Listener:
    """The sockets that a gateway is reached by: one, or one for each family of the machine's own name."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.sockets = sockets

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for each in self.sockets:
            each.close()

    @property
    def address(self) -> tuple[str, int]:
        """The host and port of the first socket."""
        host, port = self.sockets[0].getsockname()[:2]
        return host, port


def listen(settings: Settings) -> Listener:
    """Sockets on the settings' address. Raises SettingsWrong when that cannot be had.

    `localhost` is both of the machine's own addresses, where it has both: clients differ in which one they try.
    """
    hosts = ["127.0.0.1", "::1"] if settings.host == LOCALHOST else [settings.host]
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            port = sockets[0].getsockname()[1] if sockets else settings.port
            try:
                sockets.append(_bound(host, port))
            except OSError as refused:
                if not sockets or refused.errno == errno.EADDRINUSE:
                    raise
    except OSError as refused:
        Listener(sockets).__exit__()
        raise SettingsWrong(_complaint(settings, refused)) from None
    return Listener(sockets)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # Without its protocol, asyncio leaves Nagle's algorithm on, and every second answer waits 40 ms for the peer.
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _complaint(settings: Settings, refused: OSError) -> str:
    where = f"Cannot listen on {settings.host} port {settings.port}: {refused.strerror or refused}."
    if refused.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} Ports under 1024 need a right that this account does not have: choose a higher one with --port or "
            "GERBANG_PORT, and let the proxy in front have the low one."
        )
    return f"{where} Another program may have it: choose another with --port or GERBANG_PORT."


def base_url(settings: Settings, port: int) -> str:
    """Where callers reach a gateway that listens on this port."""
    if settings.public_url is not None:
        return settings.public_url
    everywhere = {LOCALHOST: "127.0.0.1", "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  it is compared, not bound
    host = everywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def raise_files_max() -> int:
    """Lets this process open as many files as its account may; how many that are.

    Each connection is one, and the usual soft limit of 1,024 is a thousand open pages.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS says that there is no limit, and has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return files_max()


def files_max() -> int:
    """How many files this process may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES_MANY if soft == resource.RLIM_INFINITY else min(soft, FILES_MANY)


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


async def serve_http(app: ASGIApp, listener: Listener, **bounds: float) -> None:
    """Answers HTTP until cancelled; then lets requests that are under way finish. `bounds`: see HttpConnection."""
    files = raise_files_max()
    connections = files - min(FILES_KEPT, files // 4)
    protocol = type("_HttpConnection", (HttpConnection,), {"connections_max": connections} | bounds)
    say = log.warning if files < FILES_ENOUGH else log.debug
    say("this process may have so many files open at once, and each connection is one", most=files, of_them=connections)
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
    serving = asyncio.ensure_future(server.serve(sockets=list(listener.sockets)))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
