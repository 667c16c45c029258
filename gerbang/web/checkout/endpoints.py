"""The endpoints of the payment page: they open a payment by its link, carry out the forms and render the page."""

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
from gerbang.errors import (
    CredentialsWrong,
    NotOpenYet,
    PartnerDeclined,
    PaymentUnknown,
    Refused,
    Unavailable,
    WrongState,
)
from gerbang.services import checkout, simulations
from gerbang.services.cards import stored
from gerbang.services.checkout import Visit
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Reopening
from gerbang.web._pages import responses, urls
from gerbang.web._pages.endpoints import Answer, Context, Endpoints, Form, TooOften, language
from gerbang.web.checkout import rendering
from gerbang.web.checkout.status_stream import HEADERS, Watcher, stream_versions
from gerbang.web.checkout.translations import TEXTS
from gerbang.web.checkout.view_shapes import View
from gerbang.web.checkout.views import view_of

NOTICES = ("taken", "not_opened", "stale", "forgotten", "tried_out")
CHOICES = ("choose", "card", "pay")
"""The pages on which a notice still applies."""
Action = Callable[[Visit, Form], Awaitable[str]]
"""Carries out a form. Returns the name of the notice to show, "" for none."""


class Checkout(Endpoints):
    """The endpoints of /detail."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "/detail")
        self.watcher = Watcher(partial(checkout.page_versions, context.world))
        context.when_stopping.append(self.watcher.close)
        self.events = Events(self)

    # -- the endpoints ------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        return await self.safely(request, self._page)

    async def status(self, request: Request) -> Response:
        """The version and the payment's state as JSON, for browsers whose event stream fails."""
        found = await self.version_of(request)
        if isinstance(found, Response):
            return found
        body = {"version": found[1], "state": found[1].partition("-")[0]}
        return Response(msgspec.json.encode(body), headers=responses.PRIVATE, media_type="application/json")

    def posted(self, action: Action) -> Answer:
        """The endpoint of a form: carries out the action and redirects the browser back to the page."""

        async def answer(request: Request) -> Response:
            return await self.safely(request, partial(self._submit, action))

        return answer

    # -- what forms do ------------------------------------------------------------------------------------------------

    async def choose(self, visit: Visit, form: Form) -> str:
        """Confirms the payment with the chosen method, "channel" or "channel/option". Does nothing after the choice."""
        channel, _, option = form.get("way", "").partition("/")
        if visit.payment.state not in ("needs_method", "needs_confirmation"):
            return ""
        method = checkout.chosen(self.world, visit, channel, option or None)
        await self.batches.confirm(Confirmation(visit.payment.merchant_id, visit.payment.id, method))
        return ""

    async def back(self, visit: Visit, form: Form) -> str:
        """Reopens the payment for another choice of method; with `again` it makes a new code for the same method."""
        charge = visit.charge
        if charge is None or str(charge.id) != form.get("charge") or not checkout.may_go_back(visit):
            return "stale"
        payment = visit.payment
        await end.reopen(self.world, Reopening(payment.merchant_id, payment.id, charge.id))
        if form.get("again") and charge.card is None:  # another card is given first
            await self.batches.confirm(Confirmation(payment.merchant_id, payment.id, payment.method))
        return ""

    async def simulate(self, visit: Visit, form: Form) -> str:
        """Reports the simulated payment that the buyer chose in the sandbox panel."""
        for play in get_args(simulations.Play):
            if play == form.get("play"):
                await simulations.on_the_page(self.world, self.batches, visit, play)
                return ""
        return "stale"

    # -- what they share -----------------------------------------------------------------------------------------------

    def payment_of(self, request: Request) -> UUID:
        """The id of the payment that the link opens. Raises CredentialsWrong or TooOften."""
        payment_id = self.pages.payment_of(request.query_params.get("token", ""))
        self.admit(payment_id)
        return payment_id

    async def version_of(self, request: Request) -> tuple[UUID, str] | Response:
        """The payment that the link opens and the version of its page; or the error response."""
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
        spoken, _ = language(request)
        saved = await stored.offered(self.world, visit.payment)
        shown = await self.drawn(request, visit, view := view_of(self.world, visit, TEXTS[spoken], spoken, saved))
        if view.bank_page and request.query_params.get("go"):
            # A form may redirect to no address but ours, and this is no form any more.
            shown.headers["refresh"] = f"0;url={urls.location(view.bank_page)}"
        return shown

    async def drawn(self, request: Request, visit: Visit, view: View) -> Response:
        """The page with a view of the payment; or the way to the shop, where it wants no page for this end."""
        payment, look = visit.payment, visit.merchant.agreement.look
        spoken, asked = language(request)
        if payment.details.skip_result_page and view.over and view.back_to:
            return responses.redirect(view.back_to)
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
            form=self.form_token(payment.id.bytes),
            # The notice stays in the URL; on a result page it no longer applies.
            notice=TEXTS[spoken][f"{notice}_notice"] if notice in NOTICES and view.kind in CHOICES else "",
            wallet=self._wallet(visit, view, asked),
            bank=self.bank(visit, view, asked),
        )
        return responses.page(
            body, 200, nonce, frames=urls.framing(look.frame_ancestors), leaves_to=_leaves_to(payment.details)
        )

    def _wallet(self, visit: Visit, view: View, asked_language: str | None) -> str:
        """The URL of the wallet's page, in the language of this one; "" if the charge is not paid by a wallet."""
        if view.code is None or view.code.shown != "wallet" or visit.charge is None:
            return ""
        url = self.pages.wallet_url(visit.charge)
        if visit.charge.instructions.content:
            return url  # the wallet's own page, which is sent nothing of ours
        return url + (f"&lang={asked_language}" if asked_language else "")

    def bank(self, visit: Visit, view: View, asked_language: str | None) -> str:
        """The URL of the page where the card's bank asks, in the language of this one if it is ours."""
        if not view.bank_page or visit.charge is None or view.bank_page != self.pages.challenge_url(visit.charge):
            return view.bank_page
        return view.bank_page + (f"&lang={asked_language}" if asked_language else "")

    async def _submit(self, action: Action, request: Request) -> Response:
        payment_id = self.payment_of(request)
        form = await self.form(request, payment_id.bytes)
        try:
            notice = await action(await self.batches.visit(payment_id), form)
        except (PaymentUnknown, Unavailable):
            raise
        except (WrongState, NotOpenYet):
            notice = (
                ""  # another tab or the bank was first, or the code is being made: the page shows the present state
            )
        except PartnerDeclined:
            notice = "not_opened"
        except Refused:
            notice = "taken"
        _, asked = language(request)
        query = {"token": request.query_params["token"]}
        query |= ({"lang": asked} if asked else {}) | ({"notice": notice} if notice else {})
        return responses.redirect(f"{self.path}?{urlencode(query)}")

    def closed(self, request: Request, state: str, status: int) -> Response:
        """An error page. Nothing on it depends on whether there is a payment."""
        spoken, asked = language(request)
        nonce = ids.secret(16)
        view = View(kind="closed", state=state, title=TEXTS[spoken][f"{state}_title"])
        token = request.query_params.get("token", "") if state != "unknown" else ""
        body = rendering.page(view, language=spoken, nonce=nonce, root=self.root, token=token, asked_language=asked)
        return responses.page(body, status, nonce)


class Events:
    """GET /detail/events: page versions as server-sent events. Plain ASGI, since thousands of them stay open."""

    def __init__(self, endpoints: Checkout) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = await self._endpoints.version_of(Request(scope))
        if isinstance(found, Response):
            await found(scope, receive, send)
        elif scope["method"] == "HEAD":
            # The answer to HEAD ends here; a proxy then reuses the connection for another request.
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
        else:
            await stream_versions(self._endpoints.watcher, *found, receive, send)


def _leaves_to(details: Details) -> list[str]:
    """The origins that a form may be redirected to where the payment has no result page."""
    if not details.skip_result_page:
        return []
    return urls.origins([details.success_url, details.failure_url, details.expiration_url])
