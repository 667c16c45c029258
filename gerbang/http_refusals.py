"""What the HTTP server says to a request that it cannot pass on, before any dialect has read it."""

from collections.abc import Callable, Sequence
from urllib.parse import unquote

import httptools
from starlette.responses import PlainTextResponse, Response

NO_VERSION = "Send HTTP/1.1, or HTTP/1.0; nothing else is spoken here."
NO_HOST = "A request in HTTP/1.1 names its host once, in a header Host, and one in HTTP/1.0 at most once."
NO_TUNNEL = "This is no proxy: CONNECT is not for here."
NO_CODING = "The only Transfer-Encoding that is read here is chunked, in HTTP/1.1."
NOT_HTTP = "This is not a request that HTTP/1.1 knows: {what}."
NO_PATH = "The address of a request has a path, which begins with a slash."
NO_ASCII = "An address is printable ASCII: every other byte is sent as percent and two digits, such as %C3."
TOO_LONG = "The headers of a request, or what stands between the parts of its body, are too long or too many."
TARGET_TOO_LONG = "The path and query of a request have at most 8,000 bytes."
TOO_SMALL = "The body came in too many small chunks: put more into each."
TOO_MANY_WAITING = "So many requests at once are not taken on one connection: read some answers first."
TOO_SLOW = "The request did not come to its end in time."
NOT_ENDED = "The request was not sent to its end."
NOTHING_HERE = "There is no such address."
NO_ROOM = "There are as many connections as this process can have. Try again in a moment."

Refusal = Callable[[str, int, str], Response]
"""Makes the response to a request refused here, from its path ("" where none was read), the status and the reason."""


def in_plain_text(path: str, status: int, why: str) -> Response:
    """A refusal as plain text, for paths that belong to no dialect."""
    return PlainTextResponse(f"{why}\n", status)


def path_of(target: bytes) -> str:
    """The percent-decoded path of a request's target; "" if it has none."""
    try:
        path = httptools.parse_url(target).path
    except httptools.HttpParserError:
        return ""
    return unquote((path or b"").decode("latin-1"))


def wrong_in_head(version: str, method: bytes, headers: Sequence[tuple[bytes, bytes]]) -> tuple[int, str] | None:
    """The status and the reason of the refusal of a request with this head; None if nothing is wrong with it."""
    if version not in ("1.1", "1.0"):
        return 400, NO_VERSION
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and (value.strip().lower() != b"chunked" or version == "1.0"):
            return 400, NO_CODING
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        return 400, NO_HOST
    return (400, NO_TUNNEL) if method == b"CONNECT" else None
