"""Addresses that merchants gave us: which may be linked, which may frame the page. Whatever is odd is left out."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from gerbang.domain.addresses import WEB, linkable
from gerbang.domain.merchants import LOGO, LOGO_LENGTH_MAX, ORIGIN


def linked(url: str | None) -> str | None:
    """The address as it is, if a page may link to it: the web's or an app's. None for everything else."""
    return url if url and linkable(url) else None


def location(url: str) -> str:
    """The address as a header can carry it: what is ASCII stays as it is, the rest is percent-encoded."""
    return "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in url)


def origin(url: str | None) -> str | None:
    """Scheme, host and port of an address that may be linked, as a policy header writes them; None where it cannot.

    Of an app's address it is the scheme alone.
    """
    if linked(url) is None:
        return None
    parts = urlsplit(url or "")
    if parts.scheme not in WEB:
        return f"{parts.scheme}:"
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        return None
    written = f"{parts.scheme.lower()}://{host}{f':{parts.port}' if parts.port else ''}"
    return written if ORIGIN.fullmatch(written) else None


def origins(urls: Iterable[str | None]) -> list[str]:
    """The origins of those addresses that have one, each once: where a form may end up."""
    return sorted({found for url in urls if (found := origin(url))})


def framing(origins: list[str]) -> list[str]:
    """Those of a merchant's frame ancestors that are origins."""
    return [each for each in origins if ORIGIN.fullmatch(each)]


def logo(url: str) -> str | None:
    """A logo that carries its picture in itself. Anything that would have to be fetched is left out."""
    return url if len(url) <= LOGO_LENGTH_MAX and LOGO.fullmatch(url) else None
