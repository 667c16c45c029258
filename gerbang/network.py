"""The door to the network: the only way out of the house. It posts news to shops and asks banks, and nothing else.

aiohttp speaks HTTP; this file says where it may go. A call follows no redirect, uses no proxy, keeps no cookie and unpacks
no body, and in live mode it connects to exactly the public address that was judged.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from urllib.parse import urlsplit

import aiohttp
import certifi
import msgspec
from aiohttp.abc import ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from gerbang import __version__

BODY_BYTES_MAX = 64 * 1024  # where an answer is cut and its connection closed: it is a receipt, not a download
URL_CHARACTERS_MAX = 2_000
ADDRESSES_MAX = 4  # of one name; a dead one gives way to the next after a quarter of a second (RFC 8305)
KEEP_ALIVE_SECONDS = 4.0  # below the 5 s of common servers, so that a post rarely meets a connection that is closing
# Headers that frame the message: a caller's own value is not sent.
_OURS = frozenset({"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2; aiohttp checks the values only
_HOST = re.compile(r"[0-9a-z_.-]+|[0-9a-f:.]+")  # a name, or an IPv6 address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NetworkFailed(Exception):
    """No answer came. `reason` is a short sentence for a log or a dashboard; `seconds` is how long the call took."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class Answer(msgspec.Struct, frozen=True):
    """What the peer said: header names in lower case, at most `BODY_BYTES_MAX` bytes of body, the call's duration."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


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


def check_url(url: str, allow_private: bool) -> str | None:
    """Say in a sentence why `url` can't be registered, or None when it can. Names are not resolved here, only when called."""
    try:
        _target(url, allow_private)
    except NetworkFailed as refusal:
        return refusal.reason
    return None


