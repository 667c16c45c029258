"""A bulk payout is the order of many payouts by one request; each of its lines is a payout.

While the merchant's balance does not cover it, it waits, and none of its lines is sent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Payout
from gerbang.errors import WrongState

State = Literal["waiting", "running", "done", "cancelled"]
"""`waiting`: the balance does not cover it yet. `running`: its money is reserved, and some lines have not ended."""

LINES_MAX = 1_000
LINE_MAX = rupiah(1_000_000_000)
"""The largest amount of one line where nothing else was agreed."""
TRIED_AGAIN = timedelta(minutes=1)
"""So often the balance is looked at again."""
PRETENDED_SHORT = "999966660007"
"""At the simulated bank an account number for which the balance never suffices (payment-session reference, 9.5)."""
NOT_ALLOWED = "Feature not allowed at this time"
"""Why a line failed whose bank nobody is connected to, in the words of the payment-session reference, 11."""
INVALID_ACCOUNT = "Invalid account"
"""Why a line failed whose account its bank has said not to have."""
CANCELLED = "Cancelled"
"""Why a line failed that was cancelled before its money was reserved."""


class BulkPayout(msgspec.Struct, frozen=True):
    id: UUID
    """The cause of its lines."""
    merchant_id: UUID
    product: str
    state: State
    lines: int
    open_lines: int
    """How many have not ended."""
    needed: int
    """What its open lines took or will take from the balance, in minor units, when its order was taken."""
    created_at: datetime
    updated_at: datetime
    next_at: datetime | None = None
    """While it waits: when the balance is looked at again; None where only a cancellation ends the waiting."""


class Totals(msgspec.Struct, frozen=True):
    """How many lines are in which state, and their amounts in minor units together."""

    pending: int = 0
    pending_amount: int = 0
    completed: int = 0
    completed_amount: int = 0
    failed: int = 0
    failed_amount: int = 0
    cancelled: int = 0
    cancelled_amount: int = 0


def totals_of(lines: Iterable[Payout]) -> Totals:
    """What lines come to."""
    totals = Totals()
    for line in lines:
        totals = with_line(totals, line)
    return totals


def with_line(totals: Totals, line: Payout) -> Totals:
    """The totals and one line more."""
    state = line.state if line.state in ("completed", "failed") else "pending"
    if state == "failed" and line.sent_at is None and line.failure_reason == CANCELLED:
        state = "cancelled"
    changed = {state: getattr(totals, state) + 1, f"{state}_amount": getattr(totals, f"{state}_amount") + line.amount}
    return replace(totals, **changed)


def ended(bulk: BulkPayout, lines: int, now: datetime) -> BulkPayout:
    """The bulk payout after so many of its lines have ended."""
    still = bulk.open_lines - lines
    return replace(bulk, open_lines=still, state=bulk.state if still else "done", updated_at=now)


def running(bulk: BulkPayout, now: datetime) -> BulkPayout:
    """The bulk payout once the money of its lines is reserved."""
    return replace(bulk, state="running", next_at=None, updated_at=now)


def still_short(bulk: BulkPayout, now: datetime) -> BulkPayout:
    """The bulk payout after its balance was looked at and did not suffice."""
    return replace(bulk, next_at=now + TRIED_AGAIN)


def cancelled(bulk: BulkPayout, now: datetime) -> BulkPayout:
    """The bulk payout that nobody waits for any more. Raises WrongState where its money is reserved, or it has ended."""
    if bulk.state != "waiting":
        raise WrongState(thing="bulk payout", state=bulk.state, verb="cancelled")
    return replace(bulk, state="cancelled", open_lines=0, next_at=None, updated_at=now)
