"""The HTTP client, and the only file that opens connections to the network: it posts callbacks and calls banks.

A call follows no redirect, uses no proxy, keeps no cookie and decompresses no body. In live mode it connects to exactly
the public address that was checked. gerbang.network_targets decides which URLs that may be, gerbang.http_answers parses the answer.
"""

import asyncio
import ipaddress
import re
import select
import socket
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

import aiohappyeyeballs
import msgspec

from gerbang import __version__
from gerbang.addresses import is_public
from gerbang.http_answers import ANSWER_BYTES_MAX, Incoming, NotHttp
from gerbang.network_targets import NetworkFailed, Origin, Target, literal, target_of
from gerbang.resolver import Found, Lookup, Resolver
from gerbang.trust import trusted

ADDRESSES_MAX = 4  # of one name; the next is tried after a quarter of a second (RFC 8305)
NEXT_ADDRESS_SECONDS = 0.25
KEEP_ALIVE_SECONDS = 4.0  # below the 5 s of common servers, so that a post rarely meets a connection that is closing
REST_SECONDS = 1.0
# Headers that frame the message or are set here: a caller's value is not sent.
_OURS = frozenset({"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_Start = Callable[..., Awaitable[socket.socket]]


class Answer(msgspec.Struct, frozen=True):
    """An HTTP response: status, headers with names in lower case, body, and the call's duration in seconds.

    `whole` is whether headers and body were received as announced: check it where more than the status matters.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    whole: bool


class Manner(msgspec.Struct, frozen=True):
    """How a call is made.

    again: an idempotent request is sent once more if a kept connection broke before a byte of the answer was received.
    fresh: over a new connection, so that nothing is lost on one that the peer was about to close.
    rest_seconds: how long the rest of an answer is waited for, once its status is received, within the call's own limit.
    bytes_max: how much of the answer is read.
    """

    again: bool = False
    fresh: bool = False
    rest_seconds: float = REST_SECONDS
    bytes_max: int = ANSWER_BYTES_MAX


# No call while rows are locked

_held: ContextVar[tuple[list[str], ...]] = ContextVar("network_held", default=())


@contextmanager
def forbidden(why: str) -> Generator[None]:
    """Inside this `with` statement, every call, also of tasks started in it, raises RuntimeError.

    A task that outlives the statement may call again, since the rows are no longer locked.
    """
    outer, reasons = _held.get(), [why]
    _held.set((*outer, reasons))
    try:
        yield
    finally:
        reasons.clear()  # tasks started inside have the same list in their own context
        _held.set(outer)


def _resolve_by_system(host: str, port: int) -> list[Found]:
    return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)]


class _Connection(asyncio.Protocol):
    """One connection to a peer, with one exchange at a time. It is closed if bytes arrive between two exchanges."""

    transport: asyncio.Transport
    idle_timer: asyncio.TimerHandle | None = None
    """Closes the connection when it was idle for KEEP_ALIVE_SECONDS."""

    def __init__(self) -> None:
        self._rest_seconds = REST_SECONDS
        self._incoming: Incoming | None = None
        self._over: asyncio.Future[None] | None = None
        self._rest_timer: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes, incoming: Incoming, rest_seconds: float) -> None:
        """Sends a request and receives the answer into `incoming`. Raises NetworkFailed if no answer was received."""
        self._rest_seconds = rest_seconds
        self._incoming, self._over = incoming, asyncio.get_running_loop().create_future()
        try:
            self.transport.write(request)
            await self._over
        finally:
            self._incoming = self._over = None
            if self._rest_timer is not None:
                self._rest_timer.cancel()
                self._rest_timer = None

    @property
    def idle(self) -> bool:
        """Whether it is open and has no byte to read, also none that the event loop has not seen yet."""
        if self.transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def close_now(self) -> None:
        """Closes the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._incoming is None or self._incoming.over:
            self.close_now()  # bytes that belong to no request
            return
        try:
            self._incoming.feed(data)
        except NotHttp as failure:
            self._end(str(failure))
            return
        if self._incoming.over:
            self._end()
        elif self._incoming.status is not None and self._rest_timer is None:
            self._rest_timer = asyncio.get_running_loop().call_later(self._rest_seconds, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._incoming is not None and not self._incoming.over:
            self._incoming.end(cleanly=exc is None)
            self._end("the connection was closed without an answer" if exc is None else "the connection broke")

    def _end(self, failure: str = "") -> None:
        """Ends the exchange. Bytes that arrive after this close the connection."""
        if self._over is not None and not self._over.done():
            if failure:
                self._over.set_exception(NetworkFailed(failure))
            else:
                self._over.set_result(None)


class Network:
    """The HTTP client. One per process; connections are kept a few seconds for the next call to the same origin.

    allow_private: True in the sandbox, where a merchant's server may be on localhost; False in live mode.
    ports: which ports may be called, such as `https:443`; None allows all.
    connections_max: the most calls at the same time. A further one waits, and that is not part of its timeout, so that
    our own load is never recorded as a peer's failure.
    rest_seconds: how long the rest of an answer is waited for, once its status is received.
    lookup: resolves a name to addresses.
    """

    def __init__(
        self,
        allow_private: bool,
        *,
        ports: frozenset[str] | None = None,
        connections_max: int = 200,
        rest_seconds: float = REST_SECONDS,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = _resolve_by_system,
    ) -> None:
        self._allow_private = allow_private
        self._ports = ports
        self._connections_max = connections_max
        self._rest_seconds = rest_seconds
        self._places = asyncio.Semaphore(connections_max)
        self._resolver = Resolver(lookup)
        self._tls = tls or trusted()
        self._kept: defaultdict[Origin, list[_Connection]] = defaultdict(list)
        self._lines: list[Network] = []
        self._only: Origin | None = None
        self._closed = False

    def line_to(self, url: str, *, private: bool = False, tls: ssl.SSLContext | None = None) -> "Network":
        """A client of its own that calls the origin of this URL and no other; it is closed with this one.

        private: the URL may be on a private network in live mode too, as an operator has written. tls: with what TLS is
        spoken, as where a client certificate must be shown.
        """
        line = Network(
            self._allow_private or private,
            ports=None if private else self._ports,
            connections_max=self._connections_max,
            tls=tls or self._tls,
            rest_seconds=self._rest_seconds,
        )
        line._resolver = self._resolver
        line._only = target_of(url, line._allow_private, line._ports).origin
        self._lines.append(line)
        return line

    def check(self, url: str) -> None:
        """Raises NetworkFailed with the reason if `url` can't be called. Names are resolved only when called."""
        self._target(url)

    def _target(self, url: str) -> Target:
        target = target_of(url, self._allow_private, self._ports)
        if self._only is not None and target.origin != self._only:
            raise NetworkFailed(f"the address is not allowed: this line leads to {self._only[1]}:{self._only[2]} only")
        return target

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float = 15.0, again: bool = False
    ) -> Answer:
        """POST `body` unchanged and return the answer, whatever its status. Raises NetworkFailed if there was none.

        `again`: an idempotent request is sent once more if a kept connection broke before a byte of the answer was
        received, since the peer was closing that connection.
        """
        manner = Manner(again=again, rest_seconds=self._rest_seconds)
        return await self.call("POST", url, body, headers, timeout_seconds=timeout_seconds, manner=manner)

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float = 15.0) -> Answer:
        """GET `url` and return the answer, whatever its status. Raises NetworkFailed if there was none."""
        manner = Manner(again=True, rest_seconds=self._rest_seconds)
        return await self.call("GET", url, None, headers, timeout_seconds=timeout_seconds, manner=manner)

    async def aclose(self) -> None:
        """Wait for the calls under way, then close all connections. A later call raises RuntimeError."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(line.aclose() for line in self._lines))
        for _ in range(self._connections_max):
            await self._places.acquire()
        for connection in [each for kept in self._kept.values() for each in kept]:
            connection.close_now()

    async def call(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        manner: Manner,
    ) -> Answer:
        """Any request, with or without a body, as `post` is one. Raises NetworkFailed if there was no answer."""
        if why := [reason for reasons in _held.get() for reason in reasons]:
            raise RuntimeError(f"the network must not be called while rows are held ({why[-1]})")
        if self._closed:
            raise RuntimeError("the network is closed")
        target = self._target(url)
        request = _request(method, target, body, headers)
        async with self._places:
            loop = asyncio.get_running_loop()
            started = loop.time()
            received: list[Incoming] = []
            failure = ""
            try:
                # One limit over everything (name, connect, TLS, sending, reading): a slow peer cannot exceed it.
                async with asyncio.timeout(timeout_seconds):
                    await self._exchange(target, request, received, manner)
            except TimeoutError:
                failure = f"timed out after {timeout_seconds:g} s"
            except (NetworkFailed, OSError, ValueError) as error:
                failure = _reason(error, target)
            seconds, incoming = loop.time() - started, received[-1] if received else None
            if incoming is None or incoming.status is None:  # with a status it succeeded, whatever failed after it
                raise NetworkFailed(failure, seconds, unsent=not received)
            return Answer(incoming.status, incoming.headers, incoming.body, seconds, incoming.whole)

    async def _exchange(self, target: Target, request: bytes, received: list[Incoming], manner: Manner) -> None:
        """One request on a kept connection or on a new one. Its answer is the last of `received`; none: nothing was sent."""
        while True:
            kept, clean = None if manner.fresh else self._take_kept(target.origin), False
            connection = kept or await self._connect(target)
            received.append(incoming := Incoming(manner.bytes_max))
            try:
                await connection.exchange(request, incoming, manner.rest_seconds)
                clean = incoming.connection_is_reusable and not connection.transport.get_write_buffer_size()
                return
            except NetworkFailed:
                if kept is None or not manner.again or not incoming.silent:
                    raise
            finally:
                if clean:
                    self._keep(target.origin, connection)
                else:
                    connection.close_now()

    def _take_kept(self, origin: Origin) -> _Connection | None:
        kept = self._kept.get(origin, [])
        while kept:
            connection = kept.pop()
            self._forget(origin)
            if connection.idle_timer is not None:
                connection.idle_timer.cancel()
            if connection.idle:
                return connection
            connection.close_now()
        return None

    def _keep(self, origin: Origin, connection: _Connection) -> None:
        def close() -> None:
            self._kept[origin].remove(connection)
            self._forget(origin)
            connection.close_now()

        connection.idle_timer = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, close)
        self._kept[origin].append(connection)

    def _forget(self, origin: Origin) -> None:
        if not self._kept[origin]:
            del self._kept[origin]

    async def _connect(self, target: Target) -> _Connection:
        loop = asyncio.get_running_loop()
        found = await self._addresses(target)
        start = cast(_Start, aiohappyeyeballs.start_connection)  # pyright: ignore[reportUnknownMemberType]  it says `tuple`
        socket_ = await start(found, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=loop)
        tls, name = (self._tls, target.host) if target.tls else (None, None)
        connection = _Connection()
        await loop.create_connection(lambda: connection, sock=socket_, ssl=tls, server_hostname=name)
        return connection

    async def _addresses(self, target: Target) -> list[Found]:
        """The addresses of a host, at most ADDRESSES_MAX, resolved once: the checked addresses are the ones called.

        In live mode one address that is not public refuses them all: no legitimate name has both.
        """
        if address := literal(target.host):
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (target.host, target.port))]
        found = await self._resolver.find(target.host, target.port)
        if not found:
            raise NetworkFailed(f"name not found: {target.host}")
        for *_, (address, *_) in found:
            if not self._allow_private and not is_public(ipaddress.ip_address(address)):
                raise NetworkFailed(f"address not allowed: {target.host} leads to {address}, which is not public")
        return [*found[:ADDRESSES_MAX]]


def _request(method: str, target: Target, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """The bytes of a request. Raises NetworkFailed if a header is malformed."""
    lines = [
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.shown}",
        f"User-Agent: Gerbang/{__version__}",
        "Accept-Encoding: identity",
    ]
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise NetworkFailed("the request can't be sent: a header is malformed")
        if name.lower() not in _OURS:
            lines.append(f"{name}: {value}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _reason(error: Exception, target: Target) -> str:
    """A failure as a short sentence that contains none of the peer's bytes."""
    if isinstance(error, NetworkFailed):
        return error.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message or 'the certificate is not valid'}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'the handshake failed').lower().replace('_', ' ')}"
    if isinstance(error, OSError):
        refused = isinstance(error, ConnectionRefusedError)
        return f"{'refused by' if refused else 'could not connect to'} {target.host}:{target.port}"
    return "the request can't be sent: the host's name is malformed"
