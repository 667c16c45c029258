"""A charge is one try at collecting a payment on one channel; for a static payment, one arrival of money."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.cards import CardDetails
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Payment

State = Literal["waiting", "authenticating", "processing", "authorized", "succeeded", "failed", "expired"]
"""`authenticating`: the buyer is at the page of their bank or wallet. `processing`: they agreed, and the partner is at work.
`authorized`: the partner holds the money for us until it is captured, or released.
"""
Failure = Literal[
    "expired",
    "declined",
    "abandoned",
    "refused",
    "card_expired",
    "wrong_cvc",
    "invalid_account",
    "not_authenticated",
    "suspected_fraud",
    "blocked",
    "blocked_by_risk",
    "needs_review",
    "insufficient_funds",
    "unavailable",
]
"""Why no money will come by a charge: its time is over, its buyer declined it, or went back to pay in another way; all others are a
partner's reasons (payment-session reference, 5.3), of which `refused` is the general one.
"""

MOVES: dict[str, dict[State, State]] = {
    "authenticate": {"waiting": "authenticating"},
    "process": {"waiting": "processing", "authenticating": "processing"},
    "authorize": {"waiting": "authorized", "authenticating": "authorized", "processing": "authorized"},
    "pay": {
        "waiting": "succeeded",
        "authenticating": "succeeded",
        "processing": "succeeded",
        "authorized": "succeeded",
    },
    "fail": {"waiting": "failed", "authenticating": "failed", "processing": "failed"},
    "expire": {"waiting": "expired", "authenticating": "expired"},
    "lapse": {"processing": "expired", "authorized": "expired"},
    "give_up": {"waiting": "expired", "authenticating": "expired"},
}


class Charge(msgspec.Struct, frozen=True):
    id: UUID
    payment_id: UUID
    merchant_id: UUID
    payment_reference: str
    amount: int
    """Minor units."""
    state: State
    channel: str
    instructions: Instructions
    descriptor: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    paid_at: datetime | None = None
    fee: int = 0
    """What the merchant pays for it, VAT included, in minor units; known from the start for a fixed amount."""
    vat: int = 0
    """The part of the fee that is tax."""
    failure: Failure | None = None
    static: bool = False
    """Whether it is one arrival of money on a static paycode."""
    card: CardDetails | None = None
    """What may be known of the card that pays it."""
    captured: int | None = None
    """What was taken of the money that its partner holds, in minor units; None where it was all paid at once, or nothing yet."""
    settles_at: datetime | None = None
    """When its money becomes the merchant's to withdraw; known once paid."""
    settled_at: datetime | None = None
    settlement_id: UUID | None = None

    @property
    def taken(self) -> int:
        """What was paid, in minor units, once it has succeeded."""
        return self.amount if self.captured is None else self.captured


def as_of(charge: Charge, now: datetime, payment_expires_at: datetime | None) -> Charge:
    """The charge as it is at `now`: expired when its own time or its payment's is over."""
    ends = [end for end in (charge.expires_at, payment_expires_at) if end is not None]
    if not ends or charge.state not in MOVES["expire"]:
        return charge
    end = min(ends)
    return replace(charge, state="expired", updated_at=end, failure="expired") if end <= now else charge


def is_written(payment: Payment, charge: Charge | None) -> bool:
    """Whether a code of this payment is known: by its charge, or for a static one by the payment's method.

    A partner's code is not, until the partner has answered or money has come by it.
    """
    if payment.static:
        return payment.method is not None and payment.method.instructions is not None
    return charge is not None


def paid(charge: Charge, paid_at: datetime, now: datetime) -> Charge:
    """The charge after its money arrived."""
    return replace(charge, state=MOVES["pay"][charge.state], paid_at=paid_at, updated_at=now)


def moved(charge: Charge, verb: str, now: datetime) -> Charge:
    """The charge one step on its way to be paid: `authenticate`, `process` or `authorize`."""
    return replace(charge, state=MOVES[verb][charge.state], updated_at=now)


def failed(charge: Charge, failure: Failure, now: datetime) -> Charge:
    """The charge that its buyer declined, or their wallet or bank. Money that still comes by it is late."""
    return replace(charge, state=MOVES["fail"][charge.state], updated_at=now, failure=failure)


def lapsed(charge: Charge, now: datetime) -> Charge:
    """The charge of which its partner says that nothing will come, whether or not its buyer had agreed to it."""
    state = (MOVES["expire"] | MOVES["lapse"])[charge.state]
    return replace(charge, state=state, updated_at=now, failure="expired")


def ended(charge: Charge, now: datetime) -> Charge:
    """The charge after its payment was ended. Money that still comes by it is late."""
    return replace(charge, state=MOVES["expire"][charge.state], updated_at=now, failure="expired")


def given_up(charge: Charge, now: datetime) -> Charge:
    """The charge after its buyer went back to pay in another way. Money that still comes by it is late."""
    return replace(charge, state=MOVES["give_up"][charge.state], updated_at=now, failure="abandoned")
