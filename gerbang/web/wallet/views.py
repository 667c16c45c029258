"""What the wallet's page says: whom the buyer is asked to pay and how much, or what has become of that already."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gerbang.channels.ewallet import WALLETS
from gerbang.services.checkout import Visit
from gerbang.web._pages.formatting import amount, instant

Static = Literal["open", "paid", "declined", "expired", "withdrawn"]


@dataclass(frozen=True)
class View:
    """One page. `state` is how the charge stands, or why there is none to be shown."""

    state: str
    shop: str = ""
    wallet: str = ""
    """The wallet whose part the simulator plays."""
    amount: str = ""
    reference: str = ""
    before: str = ""
    back_to: str = ""
    not_charged: bool = False
    """The charge is over and took no money, not even money that came too late to count."""


def static_of(visit: Visit, charge_id: UUID) -> Static:
    """How a charge stands with the wallet. One that is not the payment's newest was given up for another way to pay."""
    payment, charge = visit.payment, visit.charge
    if charge is None or charge.id != charge_id:
        return "withdrawn"
    if charge.state == "succeeded":
        return "paid"
    if charge.state == "failed":
        return "declined"
    if payment.state == "expired" or (payment.state == "awaiting" and charge.state == "expired"):
        return "expired"
    return "open" if payment.state == "awaiting" and charge.state == "waiting" else "withdrawn"


def view_of(visit: Visit, charge_id: UUID, language: str, back_to: str) -> View:
    """The page of a charge at this moment. What is no longer asked for is not shown again."""
    static, charge, shop = static_of(visit, charge_id), visit.charge, visit.merchant.name
    if static != "open" or charge is None:
        took = any(money.charge_id == charge_id for money in visit.in_suspense)
        unpaid = static in ("declined", "expired") and not took
        return View(static, shop=shop, back_to=back_to, not_charged=unpaid)
    return View(
        static,
        shop=shop,
        wallet=WALLETS.get(charge.instructions.option or "", ""),
        amount=amount(charge.amount, language),
        reference=visit.payment.reference,
        before=instant(charge.expires_at, language) if charge.expires_at else "",
        back_to=back_to,
    )
