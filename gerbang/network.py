"""The door to the network: the only way out of the house. It posts news to shops and asks banks, and nothing else.

A call follows no redirect, uses no proxy, keeps no cookie and unpacks no body, and in live mode it connects to exactly the
public address that was judged. What comes back is read by gerbang.http_answers.
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
from functools import lru_cache
from typing import cast
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs
import msgspec

from gerbang import __version__
from gerbang.addresses import Address, is_public
from gerbang.http_answers import Incoming, NotHttp
from gerbang.resolver import Ask, Found, Resolver
from gerbang.trust import trusted

URL_CHARACTERS_MAX = 2_000
ADDRESSES_MAX = 4  # of one name; a dead one gives way to the next after a quarter of a second (RFC 8305)
NEXT_ADDRESS_SECONDS = 0.25
KEEP_ALIVE_SECONDS = 4.0  # below the 5 s of common servers, so that a post rarely meets a connection that is closing
REST_SECONDS = 1.0
# Headers that frame the message: a caller's own value is not sent.
_OURS = frozenset({"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HOST = re.compile(r"[0-9a-z_.-]+|[0-9a-f:.]+")  # a name, or an IPv6 address

Origin = tuple[bool, str, int]
"""Whose connections are one another's: with TLS or not, host, port."""
_Start = Callable[..., Awaitable[socket.socket]]


class NetworkFailed(Exception):
    """No answer came. `reason` is a short sentence for a log or a dashboard; `seconds` is how long the call took."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class Answer(msgspec.Struct, frozen=True):
    """What the peer said: header names in lower case, and the call's duration.

    `whole`: headers and body came as they were announced. Where the status is not all that one wants to know, look at it.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    whole: bool


class Target(msgspec.Struct, frozen=True):
    """What will be called, made of the very parts that were judged; the path stays as it is."""

    tls: bool
    host: str
    port: int
    shown: str
    """The host as the peer is told it, with a port that is not the usual one."""
    path: str

    @property
    def origin(self) -> Origin:
        return self.tls, self.host, self.port


# The guard: no call while rows are held

_held: ContextVar[tuple[list[str], ...]] = ContextVar("network_held", default=())


@contextmanager
def forbidden(why: str) -> Generator[None]:
    """While the block lasts, every call in it and in tasks started inside it raises RuntimeError.

    A task that outlives the block may call again, since the rows are no longer held.
    """
    outer, block = _held.get(), [why]
    _held.set((*outer, block))
    try:
        yield
    finally:
        block.clear()  # tasks that were started inside have the same list in their own context
        _held.set(outer)


# Which URLs and addresses may be called


def split_credentials(url: str) -> tuple[str, str | None]:
    """A URL without its user name and password, and these as HTTP Basic wants them: `name:password`.

    What cannot be a URL is given as it came: it is refused when it is judged. Raises NetworkFailed, which shows neither.
    """
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return url, None
    told, at, place = netloc.rpartition("@")
    if not at or not _readable(url):
        return url, None
    try:
        name, password = (unquote(part, errors="strict") for part in told.partition(":")[::2])
    except UnicodeDecodeError:
        name, password = ":", ""
    if ":" in name or not (name + password).isprintable():
        raise NetworkFailed("the URL's user name or password has characters that can't be sent")
    return url.replace(netloc, place, 1), f"{name}:{password}"


def _readable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "\\" not in url


