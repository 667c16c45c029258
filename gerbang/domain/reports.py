"""A report is what a bank says about money that arrived. It is booked, or held in suspense with a reason, exactly once."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.charges import MOVES, Charge, is_written
from gerbang.domain.payments import Payment, as_of

Outcome = Literal["booked", "late", "double", "overpaid", "underpaid", "unknown_number"]


PAYMENT = "payment"
"""The service of money that buyers pay, where a partner numbers all of it in one series."""
Name = tuple[str, str, str]
"""Connection, service, and the partner's reference."""


class Report(msgspec.Struct, frozen=True):
    """Money at a bank. (`connection`, `service`, `reference`) is its identity: reported twice, it is still the same money.

    A partner that uses one reference for other money (another number or amount) has a second occurrence of it.
    """

    connection: str
    """The connection it came by."""
    reference: str
    """The partner's own reference of the transfer."""
    channel: str
    number: str
    amount: int
    """Minor units, as it arrived."""
    paid_at: datetime | None = None
    """When the bank says that it was paid; None where it does not say."""
    issuer: str = ""
    """The bank or wallet that the buyer paid with, where known."""
    service: str = PAYMENT
    """The partner's service that numbered it: two services may use equal references for different money."""
    request_id: UUID | None = None
    """The request by which the partner made the code, where it says so: the number may not be written down yet."""

    @property
    def name(self) -> Name:
        return self.connection, self.service, self.reference

    def is_money_of(self, other: "Report") -> bool:
        """Whether both, under one name, are the same money."""
        return (self.channel, self.number, self.amount) == (other.channel, other.number, other.amount)


class Booked(msgspec.Struct, frozen=True):
    """What became of a report."""

    id: UUID
    outcome: Outcome
    amount: int
    merchant_id: UUID
    payment_id: UUID | None
    charge_id: UUID | None
    known_before: bool = False


class HeldMoney(msgspec.Struct, frozen=True):
    """Money for a payment that was not owed."""

    outcome: Outcome
    amount: int
    charge_id: UUID | None
    received_at: datetime


ENDED_BY_TIME = ("expired", "inactive")


def classify(
    payment: Payment | None, charge: Charge | None, amount: int, now: datetime, paid_at: datetime | None = None
) -> Outcome:
    """Whether money for this payment is what was owed.

    `charge` is that of the code that was paid to, None for a static one, and for a code that was never open. What counts is when the buyer paid, not when
    the bank reports it: `paid_at`, now where that is not known. What a merchant or a buyer has ended stays ended.
    What is not owed is never turned away (it has arrived): it is classified, and held in suspense.
    """
    paid_at = paid_at or now
    if payment is None:
        return "unknown_number"
    state = as_of(payment, now).state
    if state == "paid":
        return "double"
    if state not in ("awaiting", "authenticating", "processing", "active", *ENDED_BY_TIME):
        return "late"
    if state in ENDED_BY_TIME and min(payment.expires_at or paid_at, now) <= paid_at:
        return "late"
    if (
        charge is not None
        and charge.expires_at is not None
        and charge.expires_at <= paid_at
        and charge.state not in MOVES["lapse"]
    ):
        return "late"
    if charge is not None and charge.state == "succeeded":
        return "double"
    if charge is not None and charge.state in ("failed", "expired"):
        return "late"  # its buyer went back and chose another way to pay
    if not is_written(payment, charge):
        return "late"  # its partner declined it, or the payment ended before it was made
    owed = charge.amount if charge is not None else payment.amount
    if owed is None or owed == amount:
        return "booked"
    return "overpaid" if amount > owed else "underpaid"
