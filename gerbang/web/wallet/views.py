"""The view of a charge on the wallet's page: what the buyer approves, or how the charge has ended."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gerbang.channels.ewallet import WALLETS
from gerbang.services.checkout import Visit
from gerbang.services.simulated_wallet import TRIES_MAX
from gerbang.web._pages.formatting import amount, instant

State = Literal["open", "processing", "paid", "declined", "failed", "expired", "withdrawn"]


@dataclass(frozen=True)
class View:
    """One page. `state` is that of the charge, or of an error page."""

    state: str
    shop: str = ""
    wallet: str = ""
    """The name of the e-wallet that is simulated."""
    amount: str = ""
    reference: str = ""
    before: str = ""
    back_to: str = ""
    not_charged: bool = False
    """The charge has ended and no money came for it, not even late."""
    signs_in: bool = False
    """Whether the buyer is asked for a phone number and a password, or a tap is enough."""
    phone: str = ""
    tries_left: int = 0
    """How many passwords may still be given, where one was wrong."""


def state_of(visit: Visit, charge_id: UUID) -> State:
    """The state of a charge for the wallet. One that is not the payment's newest has been withdrawn."""
    payment, charge = visit.payment, visit.charge
    if charge is None or charge.id != charge_id:
        return "withdrawn"
    if charge.state == "succeeded":
        return "paid"
    if charge.state == "failed":
        return "declined" if charge.failure == "declined" else "failed"
    if charge.state == "processing":
        return "processing"
    asked = payment.state in ("awaiting", "authenticating")
    if payment.state == "expired" or (asked and charge.state == "expired"):
        return "expired"
    return "open" if asked and charge.state in ("waiting", "authenticating") else "withdrawn"


def view_of(visit: Visit, charge_id: UUID, language: str, back_to: str) -> View:
    """The view of a charge as it is now. The order is shown only while the charge can be paid."""
    state, charge, shop = state_of(visit, charge_id), visit.charge, visit.merchant.name
    if state != "open" or charge is None:
        took = any(money.charge_id == charge_id for money in visit.in_suspense)
        unpaid = state in ("declined", "failed", "expired") and not took
        return View(state, shop=shop, back_to=back_to, not_charged=unpaid)
    return View(
        state,
        shop=shop,
        wallet=WALLETS.get(charge.instructions.option or "", ""),
        amount=amount(charge.amount, language),
        reference=visit.payment.reference,
        before=instant(charge.expires_at, language) if charge.expires_at else "",
        back_to=back_to,
        signs_in=visit.offer.terms.signs_in,
        phone=_at_home(charge.instructions.account),
        tries_left=TRIES_MAX - charge.instructions.wrong_passwords if charge.instructions.wrong_passwords else 0,
    )


def _at_home(account: str) -> str:
    """A phone number as people in Indonesia write it, such as 081234567890."""
    return account.replace("+62", "0", 1)
