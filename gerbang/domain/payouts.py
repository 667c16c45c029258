"""A payout is money sent out on a merchant's behalf: what was ordered, and the states it goes through until its end."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.fees import Rate
from gerbang.domain.money import rupiah
from gerbang.errors import WrongState

State = Literal["approved", "pending", "processing", "completed", "failed"]
"""`approved`: a line of a bulk payout whose money is not reserved yet. `pending`: kept, and the bank is not yet known to have it. `processing`: the bank has it and is at work."""

Kind = Literal["payout", "refund", "withdrawal"]
"""`refund`: the transfer by which a refund is carried out. `withdrawal`: to the merchant's own account."""
Source = Literal["available", "payouts"]
"""Which of the merchant's balances it is taken from: what was settled, or what was paid in for payouts."""

MOVES: dict[str, dict[State, State]] = {
    "reserve": {"approved": "pending"},
    "refuse": {"approved": "failed"},
    "send": {"pending": "processing"},
    "complete": {"processing": "completed"},
    "fail": {"processing": "failed"},
    "return": {"completed": "failed"},
}
"""Which move leads from which state to which (one-time-payment reference, section 4). What is missing is refused."""

PAST = {
    "reserve": "reserved",
    "refuse": "refused",
    "send": "sent",
    "complete": "completed",
    "fail": "failed",
    "return": "returned",
}

FEE_NAME = "payout"
"""Under which a merchant's agreement may have another fee."""
FEE_DEFAULT = Rate(flat=rupiah(3_500))
"""Where nothing was agreed for "payout" (one-time-payment reference, section 8)."""
AMOUNT_MIN = rupiah(10_000)
"""What banks ask for at least; it also catches "15.000" that was written or read as fifteen rupiah."""


class Destination(msgspec.Struct, frozen=True):
    """Where the money goes."""

    kind: Literal["bank_transfer"]
    bank_code: str
    account_number: str
    account_name: str
    """As the merchant gave it; "" where it gave none."""


class Payout(msgspec.Struct, frozen=True):
    id: UUID
    """Also that of the request by which its bank is asked to send it."""
    merchant_id: UUID
    product: str
    """The product under which it was made: its callbacks report it."""
    reference: str
    """The merchant's own name for it, unique among the merchant's payouts."""
    connection: str
    """The one it goes by."""
    amount: int
    """Minor units, whole at the destination: the fee comes on top."""
    fee: int
    """What the merchant pays for it, VAT included, in minor units."""
    vat: int
    """The part of the fee that is tax."""
    state: State
    destination: Destination
    description: str | None
    created_at: datetime
    updated_at: datetime
    kind: Kind = "payout"
    source: Source = "available"
    cause_id: UUID | None = None
    """The refund or the withdrawal that it carries out, or the order of many payouts that it is a line of."""
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    bank_reference: str = ""
    bank_account_name: str = ""
    """The name of the account's holder, as the bank knows it."""
    failure_reason: str | None = None
    returned_at: datetime | None = None
    """When its money came back after it had arrived."""

    @property
    def reserved(self) -> int:
        """What it takes from the merchant's balance, in minor units."""
        return self.amount + self.fee


class Search(msgspec.Struct, frozen=True):
    """Which of a merchant's payouts are asked for, and in which order of their making."""

    created_after: datetime | None = None
    """From this instant on."""
    created_before: datetime | None = None
    """Up to this instant, without it."""
    state: State | None = None
    reference: str | None = None
    newest_first: bool = True

    def finds(self, payout: Payout) -> bool:
        """Whether the payout is one of them."""
        return (
            (self.created_after is None or payout.created_at >= self.created_after)
            and (self.created_before is None or payout.created_at < self.created_before)
            and self.state in (None, payout.state)
            and self.reference in (None, payout.reference)
        )


def differing(payout: Payout, amount: int, destination: Destination, description: str | None) -> list[str]:
    """What an order under the reference of a payout asks for otherwise: names of Payout and Destination."""
    made = payout.destination
    differs = {
        "amount": amount != payout.amount,
        "bank_code": destination.bank_code != made.bank_code,
        "account_number": destination.account_number != made.account_number,
        "account_name": destination.account_name != made.account_name,
        "description": description != payout.description,
    }
    return [name for name, is_other in differs.items() if is_other]


def moved(payout: Payout, verb: str, now: datetime) -> Payout:
    """The payout after a move. Raises WrongState where the table has no such move."""
    state = MOVES[verb].get(payout.state)
    if state is None:
        raise WrongState(thing="payout", state=payout.state, verb=PAST[verb])
    return replace(payout, state=state, updated_at=now)


def ready(payout: Payout, now: datetime) -> Payout:
    """The payout once its money is reserved: its bank may be given it. Raises WrongState."""
    return moved(payout, "reserve", now)


def refused(payout: Payout, reason: str, now: datetime) -> Payout:
    """The payout that fails before its money was reserved. Raises WrongState."""
    return replace(moved(payout, "refuse", now), ended_at=now, failure_reason=reason)


def sent(payout: Payout, bank_reference: str, bank_account_name: str, at: datetime, now: datetime) -> Payout:
    """The payout once the bank is known to have it, which was given the order at an instant. Raises WrongState."""
    return replace(
        moved(payout, "send", now), sent_at=at, bank_reference=bank_reference, bank_account_name=bank_account_name
    )


def completed(payout: Payout, now: datetime) -> Payout:
    """The payout once its money is there. Raises WrongState."""
    return replace(moved(payout, "complete", now), ended_at=now)


def failed(payout: Payout, reason: str, now: datetime) -> Payout:
    """The payout once it is known that its money will not arrive. Raises WrongState."""
    return replace(moved(payout, "fail", now), ended_at=now, failure_reason=reason)


def returned(payout: Payout, reason: str, now: datetime) -> Payout:
    """The payout once its money has come back from where it had arrived: it has failed after all. Raises WrongState."""
    return replace(moved(payout, "return", now), returned_at=now, failure_reason=reason)
