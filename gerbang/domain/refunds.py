"""A refund gives a buyer money back that they have paid: by the way it came, or by a transfer to an account of theirs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.customers import Customer, RefundPreference
from gerbang.domain.fees import Rate
from gerbang.errors import WrongState

State = Literal["pending", "waiting_transfer", "succeeded", "failed", "cancelled"]
"""`pending`: the channel is asked to give it back. `waiting_transfer`: it goes to an account by a transfer, or waits until it is known
which. `cancelled`: an operator has ended it before any money left.
"""
Method = Literal["auto", "transfer_only"]
"""`auto`: by the way the money came, and by a transfer where that cannot be done."""
Source = Literal["available", "suspense"]
Way = Literal["channel", "account"]
Reason = Literal["suspect_fraudulent", "duplicate", "requested_by_customer", "cancellation", "others"]

MOVES: dict[str, dict[State, State]] = {
    "transfer": {"pending": "waiting_transfer"},
    "succeed": {"pending": "succeeded", "waiting_transfer": "succeeded"},
    "fail": {"pending": "failed", "waiting_transfer": "failed"},
    "return": {"succeeded": "failed"},
    "cancel": {"waiting_transfer": "cancelled"},
}
"""Which move leads from which state to which (payment-session reference, section 10). What is missing is refused."""
PAST = {
    "transfer": "transferred",
    "succeed": "carried out",
    "fail": "failed",
    "return": "returned",
    "cancel": "cancelled",
}
ENDED: frozenset[State] = frozenset({"succeeded", "failed", "cancelled"})
GIVES_NOTHING: frozenset[State] = frozenset({"failed", "cancelled"})
"""Whose money is the merchant's again, so that the same charge may be refunded by it."""

FEE_NAME = "refund"
"""Under which a merchant's agreement may have a fee."""
FEE_DEFAULT = Rate()
"""Where nothing was agreed for "refund", it is free."""


class Destination(msgspec.Struct, frozen=True):
    """The account that a transfer goes to."""

    bank_code: str
    """As the directory of banks has it."""
    account_number: str
    account_name: str
    channel_code: str
    """The bank as whoever asked for the refund has named it."""


class Refund(msgspec.Struct, frozen=True):
    id: UUID
    """Also that of the request by which the money's channel is asked to give it back."""
    merchant_id: UUID
    product: str
    """The product under which it was made: its callbacks report it."""
    reference: str
    """The merchant's own name for it, unique among the merchant's refunds."""
    payment_id: UUID
    charge_id: UUID | None
    """What is refunded of it; None for money that was held in suspense."""
    amount: int
    """Minor units, whole at the buyer: the fee comes on top."""
    whole: bool
    """Whether all that was left was asked for, instead of an amount."""
    captured: int
    """What could be refunded of the charge when it was asked for, itself included, in minor units."""
    fee: int
    """What the merchant pays for it, VAT included, in minor units."""
    vat: int
    """The part of the fee that is tax."""
    state: State
    method: Method
    reason: Reason
    connection: str
    """By which the money had come, or by which it goes back."""
    created_at: datetime
    updated_at: datetime
    way: Way | None = None
    """None while it is not decided."""
    destination: Destination | None = None
    """The account that was named for it; None where none was."""
    statement_text: str = ""
    """What stands on the statement of that account."""
    description: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    """JSON, as it was sent."""
    settles_at: datetime | None = None
    """When the charge is settled; None where that had happened before."""
    ended_at: datetime | None = None
    failure_reason: str | None = None
    returned_at: datetime | None = None
    """When its money came back after it had arrived."""
    report_id: UUID | None = None
    """The money that was not owed, and goes back out of suspense; None for a refund that the merchant has asked for."""

    @property
    def source(self) -> Source:
        """Which of the merchant's balances it is taken from, and comes back to."""
        return "available" if self.report_id is None else "suspense"

    @property
    def reserved(self) -> int:
        """What it takes from the merchant's available balance, in minor units."""
        return self.amount + self.fee


def moved(refund: Refund, verb: str, now: datetime) -> Refund:
    """The refund after a move. Raises WrongState where the table has no such move."""
    state = MOVES[verb].get(refund.state)
    if state is None:
        raise WrongState(thing="refund", state=refund.state, verb=PAST[verb])
    return replace(refund, state=state, updated_at=now, ended_at=now if state in ENDED else None)


def by_transfer(refund: Refund, destination: Destination | None, connection: str, now: datetime) -> Refund:
    """The refund that goes by a transfer: to an account over a connection, or as soon as an account is known. Raises WrongState."""
    waiting = refund if refund.state == "waiting_transfer" else moved(refund, "transfer", now)
    if destination is None:
        return waiting
    return replace(waiting, way="account", destination=destination, connection=connection, updated_at=now)


def succeeded(refund: Refund, now: datetime) -> Refund:
    """The refund once the buyer has the money. Raises WrongState."""
    return replace(moved(refund, "succeed", now), way=refund.way or "channel")


def failed(refund: Refund, reason: str, now: datetime) -> Refund:
    """The refund once it is known that the buyer will not get the money. Raises WrongState."""
    return replace(moved(refund, "fail", now), failure_reason=reason)


def returned(refund: Refund, reason: str, now: datetime) -> Refund:
    """The refund once its money has come back from where it had arrived: it has failed after all. Raises WrongState."""
    return replace(moved(refund, "return", now), failure_reason=reason, returned_at=now)


def cancelled(refund: Refund, now: datetime) -> Refund:
    """The refund that was ended before any money left. Raises WrongState, also where a bank may have the order."""
    if refund.way == "account":
        raise WrongState(thing="refund", state="under way at a bank", verb=PAST["cancel"])
    return moved(refund, "cancel", now)


def preference_of(known: Customer | None, then: Customer | None) -> RefundPreference | None:
    """How a buyer wants to be refunded: as the merchant has said last, or when the payment was made."""
    for customer in (known, then):
        if customer is not None and customer.refund_preference is not None:
            return customer.refund_preference
    return None
