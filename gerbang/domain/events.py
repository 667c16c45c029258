"""An event is something that has become true, numbered without gaps for each merchant."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.bulk_payouts import BulkPayout, Totals
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.domain.refunds import Refund
from gerbang.domain.reports import Booked
from gerbang.domain.withdrawals import Withdrawal

Kind = Literal[
    "payment.created",
    "payment.confirmed",
    "payment.opened",
    "payment.processing",
    "payment.reopened",
    "payment.paid",
    "payment.cancelled",
    "payment.failed",
    "payment.expired",
    "charge.succeeded",
    "charge.settled",
    "charge.reversed",
    "money.reversed",
    "reversal.unknown",
    "money.in_suspense",
    "payout.completed",
    "payout.failed",
    "refund.pending",
    "refund.waiting_transfer",
    "refund.succeeded",
    "refund.failed",
    "refund.cancelled",
    "money.accepted",
    "money.refunded",
    "money.refund_failed",
    "payout.delayed",
    "bulk_payout.waiting",
    "bulk_payout.done",
    "bulk_payout.cancelled",
    "withdrawal.completed",
    "withdrawal.failed",
]


TO_EVERY_PRODUCT = frozenset({"money.in_suspense", "money.accepted", "money.refunded", "money.refund_failed"})
"""Events that every product sends which has them. All others are sent by the product of their payment or payout alone."""


SAYS_UNPAID = frozenset(
    {
        "payment.created",
        "payment.confirmed",
        "payment.opened",
        "payment.processing",
        "payment.reopened",
        "payment.cancelled",
        "payment.failed",
        "payment.expired",
    }
)
"""Events in which the payment is unpaid: once it is paid they are not sent any more."""


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the event is about, as it was then: callbacks are made of this, however much later they are sent."""

    payment: Payment | None = None
    charge: Charge | None = None
    report: Booked | None = None
    reported_number: str = ""
    payout: Payout | None = None
    refund: Refund | None = None
    bulk_payout: BulkPayout | None = None
    totals: Totals | None = None
    """Of the bulk payout's lines."""
    withdrawal: Withdrawal | None = None


class Event(msgspec.Struct, frozen=True):
    merchant_id: UUID
    kind: Kind
    at: datetime
    payment_id: UUID | None = None
    charge_id: UUID | None = None
    snapshot: Snapshot | None = None
    """None for events that are never sent."""

    def concerns(self, product: str) -> bool:
        """Whether this product's callbacks are where it belongs."""
        if self.snapshot is None or self.kind in TO_EVERY_PRODUCT:
            return self.snapshot is not None
        snapshot = self.snapshot
        about = snapshot.payment or snapshot.payout or snapshot.refund or snapshot.bulk_payout or snapshot.withdrawal
        return about is not None and about.product == product
