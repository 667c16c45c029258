"""The endpoints of the simulated e-wallet: they open a charge by its link, and pay or decline it."""

from functools import partial
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang import ids
from gerbang.domain.payments import Payment
from gerbang.services import simulations
from gerbang.services.checkout import Visit
from gerbang.services.simulated_wallet import sign_in
from gerbang.web._pages import responses, urls
from gerbang.web._pages.endpoints import Answer, Context, Endpoints, language
from gerbang.web.wallet import rendering
from gerbang.web.wallet.views import View, state_of, view_of

Decision = Literal["paid", "declined"]
"""What the buyer may decide about a charge."""
WRONG = ("wrong_phone", "wrong_password")
"""What the page says of the last try to sign in."""


class Wallet(Endpoints):
    """The endpoints of /wallet."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "/wallet")

    async def page(self, request: Request) -> Response:
        return await self.safely(request, self._page)

    def posted(self, decision: Decision) -> Answer:
        """The endpoint of a form: carries out the decision and redirects to the shop, or to the page if it failed."""

        async def answer(request: Request) -> Response:
            return await self.safely(request, partial(self._submit, decision))

        return answer

    # -- what they share -----------------------------------------------------------------------------------------------

    async def _visit(self, request: Request) -> tuple[Visit, UUID]:
        """The payment and the charge id that the link opens. Raises CredentialsWrong, TooOften or PaymentUnknown."""
        payment_id, charge_id = self.pages.wallet_charge_of(request.query_params.get("token", ""))
        self.admit(charge_id)
        return await self.batches.visit(payment_id), charge_id

    async def _page(self, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        spoken, asked = language(request)
        nonce, back_to = ids.secret(16), self._back_to(visit.payment, asked)
        wrong = request.query_params.get("wrong", "")
        body = rendering.page(
            view_of(visit, charge_id, spoken, back_to),
            wrong=wrong if wrong in WRONG else "",
            language=spoken,
            nonce=nonce,
            root=self.root,
            token=request.query_params["token"],
            asked_language=asked,
            form=self.form_token(charge_id.bytes),
        )
        return responses.page(body, 200, nonce, leaves_to=_leaves_to(visit.payment))

    async def _submit(self, decision: Decision, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        form = await self.form(request, charge_id.bytes)
        state, wrong = state_of(visit, charge_id), ""
        done = state == decision
        if state == "open" and visit.charge is not None:
            charge = visit.charge
            if decision == "declined":
                done = await simulations.decline_in_the_wallet(self.world, charge)
            elif not visit.offer.terms.signs_in:
                done = await simulations.in_the_wallet(self.batches, charge)
            else:
                phone, password = form.get("phone", ""), form.get("password", "")
                signed_in = await sign_in(self.world, self.batches, charge, phone, password)
                wrong = signed_in if signed_in in WRONG else ""
                done = not wrong
            visit = await self.batches.visit(visit.payment.id)
        if state_of(visit, charge_id) == "processing":
            done = False  # the wallet says itself that it is at work
        _, asked = language(request)
        here = {"token": request.query_params["token"]} | ({"lang": asked} if asked else {})
        here |= {"wrong": wrong} if wrong else {}
        return responses.redirect(self._back_to(visit.payment, asked) if done else f"{self.path}?{urlencode(here)}")

    def _back_to(self, payment: Payment, asked_language: str | None) -> str:
        """The URL after the decision: the merchant's, for this end of a payment without a page; else the payment page."""
        if payment.method is not None and (url := urls.linked(payment.method.return_url)):
            return url
        if not payment.details.redirect and (url := urls.return_url(payment)):
            return url
        return self.pages.payment_url(payment) + (f"&lang={asked_language}" if asked_language else "")

    def closed(self, request: Request, state: str, status: int) -> Response:
        spoken, asked = language(request)
        nonce = ids.secret(16)
        token = request.query_params.get("token", "") if state != "unknown" else ""
        body = rendering.page(
            View(state), language=spoken, nonce=nonce, root=self.root, token=token, asked_language=asked
        )
        return responses.page(body, status, nonce)


def _leaves_to(payment: Payment) -> list[str]:
    """The origins a form may be redirected to: the return URL, and the merchant's URLs if there is no page or no result page."""
    details = payment.details
    own = [payment.method.return_url if payment.method else None]
    if details.skip_result_page or not details.redirect:
        own += [details.success_url, details.failure_url, details.expiration_url]
    return urls.origins(own)
