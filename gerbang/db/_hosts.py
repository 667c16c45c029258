"""The way to the one server that takes writes, among those that a URL names. A server that says nothing is soon left."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

if TYPE_CHECKING:
    PlainConnection = asyncpg.Connection[asyncpg.Record]
else:
    PlainConnection = asyncpg.Connection

HOST_SECONDS_MAX = 2.0
"""How long one of several hosts is waited for."""
ONLY_HOST_SECONDS_MAX = 10.0
COMMAND_SECONDS_MAX = 5.0
CLOSING_SECONDS_MAX = 1.0
PORT = "5432"
NEXT = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also what the library says of one that only reads
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
"""What makes another host worth asking; a wrong password does not."""


class Connection(PlainConnection):
    """A connection whose end nobody waits for longer than a second: the server may say nothing any more."""

    async def close(self, *, timeout: float | None = None) -> None:
        with suppress(OSError):  # among them the time-out, and a pipe that is broken already
            await super().close(timeout=min(timeout or CLOSING_SECONDS_MAX, CLOSING_SECONDS_MAX))


class Hosts:
    """Connects to the host that was good last, else to the others in their order. Of several, only one that takes writes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._named = _hosts(url)
        self._attributes = {} if "target_session_attrs" in parse_qs(urlsplit(url).query) else READ_WRITE

    async def connect(self, **how: Any) -> PlainConnection:
        how = {"command_timeout": COMMAND_SECONDS_MAX, "connection_class": Connection} | how
        if len(self._named) < 2:
            return await asyncpg.connect(self._url, timeout=ONLY_HOST_SECONDS_MAX, **how)
        failures: list[Exception] = []
        for host, port in tuple(self._named):
            try:
                connection = await asyncpg.connect(
                    self._url, host=host, port=int(port), timeout=HOST_SECONDS_MAX, **self._attributes, **how
                )
            except NEXT as failure:
                failures.append(failure)
                continue
            self._named.remove((host, port))
            self._named.insert(0, (host, port))
            return connection
        raise failures[0]


READ_WRITE = {"target_session_attrs": "read-write"}


def _hosts(url: str) -> list[tuple[str, str]]:
    """The hosts of a URL with their ports, from its middle or from `host` and `port` in its query."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    between = parts.netloc.rpartition("@")[2]
    ports = query.get("port", [PORT])[-1].split(",")
    found: list[tuple[str, str]] = []
    for place, one in enumerate((between or query.get("host", [""])[-1]).split(",")):
        host, port = one, ""
        if one.startswith("["):
            host, _, port = one[1:].partition("]")
        elif not one.startswith("/"):
            host, _, port = one.partition(":")
        port = port.removeprefix(":") or ports[min(place, len(ports) - 1)]
        found.append((unquote(host) if between else host, port))
    return found
