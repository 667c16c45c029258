"""What moved a merchant's balance, one row for each movement with its fee, as the ledger has it.

What a row's amount less its fee comes to is what the balance changed by: settling a payment moves nothing between balances.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.ledger import available, payouts, pending

Account = Literal["payment", "payouts"]
"""`payment`: what buyers paid, settled or not. `payouts`: what was paid in for payouts."""

SPAN_MAX = timedelta(days=31)
BACK_MAX = timedelta(days=184)
"""Six months (payment-session reference, 11)."""

ASIDE = ("settled", "fee", "vat", "inquiry_vat")
"""Reasons of transfers that belong to the row of another one."""


class Movement(msgspec.Struct, frozen=True):
    """One row. Amounts are minor units, above zero for what comes in."""

    number: int
    """The ledger's, in the order of time."""
    at: datetime
    account: Account
    reason: str
    """Of the transfer in the ledger."""
    amount: int
    fee: int
    reference: str
    """The merchant's own name for what it belongs to; "" where it belongs to nothing of the merchant's."""
    thing_id: UUID | None
    """The payment, payout or withdrawal that it belongs to."""
    kind: str
    """Of the payout that it belongs to; "bulk" for one of many; "" where it belongs to none."""
    channel: str
    """By which a buyer paid, or the bank that was paid to."""
    settled_at: datetime | None
    is_settled: bool


class Asked(msgspec.Struct, frozen=True):
    """Which movements: of one account in a span of time, its end excluded; of one thing, where an id is given."""

    account: Account
    since: datetime
    until: datetime
    thing_id: UUID | None = None


def names_of(merchant_id: UUID, account: Account) -> list[str]:
    """The ledger's names of an account."""
    return [payouts(merchant_id)] if account == "payouts" else [available(merchant_id), pending(merchant_id)]
