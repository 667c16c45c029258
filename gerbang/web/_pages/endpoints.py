"""What the endpoints of all buyer pages share: the rate limit, the CSRF check of forms and the error pages."""

import asyncio
import hmac
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gerbang import ids
from gerbang.errors import CredentialsWrong, PaymentUnknown, Unavailable
from gerbang.services.batches import Batches
from gerbang.services.pages import Pages
from gerbang.web._pages.rate_limit import Buckets
from gerbang.web._pages.translations import language_of
from gerbang.world import World

log = structlog.get_logger()
FORM_BYTES_MAX = 4_000
Form = dict[str, str]
Answer = Callable[[Request], Awaitable[Response]]


class Context(Protocol):
    """What the pages need of the gateway: the world, the batches and the public URL."""

    @property
    def world(self) -> World: ...
    @property
    def batches(self) -> Batches: ...
    @property
    def base_url(self) -> str: ...
    @property
    def root(self) -> str: ...
    @property
    def when_stopping(self) -> list[Callable[[], None]]: ...


class TooOften(Exception):
    """The rate limit of this page is exceeded."""


class ForeignForm(Exception):
    """The form did not come from our own page."""


class Endpoints(ABC):
    """The endpoints of one kind of page. `path` is the path of the page itself."""

    def __init__(self, context: Context, path: str) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)
        self.root = context.root
        self.path = f"{self.root}{path}"
        self._host = urlsplit(context.base_url).netloc
        self._buckets = Buckets()

    @abstractmethod
    def closed(self, request: Request, state: str, status: int) -> Response:
        """An error page without any payment's data; `state` is "unknown", "refused", "busy" or "down"."""

    async def nothing_here(self, request: Request, failure: Exception) -> Response:
        return self.closed(request, "unknown", 404)

    async def safely(self, request: Request, answer: Answer) -> Response:
        """The answer, or for an exception the error page that says what to do now."""
        try:
            return await answer(request)
        except (CredentialsWrong, PaymentUnknown):
            return self.closed(request, "unknown", 404)
        except ForeignForm:
            return self.closed(request, "refused", 403)
        except TooOften:
            return self.closed(request, "busy", 429)
        except Unavailable:
            return self.closed(request, "down", 503)
        except Exception:
            log.exception("a buyer's page failed", path=request.url.path, trace_id=ids.trace_id())
            return self.closed(request, "down", 500)

    def admit(self, name: object) -> None:
        """Counts a request to a page. Raises TooOften if there were more than a person can make."""
        if not self._buckets.take(name, asyncio.get_running_loop().time()):
            raise TooOften

    def form_token(self, subject: bytes) -> str:
        """A CSRF token: an HMAC of the payment or charge id, so that a form can only come from our own page."""
        return hmac.digest(self.world.keyring.page_key.encode(), b"form of " + subject, "sha256").hex()

    async def form(self, request: Request, subject: bytes) -> Form:
        """The fields of a submitted form. Raises ForeignForm if it did not come from our page for this subject.

        The token in the URL authorizes the action; the CSRF token proves that the page was opened. Sec-Fetch-Site and
        Origin are checked too where the browser sends them; Origin is "null" under our referrer policy.
        """
        headers = request.headers
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise ForeignForm
        origin = headers.get("origin", "null")
        if origin != "null" and _host_of(origin) not in (self._host, headers.get("host")):
            raise ForeignForm
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > FORM_BYTES_MAX:
                    raise ForeignForm
        except ClientDisconnect:
            raise ForeignForm from None
        try:
            form = dict(parse_qsl(body.decode(), max_num_fields=10))
        except ValueError:
            raise ForeignForm from None
        if not hmac.compare_digest(form.get("form", "").encode(), self.form_token(subject).encode()):
            raise ForeignForm
        return form


def language(request: Request) -> tuple[str, str | None]:
    """The language of the page, and the `lang` that its links must carry on (None if the request had none)."""
    asked = request.query_params.get("lang")
    spoken = language_of(asked, request.headers.get("accept-language", ""))
    return spoken, spoken if asked == spoken else None


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
