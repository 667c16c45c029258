"""Where buyers' requests are taken: which payment a link opens, what may be done with it, and every answer."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import msgspec
import structlog
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gerbang import ids
from gerbang.errors import CredentialsWrong, PaymentUnknown, Refused, Unavailable, WrongState
from gerbang.services import checkout
from gerbang.services.checkout import Play, Reopening, Visit
from gerbang.services.commands import Commands
from gerbang.services.confirmations import Confirmation
from gerbang.services.pages import Pages
from gerbang.web.checkout import addresses, answers, rendering
from gerbang.web.checkout.limits import Buckets
from gerbang.web.checkout.live import Watcher, told
from gerbang.web.checkout.views import RESULTS, View, view_of
from gerbang.web.checkout.words import WORDS, language_of
from gerbang.world import World

log = structlog.get_logger()
FORM_BYTES_MAX = 4_000
NOTICES = ("taken", "stale")
Form = dict[str, str]
Action = Callable[[Visit, Form], Awaitable[str]]
"""Does what a form asks for, and answers with the notice to show, "" for none."""


class Context(Protocol):
    """What the page is built with."""

    @property
    def world(self) -> World: ...
    @property
    def commands(self) -> Commands: ...
    @property
    def base_url(self) -> str: ...


class TooOften(Exception):
    """This payment's page was asked for too often."""


class Foreign(Exception):
    """A form that did not come from our own page."""


