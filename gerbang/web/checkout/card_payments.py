"""The endpoints of paying by card on the payment page: the form, paying, and forgetting a saved card."""

from collections.abc import Sequence
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from gerbang.domain.cards import StoredCard
from gerbang.domain.charges import Charge
from gerbang.errors import BillingAddressMissing, CardNotStored, CardWrong, NotOpenYet, Refused, Unavailable, WrongState
from gerbang.services import checkout, vault_keys
from gerbang.services.cards import challenges, paying, stored
from gerbang.services.cards.given import CardGiven
from gerbang.services.checkout import Visit, Way
from gerbang.services.payments.confirm import Confirmation
from gerbang.web._pages import responses
from gerbang.web._pages.endpoints import Form, language
from gerbang.web.checkout.card_forms import Wrong, name_of, read, wrong_in
from gerbang.web.checkout.endpoints import Checkout
from gerbang.web.checkout.translations import TEXTS
from gerbang.web.checkout.view_shapes import View
from gerbang.web.checkout.views import card_view, forget_view, view_of

log = structlog.get_logger()
CARD, FORGET = "/card", "/card/forget"


class CardPayments:
    """The endpoints of /detail/card."""

    def __init__(self, pages: Checkout) -> None:
        self._pages = pages
        self._world, self._batches = pages.world, pages.batches

    async def form(self, request: Request) -> Response:
        return await self._pages.safely(request, self._form)

    async def paid(self, request: Request) -> Response:
        """Pays by the card of the form, and redirects to the card's bank, to the page, or back to the form to mend it."""
        return await self._pages.safely(request, self._paid)

    async def forgetting(self, request: Request) -> Response:
        """Asks whether to forget a saved card."""
        return await self._pages.safely(request, self._forgetting)

    async def forgotten(self, request: Request) -> Response:
        return await self._pages.safely(request, self._forgotten)

    # -- the form -----------------------------------------------------------------------------------------------------

    async def _form(self, request: Request) -> Response:
        visit = await self._batches.visit(self._pages.payment_of(request))
        way, saved = checkout.card_way(self._world, visit), await stored.offered(self._world, visit.payment)
        spoken, _ = language(request)
        texts = TEXTS[spoken]
        kept = _named(saved, request.query_params.get("saved", ""))
        if way is None:
            return await self._pages.drawn(request, visit, view_of(self._world, visit, texts, spoken, saved))
        wrong = wrong_in(request.query_params.get("wrong", ""), texts, way)
        view = card_view(self._world, visit, way, texts, spoken, kept=kept, saved=bool(saved), wrong=wrong)
        return await self._pages.drawn(request, visit, view)

    async def _forgetting(self, request: Request) -> Response:
        visit = await self._batches.visit(self._pages.payment_of(request))
        saved = await stored.offered(self._world, visit.payment)
        spoken, _ = language(request)
        kept = _named(saved, request.query_params.get("saved", ""))
        view: View
        if kept is None or checkout.card_way(self._world, visit) is None:
            view = view_of(self._world, visit, TEXTS[spoken], spoken, saved)
        else:
            view = forget_view(visit, kept, TEXTS[spoken], spoken)
        return await self._pages.drawn(request, visit, view)

    # -- what it does -------------------------------------------------------------------------------------------------

    async def _paid(self, request: Request) -> Response:
        payment_id = self._pages.payment_of(request)
        form = await self._pages.form(request, payment_id.bytes)
        visit = await self._batches.visit(payment_id)
        way = checkout.card_way(self._world, visit)
        if way is None:  # another tab was first: the page shows the present state
            return self._to_page(request)
        if await paying.is_tried_out(self._world, visit.payment):
            return self._to_page(request, notice="tried_out")
        await vault_keys.ready(self._world)
        saved = form.get("saved", "")
        try:
            given = await self._given(visit, way, form)
            charge = await self._pay(visit, way, given)
        except Wrong as wrong:
            again = {"wrong": ".".join(wrong.reasons)} | ({"saved": saved} if saved else {})
            return self._to_page(request, CARD, **again)
        except (WrongState, NotOpenYet):
            return self._to_page(request)
        except CardNotStored:
            return self._to_page(request, notice="stale")
        except Unavailable:
            raise
        except Refused as refusal:
            log.info("a card was not taken", payment=str(payment_id), why=type(refusal).__name__)
            return self._to_page(request, notice="taken")
        if charge is not None and charge.state == "waiting" and charge.card is not None and charge.card.page:
            return await self._to_bank(request, charge, charge.card.page)
        return self._to_page(request)

    async def _given(self, visit: Visit, way: Way, form: Form) -> CardGiven:
        """The card of the form: typed, or saved with its security code. Raises Wrong or CardNotStored."""
        if not form.get("saved"):
            return read(form, way, self._world.clock.now())
        kept = _named(await stored.offered(self._world, visit.payment), form["saved"])
        cvc = form.pop("cvc", "").strip()
        if kept is None:
            raise CardNotStored("card.token")
        if not cvc:
            raise Wrong("cvc_empty")
        if kept.brand not in way.options:
            raise Wrong("not_taken")
        try:
            return await stored.by_token(self._world, visit.payment.merchant_id, kept.token, cvc, "card")
        except CardWrong as wrong:
            raise Wrong(str(wrong.spec["reason"])) from None

    async def _pay(self, visit: Visit, way: Way, given: CardGiven) -> Charge | None:
        """Pays, and returns the charge as it is then. Raises Wrong, and what paying raises."""
        payment = visit.payment
        try:
            if payment.state == "awaiting" and visit.charge is not None:
                opened = await paying.pay(
                    self._world, self._batches, payment.merchant_id, payment.id, visit.charge.id, given
                )
                return opened.charge
            method = checkout.card_method(visit, way)
            _, charge = await self._batches.confirm(Confirmation(payment.merchant_id, payment.id, method, given))
        except BillingAddressMissing:
            raise Wrong("foreign") from None
        finally:
            given.card.forget()
        return charge

    async def _forgotten(self, request: Request) -> Response:
        payment_id = self._pages.payment_of(request)
        form = await self._pages.form(request, payment_id.bytes)
        visit = await self._batches.visit(payment_id)
        kept = _named(await stored.offered(self._world, visit.payment), form.get("saved", ""))
        if kept is None or checkout.card_way(self._world, visit) is None:
            return self._to_page(request, notice="stale")
        try:
            await stored.delete(self._world, kept.merchant_id, kept.customer_id, kept.token)
        except CardNotStored:  # another tab was first
            return self._to_page(request, notice="stale")
        return self._to_page(request, notice="forgotten")

    # -- where they lead ----------------------------------------------------------------------------------------------

    def _to_page(self, request: Request, to: str = "", **query: str) -> Response:
        _, asked = language(request)
        whole = {"token": request.query_params["token"]} | ({"lang": asked} if asked else {}) | query
        return responses.redirect(f"{self._pages.path}{to}?{urlencode(whole)}")

    async def _to_bank(self, request: Request, charge: Charge, page: str) -> Response:
        """Leads to the page of the card's bank: ours that plays it, or an acquirer's, to which no form may redirect."""
        _, asked = language(request)
        if page == self._pages.pages.challenge_url(charge):
            return responses.redirect(page + (f"&lang={asked}" if asked else ""))
        await challenges.begun(self._world, charge)
        return self._to_page(request, go="1")


def _named(saved: Sequence[StoredCard], name: str) -> StoredCard | None:
    return next((kept for kept in saved if name and name_of(kept) == name), None)