@lru_cache(maxsize=4096)
def _target(url: str, allow_private: bool) -> URL:
    """Judge a URL and give what will be called, built from the very parts that were judged; the path stays as it is."""
    if len(url) > URL_CHARACTERS_MAX:
        raise NetworkFailed(f"the URL is longer than {URL_CHARACTERS_MAX:,} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise NetworkFailed("the URL has characters that must be percent-encoded (or punycode, in the host's name)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NetworkFailed("the URL can't be read: its host or port is malformed") from None
    if parts.scheme not in {"http", "https"}:
        raise NetworkFailed("the URL must begin with https:// or http://")
    if "@" in parts.netloc:
        raise NetworkFailed("the URL must not contain a user name or password")
    host = (parts.hostname or "").removesuffix(".")
    if not host or host.startswith(".") or ".." in host:
        raise NetworkFailed("the URL has no host, or one with an empty part in its name")
    if port == 0:
        raise NetworkFailed("the URL's port must be between 1 and 65535")
    address = _literal(host)
    private = host == "localhost" or host.endswith(".localhost") or (address is not None and not is_public(address))
    if private and not allow_private:
        raise NetworkFailed(f"the address is not allowed: {host} is not on the public internet")
    host = str(address or host)  # the spelling that aiohttp takes for an address, for which no resolver is asked
    if not _HOST.fullmatch(host):
        raise NetworkFailed("the URL can't be read: its host is malformed")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return URL(f"{parts.scheme}://{netloc}{path}", encoded=True)


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


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV6_IN_USE = ipaddress.IPv6Network("2000::/3")
# Beyond what Python's own tables say in every version that we support.
_NOT_PUBLIC = [
    ipaddress.ip_network("168.63.129.16/32"),  # a cloud's own host agent, on an address that looks public
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments, among them a cloud's metadata service
    ipaddress.ip_network("192.88.99.0/24"),  # retired 6to4 relays
    ipaddress.ip_network("2001::/23"),  # protocol assignments, among them Teredo: an IPv4 address inside, scrambled
    ipaddress.ip_network("3fff::/20"),  # documentation
]


def is_public(address: Address) -> bool:
    """Say whether an address is an ordinary one of the public internet (IANA special-purpose registries, RFC 6890).

    Addresses that carry an IPv4 address (mapped, 6to4, NAT64) are judged by the one that they carry.
    """
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if carried is not None:
            return is_public(carried)
        if address not in _IPV6_IN_USE:
            return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class _JudgingResolver(aiohttp.ThreadedResolver):
    """Finds a name's addresses and judges them. aiohttp connects to what this gives and never asks for the name again."""

    def __init__(self, allow_private: bool) -> None:
        super().__init__()
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give at most ADDRESSES_MAX. In live mode one that is not public refuses them all: nobody has an honest mix."""
        try:
            found = await super().resolve(host, port, family)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise NetworkFailed(f"name not found: {host}")
        for address in [result["host"] for result in found]:
            if not self._allow_private and not is_public(ipaddress.ip_address(address)):
                raise NetworkFailed(f"address not allowed: {host} leads to {address}, which is not public")
        return found[:ADDRESSES_MAX]


class _Connector(aiohttp.TCPConnector):
    """Drops a resting connection on which something came that nobody asked for: it would pass for the next answer."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
            await asyncio.sleep(0.01)  # where a peer always speaks first, this goes on until the call's time is over


class Network:
    """Calls to the outside. One per process; connections are kept a few seconds for the next call to the same origin.

    allow_private: the sandbox, where a shop may live on localhost. False is live mode: public addresses only.
    connections_max: calls at the same time; a further one waits for a place, and that wait is not part of its time-out,
    so that a peer is never blamed for our own load.
    """

    def __init__(self, allow_private: bool, *, connections_max: int = 200, tls: ssl.SSLContext | None = None) -> None:
        self._allow_private = allow_private
        self._connections_max = connections_max
        self._places = asyncio.Semaphore(connections_max)
        self._tls = tls or ssl.create_default_context()  # whom the machine trusts, an operator's own authority too
        if tls is None:
            self._tls.load_verify_locations(certifi.where())  # and the public authorities, where a machine knows none
        self._session: aiohttp.ClientSession | None = None  # made by the first call, since it needs a running loop
        self._closed = False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float = 15.0) -> Answer:
        """Send `body` exactly as it is and give the answer, whatever its status; raise NetworkFailed when none came."""
        return await self._call("POST", url, body, headers, timeout_seconds)

    async def get(self, url: str, headers: Mapping[str, str], *, timeout_seconds: float = 15.0) -> Answer:
        """Ask, as `post` sends."""
        return await self._call("GET", url, None, headers, timeout_seconds)

    async def aclose(self) -> None:
        """Let the calls under way end by themselves, then hang up on everyone. A later call raises RuntimeError."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._connections_max):
            await self._places.acquire()
        if self._session is not None:
            await self._session.close()

    async def _call(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds_max: float
    ) -> Answer:
        if why := [reason for block in _held.get() for reason in block]:
            raise RuntimeError(f"the network must not be called while rows are held ({why[-1]})")
        if self._closed:
            raise RuntimeError("the network is closed")
        target = _target(url, self._allow_private)
        async with self._places:
            loop = asyncio.get_running_loop()
            started = loop.time()
            try:
                # One limit over everything (name, connect, TLS, sending, reading): a peer that drips can't hold on.
                async with asyncio.timeout(seconds_max):
                    status, heard, answer = await self._exchange(method, target, body, headers)
            except TimeoutError:
                reason = f"timed out after {seconds_max:g} s"
            except (NetworkFailed, aiohttp.ClientError, ValueError) as error:
                reason = _reason(error)
            else:
                return Answer(status, heard, answer, loop.time() - started)
            raise NetworkFailed(reason, loop.time() - started)

    async def _exchange(
        self, method: str, target: URL, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """One request and its answer. aiohttp repeats a GET once when a kept connection broke, and never a POST."""
        sent = {name: value for name, value in headers.items() if name.lower() not in _OURS}
        if not all(_HEADER_NAME.fullmatch(name) for name in sent):
            raise NetworkFailed("the request can't be sent: a header's name is malformed")
        self._session = self._session or _session(self._allow_private, self._tls)
        async with self._session.request(method, target, data=body, headers=sent, allow_redirects=False) as response:
            if response.status < 200:
                raise NetworkFailed("the answer is not HTTP/1.1: the peer changed the protocol")
            answer = bytearray()
            while len(answer) < BODY_BYTES_MAX and (part := await response.content.readany()):
                answer += part
            if not response.content.at_eof() and response.connection and response.connection.transport:
                response.connection.transport.abort()  # the rest is not even read in order to say goodbye
            heard: dict[str, str] = {}
            for name, value in response.raw_headers:
                key, text = name.decode("latin-1").lower(), value.decode("latin-1")
                heard[key] = f"{heard[key]}, {text}" if key in heard else text
            return response.status, heard, bytes(answer[:BODY_BYTES_MAX])


def _session(allow_private: bool, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Switch off in aiohttp whatever a receipt does not need. Places and time are counted by Network."""
    judging = _JudgingResolver(allow_private)
    return aiohttp.ClientSession(
        connector=_Connector(
            resolver=judging, use_dns_cache=False, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=tls
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": f"Gerbang/{__version__}", "Accept-Encoding": "identity"},
        skip_auto_headers=("Accept", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
    )


def _reason(error: Exception) -> str:
    """Say what happened in a short sentence without a peer's bytes in it."""
    cause = error.__cause__
    if isinstance(error, NetworkFailed):
        return error.reason
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS: {cause.verify_message or 'the certificate is not valid'}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {(cause.reason or 'the handshake failed').lower().replace('_', ' ')}"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(cause, ConnectionRefusedError)
        return f"{'refused by' if refused else 'could not connect to'} {error.host}:{error.port}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer is not HTTP/1.1: its body is cut short or malformed"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP/1.1: its head is malformed or too long"
    return f"the request can't be sent: {error}" if isinstance(error, ValueError) else "the connection broke"
