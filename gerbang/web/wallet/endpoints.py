"""The desk of the simulator's wallet: which charge a link opens, and what becomes of it when its buyer has decided."""

from functools import partial
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang import ids
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.errors import WrongState
from gerbang.services import endings, sandbox
from gerbang.services.checkout import Visit
from gerbang.services.endings import Decline
from gerbang.web._pages import responses, urls
from gerbang.web._pages.endpoints import Answer, Context, Endpoints, language
from gerbang.web.wallet import rendering
from gerbang.web.wallet.views import View, static_of, view_of

CodeRequest = Literal["paid", "declined"]
"""How the buyer wants a charge to stand."""


class Wallet(Endpoints):
    """What every address of the wallet has at hand."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "/wallet")

    async def page(self, request: Request) -> Response:
        return await self.safely(request, self._page)

    def posted(self, code_request: CodeRequest) -> Answer:
        """An address that a form is sent to: the buyer decides, and is sent back to the shop."""

        async def answer(request: Request) -> Response:
            return await self.safely(request, partial(self._act, code_request))

        return answer

    # -- behind them --------------------------------------------------------------------------------------------------

    async def _visit(self, request: Request) -> tuple[Visit, UUID]:
        """The payment and the charge that the link opens. Raises CredentialsWrong, TooOften or PaymentUnknown."""
        payment_id, charge_id = self.pages.wallet_charge_of(request.query_params.get("token", ""))
        self.admit(charge_id)
        return await self.batches.visit(payment_id), charge_id

    async def _page(self, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        spoken, asked = language(request)
        nonce, back_to = ids.secret(16), self._back_to(visit.payment, asked)
        body = rendering.page(
            view_of(visit, charge_id, spoken, back_to),
            language=spoken,
            nonce=nonce,
            root=self.root,
            token=request.query_params["token"],
            asked_language=asked,
            form=self.proof(charge_id.bytes),
        )
        return responses.written(body, 200, nonce, leaves_to=_leaves_to(visit.payment))

    async def _act(self, code_request: CodeRequest, request: Request) -> Response:
        visit, charge_id = await self._visit(request)
        await self.form(request, charge_id.bytes)
        static = static_of(visit, charge_id)
        done = static == code_request
        if static == "open" and visit.charge is not None:
            done = await (self._pay(visit.charge) if code_request == "paid" else self._decline(visit.charge))
        _, asked = language(request)
        here = {"token": request.query_params["token"]} | ({"lang": asked} if asked else {})
        return responses.sent_on(self._back_to(visit.payment, asked) if done else f"{self.path}?{urlencode(here)}")

    async def _pay(self, charge: Charge) -> bool:
        """The wallet's money, and whether it was in time. It has one reference for a charge: two taps are the same money."""
        reference = f"WALLET-{charge.id.hex}"
        report = sandbox.simulated_report(charge.channel, charge.instructions.number, charge.amount, reference)
        return (await self.batches.report(report)).outcome == "booked"

    async def _decline(self, charge: Charge) -> bool:
        try:
            await endings.decline(self.world, Decline(charge.payment_id, charge.id))
        except WrongState:
            return False
        return True

    def _back_to(self, payment: Payment, asked_language: str | None) -> str:
        """Where the wallet sends its buyer: to the shop's own address for that, else to the payer's page."""
        if payment.method is not None and (url := urls.linked(payment.method.return_url)):
            return url
        return self.pages.payment_url(payment) + (f"&lang={asked_language}" if asked_language else "")

    def closed(self, request: Request, state: str, status: int) -> Response:
        spoken, asked = language(request)
        nonce = ids.secret(16)
        token = request.query_params.get("token", "") if state != "foreign" else ""
        body = rendering.page(
            View(state), language=spoken, nonce=nonce, root=self.root, token=token, asked_language=asked
        )
        return responses.written(body, status, nonce)


def _leaves_to(payment: Payment) -> list[str]:
    """Where a form may end up: the wallet's way back, or the shop behind a payer's page that shows no result."""
    details = payment.details
    own = [payment.method.return_url if payment.method else None]
    if details.skip_result_page:
        own += [details.success_url, details.failure_url, details.expiration_url]
    return urls.origins(own)
