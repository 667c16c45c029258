"""An event is news: something that has become true, numbered without gaps for each merchant."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.domain.reports import Booked

Kind = Literal[
    "payment.created",
    "payment.confirmed",
    "payment.reopened",
    "payment.processing",
    "payment.paid",
    "payment.cancelled",
    "payment.expired",
    "charge.succeeded",
    "money.set_aside",
]


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the news is about, as it was then: callbacks are told from this, however much later they are sent."""

    payment: Payment | None = None
    charge: Charge | None = None
    report: Booked | None = None
    reported_number: str = ""


class Event(msgspec.Struct, frozen=True):
    merchant_id: UUID
    kind: Kind
    at: datetime
    payment_id: UUID | None = None
    charge_id: UUID | None = None
    snapshot: Snapshot | None = None
    """None for news that is never sent to anybody."""