@lru_cache(maxsize=4096)
def _target(url: str, allow_private: bool, ports: frozenset[str] | None) -> Target:
    """Judge a URL and give what will be called."""
    if len(url) > URL_CHARACTERS_MAX:
        raise NetworkFailed(f"the URL is longer than {URL_CHARACTERS_MAX:,} characters")
    if not _readable(url):
        raise NetworkFailed("the URL has characters that must be percent-encoded (or punycode, in the host's name)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NetworkFailed("the URL can't be read: its host or port is malformed") from None
    if parts.scheme not in {"http", "https"}:
        raise NetworkFailed("the URL must begin with https:// or http://")
    if "@" in parts.netloc or "@" in parts.fragment:
        raise NetworkFailed(
            "the URL's user name or password has characters that must be percent-encoded, or no place here"
        )
    host = (parts.hostname or "").removesuffix(".")
    if not host or host.startswith(".") or ".." in host:
        raise NetworkFailed("the URL has no host, or one with an empty part in its name")
    if port == 0:
        raise NetworkFailed("the URL's port must be between 1 and 65535")
    address = _literal(host)
    private = host == "localhost" or host.endswith(".localhost") or (address is not None and not is_public(address))
    if private and not allow_private:
        raise NetworkFailed(f"the address is not allowed: {host} is not on the public internet")
    host = str(address or host)  # the usual spelling, which every resolver takes for an address
    if not _HOST.fullmatch(host):
        raise NetworkFailed("the URL can't be read: its host is malformed")
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    way = f"{parts.scheme}:{port or usual}"
    if ports is not None and way not in ports:
        raise NetworkFailed(
            f"the URL leads to {way}, and this gateway's operator allows {', '.join(sorted(ports))} only"
        )
    shown = f"[{host}]" if ":" in host else host
    return Target(
        tls=tls,
        host=host,
        port=port or usual,
        shown=shown if port in (None, usual) else f"{shown}:{port}",
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def _literal(host: str) -> Address | None:
    """Read a host that is an address, also in the spellings that resolvers take: 2130706433, 0x7f.1, 0177.0.0.1."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _ask_system(host: str, port: int) -> list[Found]:
    return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)]


class _Connection(asyncio.Protocol):
    """One connection to a peer. One exchange goes on at a time, and between two of them nothing may come."""

    transport: asyncio.Transport
    leave: asyncio.TimerHandle | None = None
    """When it has rested for long enough."""

    def __init__(self, rest_seconds: float) -> None:
        self._rest_seconds = rest_seconds
        self._incoming: Incoming | None = None
        self._over: asyncio.Future[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes, incoming: Incoming) -> None:
        """Sends a request and hears the answer. Raises NetworkFailed where none came; `incoming` has what came of it."""
        self._incoming, self._over = incoming, asyncio.get_running_loop().create_future()
        try:
            self.transport.write(request)
            await self._over
        finally:
            self._incoming = self._over = None
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

    @property
    def quiet(self) -> bool:
        """Whether it stands and nothing has come by it, not even what the loop has not seen yet."""
        if self.transport.is_closing():
            return False
        ear = select.poll()
        ear.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not ear.poll(0)

    def hang_up(self) -> None:
        """At once, whatever else the peer wants to say."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._incoming is None or self._incoming.over:
            self.hang_up()  # nobody asked, or nobody listens any more
            return
        try:
            self._incoming.feed(data)
        except NotHttp as failure:
            self._end(str(failure))
            return
        if self._incoming.over:
            self._end()
        elif self._incoming.status is not None and self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(self._rest_seconds, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._incoming is not None and not self._incoming.over:
            self._incoming.end(cleanly=exc is None)
            self._end("the connection was closed without an answer" if exc is None else "the connection broke")

    def _end(self, failure: str = "") -> None:
        """Ends the exchange. What comes from now on costs the peer its connection."""
        if self._over is not None and not self._over.done():
            if failure:
                self._over.set_exception(NetworkFailed(failure))
            else:
                self._over.set_result(None)


class Network:
    """Calls to the outside. One per process; connections are kept a few seconds for the next call to the same origin.

    allow_private: the sandbox, where a shop may live on localhost. False is live mode: public addresses only.
    ports: what may be called, such as `https:443`; None is whatever a URL says.
    connections_max: calls at the same time; a further one waits for a place, and that wait is not part of its time-out,
    so that a peer is never blamed for our own load.
    rest_seconds: how long the rest of an answer is waited for, once its status is there.
    ask: where a name leads.
    """

    def __init__(
        self,
        allow_private: bool,
        *,
        ports: frozenset[str] | None = None,
        connections_max: int = 200,
        rest_seconds: float = REST_SECONDS,
        tls: ssl.SSLContext | None = None,
        ask: Ask = _ask_system,
    ) -> None:
        self._allow_private = allow_private
        self._ports = ports
        self._connections_max = connections_max
        self._rest_seconds = rest_seconds
        self._places = asyncio.Semaphore(connections_max)
        self._resolver = Resolver(ask)
        self._tls = tls or trusted()
        self._resting: defaultdict[Origin, list[_Connection]] = defaultdict(list)
        self._closed = False

    def check(self, url: str) -> None:
        """Raises NetworkFailed with the reason why `url` can't be called. Names are not resolved here, only when called."""
        _target(url, self._allow_private, self._ports)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float = 15.0, again: bool = False
    ) -> Answer:
        """Send `body` exactly as it is and give the answer, whatever its status; raise NetworkFailed when none came.

        What may come twice is sent `again` where a kept connection broke before a byte came: its peer was closing it.
        """
        return await self._call("POST", url, body, headers, timeout_seconds, again)

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float = 15.0) -> Answer:
        """Ask, as `post` sends."""
        return await self._call("GET", url, None, headers, timeout_seconds, True)

    async def aclose(self) -> None:
        """Let the calls under way end by themselves, then hang up on everyone. A later call raises RuntimeError."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._connections_max):
            await self._places.acquire()
        for connection in [each for resting in self._resting.values() for each in resting]:
            connection.hang_up()

    async def _call(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds_max: float, again: bool
    ) -> Answer:
        if why := [reason for block in _held.get() for reason in block]:
            raise RuntimeError(f"the network must not be called while rows are held ({why[-1]})")
        if self._closed:
            raise RuntimeError("the network is closed")
        target = _target(url, self._allow_private, self._ports)
        request = _request(method, target, body, headers)
        async with self._places:
            loop = asyncio.get_running_loop()
            started = loop.time()
            heard, failure = [Incoming()], ""
            try:
                # One limit over everything (name, connect, TLS, sending, reading): a peer that drips can't hold on.
                async with asyncio.timeout(seconds_max):
                    await self._exchange(target, request, heard, again)
            except TimeoutError:
                failure = f"timed out after {seconds_max:g} s"
            except (NetworkFailed, OSError, ValueError) as error:
                failure = _reason(error, target)
            seconds, incoming = loop.time() - started, heard[-1]
            if incoming.status is None:  # once it is there, nothing that went wrong behind it counts
                raise NetworkFailed(failure, seconds)
            return Answer(incoming.status, incoming.headers, incoming.body, seconds, incoming.whole)

    async def _exchange(self, target: Target, request: bytes, heard: list[Incoming], again: bool) -> None:
        """One request and its answer, the last of `heard`, on a connection that rested or on a new one."""
        while True:
            rested, clean = self._rested(target.origin), False
            connection = rested or await self._connect(target)
            heard.append(incoming := Incoming())
            try:
                await connection.exchange(request, incoming)
                clean = incoming.leaves_a_clean_connection and not connection.transport.get_write_buffer_size()
                return
            except NetworkFailed:
                if rested is None or not again or not incoming.silent:
                    raise
            finally:
                if clean:
                    self._rest(target.origin, connection)
                else:
                    connection.hang_up()

    def _rested(self, origin: Origin) -> _Connection | None:
        resting = self._resting.get(origin, [])
        while resting:
            connection = resting.pop()
            self._forget(origin)
            if connection.leave is not None:
                connection.leave.cancel()
            if connection.quiet:
                return connection
            connection.hang_up()
        return None

    def _rest(self, origin: Origin, connection: _Connection) -> None:
        def leave() -> None:
            self._resting[origin].remove(connection)
            self._forget(origin)
            connection.hang_up()

        connection.leave = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, leave)
        self._resting[origin].append(connection)

    def _forget(self, origin: Origin) -> None:
        if not self._resting[origin]:
            del self._resting[origin]

    async def _connect(self, target: Target) -> _Connection:
        loop = asyncio.get_running_loop()
        found = await self._addresses(target)
        start = cast(_Start, aiohappyeyeballs.start_connection)  # pyright: ignore[reportUnknownMemberType]  it says `tuple`
        socket_ = await start(found, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=loop)
        tls, name = (self._tls, target.host) if target.tls else (None, None)
        connection = _Connection(self._rest_seconds)
        await loop.create_connection(lambda: connection, sock=socket_, ssl=tls, server_hostname=name)
        return connection

    async def _addresses(self, target: Target) -> list[Found]:
        """Where a host is, at most ADDRESSES_MAX. The name is asked for once, and what is judged is what is called.

        In live mode one that is not public refuses them all: nobody has an honest mix.
        """
        if literal := _literal(target.host):
            family = socket.AF_INET6 if literal.version == 6 else socket.AF_INET
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (target.host, target.port))]
        found = await self._resolver.find(target.host, target.port)
        if not found:
            raise NetworkFailed(f"name not found: {target.host}")
        for *_, (address, *_) in found:
            if not self._allow_private and not is_public(ipaddress.ip_address(address)):
                raise NetworkFailed(f"address not allowed: {target.host} leads to {address}, which is not public")
        return [*found[:ADDRESSES_MAX]]


def _request(method: str, target: Target, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """The bytes of a request."""
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
    """Say what happened in a short sentence without a peer's bytes in it."""
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
