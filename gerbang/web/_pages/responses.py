"""Responses for the buyer pages: all carry the same strict Content-Security-Policy and are never cached."""

from starlette.responses import Response

from gerbang.web._pages import urls

PRIVATE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def page(
    body: bytes, status: int, nonce: str, *, frames: list[str] | None = None, leaves_to: list[str] | None = None
) -> Response:
    """An HTML page. `frames` are the origins that may frame it, `leaves_to` those that its forms may redirect to."""
    return Response(body, status, PRIVATE | _policy(nonce, frames or [], leaves_to or []), media_type="text/html")


def redirect(to: str) -> Response:
    """303 to a URL of ours or of the shop; the shop's is only percent-encoded where a header needs it."""
    return Response(status_code=303, headers=PRIVATE | {"location": urls.location(to)})


def _policy(nonce: str, frames: list[str], leaves_to: list[str]) -> dict[str, str]:
    """The Content-Security-Policy: only the inline style and script of the page, by a nonce new for each page."""
    rules = {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'nonce-{nonce}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        # Browsers apply this list to the redirects after a form too.
        "form-action": " ".join(["'self'", *leaves_to]),
        "frame-ancestors": " ".join(frames) or "'none'",
    }
    policy = {"content-security-policy": "; ".join(f"{name} {value}" for name, value in rules.items())}
    return policy if frames else policy | {"x-frame-options": "DENY"}
