"""What becomes of money that came for a payment and was not owed, as it was agreed: held in suspense, credited, or sent back.

It is in suspense first in any case, so that the ledger has it once for its report.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from gerbang import ids
from gerbang.db import Tx, ledger
from gerbang.db import refunds as kept
from gerbang.domain.changes import Changes
from gerbang.domain.customers import RefundPreference
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.ledger import money_accepted, reserving_refund
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Payment
from gerbang.domain.refunds import GIVES_NOTHING, Refund
from gerbang.domain.reports import Booked, Report
from gerbang.services import refund_transfers as transfers
from gerbang.world import World

PRODUCT = "money"
"""Whose callbacks report it."""


async def preferences(
    tx: Tx, merchants: dict[UUID, Merchant], payments: Iterable[Payment]
) -> dict[UUID, RefundPreference]:
    """How the buyers of these payments want to be refunded, where their merchants may send them money back."""
    found: dict[UUID, RefundPreference] = {}
    for payment in payments:
        if "refund" in merchants[payment.merchant_id].agreement.late_money.values():
            said = await transfers.preference(tx, payment)
            if said is not None:
                found[payment.id] = said
    return found


def apply(
    world: World,
    changes: Changes,
    report: Report,
    booked: Booked,
    payment: Payment,
    merchant: Merchant,
    preference: RefundPreference | None,
    now: datetime,
) -> None:
    """Adds what becomes of money that has just been held in suspense. One whose buyer's account is not known stays there."""
    policy = merchant.agreement.policy(report.channel, booked.outcome)
    if policy == "accept":
        changes.transfers += money_accepted(merchant.id, booked.amount, payment_id=payment.id, report_id=booked.id)
        snapshot = Snapshot(payment=payment, report=booked, reported_number=report.number)
        changes.events.append(Event(merchant.id, "money.accepted", now, payment.id, booked.charge_id, snapshot))
    elif policy == "refund" and (account := transfers.preferred(world, payment, preference)) is not None:
        refund = _refund(report, booked, payment, now)
        changes.transfers += reserving_refund(refund)
        changes.new_refunds.append(transfers.order(world, changes, refund, account, now))


def _refund(report: Report, booked: Booked, payment: Payment, now: datetime) -> Refund:
    """All of the money, and no fee: nobody has asked for it."""
    return Refund(
        id=ids.uuid7(now),
        merchant_id=payment.merchant_id,
        product=PRODUCT,
        reference=f"money {booked.id.hex}",
        payment_id=payment.id,
        charge_id=None,
        amount=booked.amount,
        whole=True,
        captured=booked.amount,
        fee=0,
        vat=0,
        state="pending",
        method="transfer_only",
        reason="others",
        connection=report.connection,
        created_at=now,
        updated_at=now,
        report_id=booked.id,
    )


async def has_left_suspense(tx: Tx, booked: Booked) -> bool:
    """Whether money that was not owed was credited, or went back to its buyer."""
    if await ledger.has_moved(tx, booked.merchant_id, booked.id, "accepted"):
        return True
    refund = await kept.of_report(tx, booked.merchant_id, booked.id)
    return refund is not None and refund.state not in GIVES_NOTHING
