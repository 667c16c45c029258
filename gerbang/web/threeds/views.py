"""The view of a charge whose card's bank asks who pays: what is asked, that it is not decided yet, or how it has ended."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gerbang.channels.card import NETWORKS
from gerbang.domain.payments import Payment
from gerbang.services.checkout import Visit
from gerbang.web._pages import urls
from gerbang.web._pages.formatting import amount, instant

State = Literal["open", "asking", "approved", "failed", "expired"]
"""`open`: the bank waits for its buyer's answer. `asking`: what they answered is not known yet."""


@dataclass(frozen=True)
class View:
    """One page. `state` is that of the charge, or of an error page."""

    state: str
    shop: str = ""
    card: str = ""
    """The card's network and its last four digits."""
    amount: str = ""
    reference: str = ""
    before: str = ""
    bank_page: str = ""
    """Where the bank asks, for a buyer who came back without an answer."""
    refresh: int = 0
    """After so many seconds the page is loaded again; 0 for never."""
    tries: int = 0
    """How often it was loaded before."""


REFRESHED_AFTER = (2, 3, 5, 8, 15, 30)
"""Seconds before each further look at what the bank has said; the last one again and again."""


def state_of(visit: Visit, charge_id: UUID) -> State:
    """The state of a charge. One that is not the payment's newest, or that its buyer has left, is as its payment is."""
    payment, charge = visit.payment, visit.charge
    if charge is None or charge.id != charge_id or charge.card is None or charge.state == "expired":
        return "approved" if payment.state == "paid" else "expired" if payment.state == "expired" else "failed"
    if charge.state in ("succeeded", "authorized"):
        return "approved"
    if charge.state == "failed":
        return "failed"
    return "open" if charge.card.page and charge.state != "processing" else "asking"


def return_url(payment: Payment, state: State) -> str | None:
    """The merchant's URL for this end, unchanged; None if there is none or it may not be linked."""
    details = payment.details
    to = {"approved": details.success_url, "failed": details.failure_url, "expired": details.expiration_url}
    return urls.linked(to.get(state))


def view_of(visit: Visit, state: State, language: str, tries: int = 0) -> View:
    """The view of a charge as it is now. The order is shown only while the charge can be paid."""
    payment, charge = visit.payment, visit.charge
    if state not in ("open", "asking") or charge is None or charge.card is None:
        return View(state, shop=visit.merchant.name)
    ends = [end for end in (charge.expires_at, payment.expires_at) if end is not None]
    return View(
        state,
        shop=visit.merchant.name,
        card=f"{NETWORKS[charge.card.brand]} •••• {charge.card.last4}",
        amount=amount(charge.amount, language),
        reference=payment.reference,
        before=instant(min(ends), language) if ends else "",
        bank_page=charge.card.page if state == "open" else "",
        refresh=REFRESHED_AFTER[min(tries, len(REFRESHED_AFTER) - 1)],
        tries=tries,
    )
