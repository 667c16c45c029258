"""Addresses that merchants give us to send their buyers back to: which of them a page may link."""

import re
from urllib.parse import urlsplit

WEB = ("http", "https")
NEVER = {
    "javascript",
    "vbscript",
    "data",
    "blob",
    "file",
    "filesystem",
    "about",
    "view-source",
    "jar",
    "chrome",
    "intent",
}
"""Schemes that make a browser or phone run, fetch or show what was written there, in place of leading to the merchant."""

_USUAL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,4})?([/?#][!-\[\]-~]*)?")
"""What nearly all of them look like, and what there is nothing more to ask about."""


def linkable(url: str) -> bool:
    """Whether it is an address of the web, or of an app, which has a scheme of its own (tokoku://thanks)."""
    if _USUAL.fullmatch(url):
        return True
    if re.search(r"[\x00-\x20\x7f\\]", url) or not re.match("[a-z][a-z0-9+.-]*://.", url, re.ASCII | re.IGNORECASE):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port if parts.scheme in WEB else None
    except ValueError:
        return False
    if parts.scheme in NEVER or parts.username is not None:
        return False
    return bool(parts.hostname) or parts.scheme not in WEB
