"""URLs that merchants gave us: which may be linked, framed or shown. What is not valid is left out."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from gerbang.domain.addresses import WEB, linkable
from gerbang.domain.merchants import LOGO, LOGO_LENGTH_MAX, ORIGIN
from gerbang.domain.payments import Payment


def linked(url: str | None) -> str | None:
    """The URL unchanged if a page may link to it (http, https or an app's scheme), else None."""
    return url if url and linkable(url) else None


def location(url: str) -> str:
    """The URL for a Location header: ASCII is left unchanged, everything else is percent-encoded."""
    return "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in url)


def origin(url: str | None) -> str | None:
    """The origin of a URL that may be linked, as a Content-Security-Policy writes it, else None.

    It is scheme, host and port; for an app's URL the scheme alone.
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
    """The origins of the URLs that have one, sorted and without repeats."""
    return sorted({found for url in urls if (found := origin(url))})


def framing(origins: list[str]) -> list[str]:
    """The merchant's frame ancestors that are valid origins."""
    return [each for each in origins if ORIGIN.fullmatch(each)]


def logo(url: str) -> str | None:
    """The logo if it is a data: URL of allowed length; None for one that would have to be fetched."""
    return url if len(url) <= LOGO_LENGTH_MAX and LOGO.fullmatch(url) else None


def return_url(payment: Payment) -> str | None:
    """The merchant's URL for the payment's end, unchanged; None if there is none or it may not be linked."""
    details = payment.details
    by_state = {
        "paid": details.success_url,
        "cancelled": details.failure_url,
        "failed": details.failure_url,
        "inactive": details.failure_url,
        "expired": details.expiration_url,
    }
    return linked(by_state.get(payment.state))
