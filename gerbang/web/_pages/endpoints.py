"""Where buyers' requests are taken: how often they may come, which forms are ours, and a page for whatever goes wrong."""

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
    """What pages are built with."""

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
    """This page was asked for too often."""


class Foreign(Exception):
    """A form that did not come from our own page."""


class Endpoints(ABC):
    """What every address of one kind of page has at hand. `claim` is the path that the page itself is at."""

    def __init__(self, context: Context, claim: str) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)
        self.root = context.root
        self.path = f"{self.root}{claim}"
        self._host = urlsplit(context.base_url).netloc
        self._buckets = Buckets()

    @abstractmethod
    def closed(self, request: Request, state: str, status: int) -> Response:
        """A page that tells of nobody's payment why there is nothing else: "foreign", "refused", "busy" or "down"."""

    async def nothing_here(self, request: Request, failure: Exception) -> Response:
        return self.closed(request, "foreign", 404)

    async def safely(self, request: Request, answer: Answer) -> Response:
        """Whatever goes wrong is told in a page that says what to do now."""
        try:
            return await answer(request)
        except (CredentialsWrong, PaymentUnknown):
            return self.closed(request, "foreign", 404)
        except Foreign:
            return self.closed(request, "refused", 403)
        except TooOften:
            return self.closed(request, "busy", 429)
        except Unavailable:
            return self.closed(request, "down", 503)
        except Exception:
            log.exception("a buyer's page failed", path=request.url.path, trace_id=ids.trace_id())
            return self.closed(request, "down", 500)

    def admit(self, name: object) -> None:
        """Raises TooOften for a page that is asked for more often than people can."""
        if not self._buckets.take(name, asyncio.get_running_loop().time()):
            raise TooOften

    def proof(self, subject: bytes) -> str:
        """What the forms of a page carry: it can be made of nothing but our key and what the page is about."""
        return hmac.digest(self.world.keyring.page_key.encode(), b"form of " + subject, "sha256").hex()

    async def form(self, request: Request, subject: bytes) -> Form:
        """The fields of a form of ours. Raises Foreign for any other.

        The token in the address is what allows the action; the proof shows that its page was really opened. Browsers
        say where a form came from (Sec-Fetch-Site; Origin is "null" under our referrer policy), and are believed.
        """
        headers = request.headers
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Foreign
        origin = headers.get("origin", "null")
        if origin != "null" and _host_of(origin) not in (self._host, headers.get("host")):
            raise Foreign
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > FORM_BYTES_MAX:
                    raise Foreign
        except ClientDisconnect:
            raise Foreign from None
        try:
            form = dict(parse_qsl(body.decode(), max_num_fields=10))
        except ValueError:
            raise Foreign from None
        if not hmac.compare_digest(form.get("form", "").encode(), self.proof(subject).encode()):
            raise Foreign
        return form


def language(request: Request) -> tuple[str, str | None]:
    """The page's language, and the one that its links must go on asking for."""
    asked = request.query_params.get("lang")
    spoken = language_of(asked, request.headers.get("accept-language", ""))
    return spoken, spoken if asked == spoken else None


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
