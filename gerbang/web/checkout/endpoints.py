"""The desk of the payer's page: which payment a link opens, what may be done with it, and every answer."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import get_args
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gerbang import ids
from gerbang.domain.payments import Details
from gerbang.errors import CredentialsWrong, PaymentUnknown, Refused, Unavailable, WrongState
from gerbang.services import checkout
from gerbang.services.checkout import Play, Reopening, Visit
from gerbang.services.confirmations import Confirmation
from gerbang.web._pages import responses, urls
from gerbang.web._pages.endpoints import Answer, Context, Endpoints, Form, TooOften, language
from gerbang.web.checkout import rendering
from gerbang.web.checkout.status_stream import HEADERS, Watcher, told
from gerbang.web.checkout.translations import WORDS
from gerbang.web.checkout.views import RESULTS, View, view_of

NOTICES = ("taken", "stale")
Action = Callable[[Visit, Form], Awaitable[str]]
"""Does what a form asks for, and answers with the notice to show, "" for none."""


class Checkout(Endpoints):
    """What every address of the page has at hand."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "/detail")
        self.watcher = Watcher(partial(checkout.page_versions, context.world))
        context.when_stopping.append(self.watcher.close)
        self.events = Events(self)

    # -- the addresses ------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        return await self.safely(request, self._page)

    async def status(self, request: Request) -> Response:
        """The version of the page as JSON: for browsers whose stream fails."""
        found = await self.version_of(request)
        if isinstance(found, Response):
            return found
        body = {"version": found[1], "state": found[1].partition("-")[0]}
        return Response(msgspec.json.encode(body), headers=responses.PRIVATE, media_type="application/json")

    def posted(self, action: Action) -> Answer:
        """An address that a form is sent to: the action is taken once, and the browser is sent back to the page."""

        async def answer(request: Request) -> Response:
            return await self.safely(request, partial(self._act, action))

        return answer

    # -- what forms do ------------------------------------------------------------------------------------------------

    async def choose(self, visit: Visit, form: Form) -> str:
        """Confirms the payment with the way that was chosen, given as "channel" or "channel/option"."""
        channel, _, option = form.get("way", "").partition("/")
        if visit.payment.state not in ("needs_method", "needs_confirmation"):
            return ""
        method = checkout.chosen(self.world, visit, channel, option or None)
        await self.batches.confirm(Confirmation(visit.payment.merchant_id, visit.payment.id, method))
        return ""

    async def back(self, visit: Visit, form: Form) -> str:
        """Goes back to the choice; with `again`, straight to a new code of the same kind."""
        charge = visit.charge
        if charge is None or str(charge.id) != form.get("charge") or not checkout.may_go_back(visit):
            return "stale"
        payment = visit.payment
        await checkout.reopen(self.world, Reopening(payment.merchant_id, payment.id, charge.id))
        if form.get("again"):
            await self.batches.confirm(Confirmation(payment.merchant_id, payment.id, payment.method))
        return ""

    async def simulate(self, visit: Visit, form: Form) -> str:
        """The sandbox plays the buyer."""
        for play in get_args(Play):
            if play == form.get("play"):
                await self.batches.report(await checkout.played(self.world, visit, play))
                return ""
        return "stale"

    # -- behind them --------------------------------------------------------------------------------------------------

    def payment_of(self, request: Request) -> UUID:
        """The payment that the link opens. Raises CredentialsWrong or TooOften."""
        payment_id = self.pages.payment_of(request.query_params.get("token", ""))
        self.admit(payment_id)
        return payment_id

    async def version_of(self, request: Request) -> tuple[UUID, str] | Response:
        """The payment that the link opens and the version of its page; or the refusal."""
        try:
            payment_id = self.payment_of(request)
            return payment_id, (await checkout.page_versions(self.world, [payment_id]))[payment_id]
        except (CredentialsWrong, KeyError):
            return Response(status_code=404, headers=responses.PRIVATE)
        except TooOften:
            return Response(status_code=429, headers=responses.PRIVATE | {"retry-after": "5"})
        except Unavailable:
            return Response(status_code=503, headers=responses.PRIVATE | {"retry-after": "5"})

    async def _page(self, request: Request) -> Response:
        visit = await self.batches.visit(self.payment_of(request))
        payment, look = visit.payment, visit.merchant.agreement.look
        spoken, asked = language(request)
        view = view_of(self.world, visit, WORDS[spoken], spoken)
        if payment.details.skip_result_page and payment.state in RESULTS and view.back_to:
            return responses.sent_on(view.back_to)
        if view.code and view.code.content:
            await to_thread.run_sync(rendering.qr, view.code.content)
        nonce, notice = ids.secret(16), request.query_params.get("notice", "")
        body = rendering.page(
            view,
            language=spoken,
            nonce=nonce,
            root=self.root,
            token=request.query_params["token"],
            asked_language=asked,
            shop=visit.merchant.name,
            look=look,
            version=visit.version,
            form=self.proof(payment.id.bytes),
            # It stays in the address, and is of no use any more to a buyer who has nothing left to choose.
            notice=WORDS[spoken][f"{notice}_notice"] if notice in NOTICES and view.kind != "result" else "",
            wallet=self._wallet(visit, view, asked),
        )
        return responses.written(
            body, 200, nonce, frames=urls.framing(look.frame_ancestors), leaves_to=_leaves_to(payment.details)
        )

    def _wallet(self, visit: Visit, view: View, asked_language: str | None) -> str:
        """Where the wallet's page is, in the language that was asked for here; "" if nothing is paid there."""
        if view.code is None or view.code.shown != "wallet" or visit.charge is None:
            return ""
        return self.pages.wallet_url(visit.charge) + (f"&lang={asked_language}" if asked_language else "")

    async def _act(self, action: Action, request: Request) -> Response:
        payment_id = self.payment_of(request)
        form = await self.form(request, payment_id.bytes)
        try:
            notice = await action(await self.batches.visit(payment_id), form)
        except (PaymentUnknown, Unavailable):
            raise
        except WrongState:
            notice = ""  # somebody was quicker, in another tab or at the bank: the page shows what has become of it
        except Refused:
            notice = "taken"
        _, asked = language(request)
        query = {"token": request.query_params["token"]}
        query |= ({"lang": asked} if asked else {}) | ({"notice": notice} if notice else {})
        return responses.sent_on(f"{self.path}?{urlencode(query)}")

    def closed(self, request: Request, state: str, status: int) -> Response:
        """A page without a payment: nothing on it depends on whether there is one."""
        spoken, asked = language(request)
        nonce = ids.secret(16)
        view = View(kind="closed", state=state, title=WORDS[spoken][f"{state}_title"])
        token = request.query_params.get("token", "") if state != "foreign" else ""
        body = rendering.page(view, language=spoken, nonce=nonce, root=self.root, token=token, asked_language=asked)
        return responses.written(body, status, nonce)


class Events:
    """GET /detail/events: the live status, as server-sent events. Plain ASGI, since thousands of them stay open."""

    def __init__(self, endpoints: Checkout) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self._endpoints.version_of(Request(scope))
        if isinstance(found, Response):
            await found(scope, receive, send)
        elif scope["method"] == "HEAD":
            # Whoever asked has all of it now, and a proxy gives the connection to another's request.
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
        else:
            await told(self._endpoints.watcher, *found, receive, send)


def _leaves_to(details: Details) -> list[str]:
    """Where a form may end up when there is no result page between it and the shop."""
    if not details.skip_result_page:
        return []
    return urls.origins([details.success_url, details.failure_url, details.expiration_url])
