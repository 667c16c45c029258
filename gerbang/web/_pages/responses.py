"""How pages for buyers are answered: every answer carries the same strict policy, and nothing of it is kept anywhere."""

from starlette.responses import Response

from gerbang.web._pages import urls

PRIVATE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def written(
    body: bytes, status: int, nonce: str, *, frames: list[str] | None = None, leaves_to: list[str] | None = None
) -> Response:
    """A page. `frames` are the origins that may frame it, `leaves_to` those that a form of it may end up at."""
    return Response(body, status, PRIVATE | _policy(nonce, frames or [], leaves_to or []), media_type="text/html")


def sent_on(to: str) -> Response:
    """303 to another address: ours, or the shop's, which is left as it is."""
    return Response(status_code=303, headers=PRIVATE | {"location": urls.location(to)})


def _policy(nonce: str, frames: list[str], leaves_to: list[str]) -> dict[str, str]:
    """Nothing is allowed but what the page brings along itself, under a nonce that is never used twice."""
    rules = {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'nonce-{nonce}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        # Browsers hold a form to this list also where its answer sends it on.
        "form-action": " ".join(["'self'", *leaves_to]),
        "frame-ancestors": " ".join(frames) or "'none'",
    }
    policy = {"content-security-policy": "; ".join(f"{name} {value}" for name, value in rules.items())}
    return policy if frames else policy | {"x-frame-options": "DENY"}