class Desk:
    """What every address of the page has at hand."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.commands = context.commands
        self.pages = Pages(context.base_url, context.world.seals.page_key)
        self.root = urlsplit(context.base_url).path
        self.path = f"{self.root}/detail"
        self._host = urlsplit(context.base_url).netloc
        self._buckets = Buckets()
        self.watcher = Watcher(partial(checkout.pulses, context.world))
        self.events = Events(self)

    # -- the addresses ------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        return await self._safely(request, self._page)

    async def status(self, request: Request) -> Response:
        """The version of the page as JSON: for browsers whose stream fails."""
        found = await self.version_of(request)
        if isinstance(found, Response):
            return found
        body = {"version": found[1], "state": found[1].partition("-")[0]}
        return Response(msgspec.json.encode(body), headers=answers.PRIVATE, media_type="application/json")

    def posted(self, action: Action) -> Callable[[Request], Awaitable[Response]]:
        """An address that a form is sent to: the action is taken once, and the browser is sent back to the page."""

        async def answer(request: Request) -> Response:
            return await self._safely(request, partial(self._act, action))

        return answer

    async def nothing_here(self, request: Request, failure: Exception) -> Response:
        return self._closed(request, "foreign", 404)

    # -- what forms do ------------------------------------------------------------------------------------------------

    async def choose(self, visit: Visit, form: Form) -> str:
        """Confirms the payment with the way that was chosen, given as "channel" or "channel/option"."""
        channel, _, option = form.get("way", "").partition("/")
        if visit.payment.state not in ("needs_method", "needs_confirmation"):
            return ""
        method = checkout.chosen(self.world, visit, channel, option or None)
        await self.commands.confirm(Confirmation(visit.payment.merchant_id, visit.payment.id, method))
        return ""

    async def back(self, visit: Visit, form: Form) -> str:
        """Goes back to the choice; with `again`, straight to a new code of the same kind."""
        charge = visit.charge
        if charge is None or str(charge.id) != form.get("charge") or not checkout.may_go_back(visit):
            return "stale"
        payment = visit.payment
        await checkout.reopen(self.world, Reopening(payment.merchant_id, payment.id, charge.id))
        if form.get("again"):
            await self.commands.confirm(Confirmation(payment.merchant_id, payment.id, payment.method))
        return ""

    async def simulate(self, visit: Visit, form: Form) -> str:
        """The sandbox plays the buyer."""
        for play in get_args(Play):
            if play == form.get("play"):
                await self.commands.report(await checkout.played(self.world, visit, play))
                return ""
        return "stale"

    # -- behind them --------------------------------------------------------------------------------------------------

    def payment_of(self, request: Request) -> UUID:
        """The payment that the link opens. Raises CredentialsWrong or TooOften."""
        payment_id = self.pages.payment_of(request.query_params.get("token", ""))
        if not self._buckets.take(payment_id, asyncio.get_running_loop().time()):
            raise TooOften
        return payment_id

    async def version_of(self, request: Request) -> tuple[UUID, str] | Response:
        """The payment that the link opens and the version of its page; or the refusal."""
        try:
            payment_id = self.payment_of(request)
            return payment_id, (await checkout.pulses(self.world, [payment_id]))[payment_id]
        except (CredentialsWrong, KeyError):
            return Response(status_code=404, headers=answers.PRIVATE)
        except TooOften:
            return Response(status_code=429, headers=answers.PRIVATE | {"retry-after": "5"})
        except Unavailable:
            return Response(status_code=503, headers=answers.PRIVATE | {"retry-after": "5"})

    async def _safely(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Whatever goes wrong is told in a page that says what to do now."""
        try:
            return await answer(request)
        except (CredentialsWrong, PaymentUnknown):
            return self._closed(request, "foreign", 404)
        except Foreign:
            return self._closed(request, "refused", 403)
        except TooOften:
            return self._closed(request, "busy", 429)
        except Unavailable:
            return self._closed(request, "down", 503)
        except Exception:
            log.exception("a payer's page failed", path=request.url.path, trace_id=ids.trace_id())
            return self._closed(request, "down", 500)

    async def _page(self, request: Request) -> Response:
        visit = await self.commands.visit(self.payment_of(request))
        payment, look = visit.payment, visit.merchant.agreement.look
        language, asked = _language(request)
        over = payment.expires_at is not None and payment.expires_at <= visit.now
        view = view_of(self.world, visit, WORDS[language], language, token_over=over)
        if payment.details.skip_result_page and payment.state in RESULTS and view.back_to:
            return answers.sent_on(view.back_to)
        if view.code and view.code.content:
            await to_thread.run_sync(rendering.qr, view.code.content)
        nonce, notice = ids.secret(16), request.query_params.get("notice", "")
        body = rendering.page(
            view,
            language=language,
            nonce=nonce,
            root=self.root,
            token=request.query_params["token"],
            asked_language=asked,
            shop=visit.merchant.name,
            look=look,
            version=visit.version,
            form=self._proof(payment.id),
            notice=WORDS[language][f"{notice}_notice"] if notice in NOTICES else "",
        )
        return answers.written(
            body, 200, nonce, frames=addresses.framing(look.frame_ancestors), leaves_to=_leaves_to(visit)
        )

    async def _act(self, action: Action, request: Request) -> Response:
        payment_id = self.payment_of(request)
        form = await self._form(request, payment_id)
        try:
            notice = await action(await self.commands.visit(payment_id), form)
        except (PaymentUnknown, Unavailable):
            raise
        except WrongState:
            notice = ""  # somebody was quicker, in another tab or at the bank: the page shows what has become of it
        except Refused:
            notice = "taken"
        _, asked = _language(request)
        query = {"token": request.query_params["token"]}
        query |= ({"lang": asked} if asked else {}) | ({"notice": notice} if notice else {})
        return answers.sent_on(f"{self.path}?{urlencode(query)}")

    async def _form(self, request: Request, payment_id: UUID) -> Form:
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
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                raise Foreign
        try:
            form = dict(parse_qsl(body.decode(), max_num_fields=10))
        except ValueError:
            raise Foreign from None
        if not hmac.compare_digest(form.get("form", "").encode(), self._proof(payment_id).encode()):
            raise Foreign
        return form

    def _proof(self, payment_id: UUID) -> str:
        return hmac.digest(self.world.seals.page_key.encode(), b"form of " + payment_id.bytes, "sha256").hex()

    def _closed(self, request: Request, state: str, status: int) -> Response:
        """A page without a payment: nothing on it depends on whether there is one."""
        language, asked = _language(request)
        nonce = ids.secret(16)
        view = View(kind="closed", state=state, title=WORDS[language][f"{state}_title"])
        token = request.query_params.get("token", "") if state != "foreign" else ""
        body = rendering.page(view, language=language, nonce=nonce, root=self.root, token=token, asked_language=asked)
        return answers.written(body, status, nonce)


class Events:
    """GET /detail/events: the live status, as server-sent events. Plain ASGI, since thousands of them stay open."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self._desk.version_of(Request(scope))
        if isinstance(found, Response):
            await found(scope, receive, send)
        else:
            await told(self._desk.watcher, *found, receive, send)


def _language(request: Request) -> tuple[str, str | None]:
    """The page's language, and the one that its links must go on asking for."""
    asked = request.query_params.get("lang")
    language = language_of(asked, request.headers.get("accept-language", ""))
    return language, language if asked == language else None


def _leaves_to(visit: Visit) -> list[str]:
    """Where a form may end up when there is no result page between it and the shop."""
    details = visit.payment.details
    if not details.skip_result_page:
        return []
    found = (addresses.origin(url) for url in (details.success_url, details.failure_url, details.expiration_url))
    return sorted({origin for origin in found if origin})


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
