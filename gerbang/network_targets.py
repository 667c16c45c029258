"""Which URLs may be called, and what is connected to for one. It opens nothing.

A URL is either sent as it is written or refused with a sentence; it is never repaired.
"""

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import msgspec

from gerbang.addresses import Address, is_public

URL_CHARACTERS_MAX = 2_000
_HOST = re.compile(r"[0-9a-z_.-]+|[0-9a-f:.]+")  # a name, or an IPv6 address

Origin = tuple[bool, str, int]
"""What a connection can be reused for: with TLS or not, host, port."""


class NetworkFailed(Exception):
    """No answer was received. `reason` is a short sentence for a log; `seconds` is how long the call took.

    `unsent`: no byte of the request left this machine, so that the peer surely has nothing of it.
    """

    def __init__(self, reason: str, seconds: float = 0.0, *, unsent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds
        self.unsent = unsent


class Target(msgspec.Struct, frozen=True):
    """What a call connects to and requests, made of the parts of the URL that were checked; the path is unchanged."""

    tls: bool
    host: str
    port: int
    shown: str
    """The value of the Host header: the host, with the port if it is not the default."""
    path: str

    @property
    def origin(self) -> Origin:
        return self.tls, self.host, self.port


def split_credentials(url: str) -> tuple[str, str | None]:
    """A URL without its user name and password, and these as `name:password` for HTTP Basic; None if it has none.

    A malformed URL is returned unchanged: `check` and calls refuse it. Raises NetworkFailed, which shows neither.
    """
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return url, None
    credentials, at, place = netloc.rpartition("@")
    if not at or not _readable(url):
        return url, None
    try:
        name, password = (unquote(part, errors="strict") for part in credentials.partition(":")[::2])
    except UnicodeDecodeError:
        name, password = ":", ""
    if ":" in name or not (name + password).isprintable():
        raise NetworkFailed("the URL's user name or password has characters that can't be sent")
    return url.replace(netloc, place, 1), f"{name}:{password}"


def _readable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "\\" not in url


@lru_cache(maxsize=4096)
def target_of(url: str, allow_private: bool, ports: frozenset[str] | None) -> Target:
    """Check a URL and give its target. Raises NetworkFailed with the reason."""
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
    address = literal(host)
    private = host == "localhost" or host.endswith(".localhost") or (address is not None and not is_public(address))
    if private and not allow_private:
        raise NetworkFailed(f"the address is not allowed: {host} is not on the public internet")
    host = str(address or host)  # the canonical spelling, which every resolver reads as an address
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


def literal(host: str) -> Address | None:
    """Read a host that is an address, also in the spellings that resolvers take: 2130706433, 0x7f.1, 0177.0.0.1."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
