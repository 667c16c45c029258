"""Double-entry bookkeeping: every movement is one transfer from a credited account to a debited one.

A balance is debits minus credits, so that all balances together are zero after every commit. Accounts are named:
`bank/<connection>` (money that a bank owes us), `merchant/<id>/pending` (ours to pay out once settled),
`merchant/<id>/suspense` (arrived, but not what was owed), `house/fees`, `house/vat`, `house/suspense`.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from gerbang.domain.fees import Fee
from gerbang.domain.merchants import HOUSE

FEES = "house/fees"
VAT = "house/vat"


class Transfer(msgspec.Struct, frozen=True):
    """`amount` (> 0, minor units) is debited to one account and credited to another. Rows are never changed."""

    debit: str
    credit: str
    amount: int
    reason: str
    merchant_id: UUID
    payment_id: UUID | None
    report_id: UUID | None


def bank(connection: str) -> str:
    return f"bank/{connection}"


def pending(merchant_id: UUID) -> str:
    return f"merchant/{merchant_id}/pending"


def suspense(merchant_id: UUID) -> str:
    return "house/suspense" if merchant_id == HOUSE else f"merchant/{merchant_id}/suspense"


def money_in(
    connection: str, merchant_id: UUID, amount: int, fee: Fee, *, payment_id: UUID, report_id: UUID
) -> list[Transfer]:
    """Money that was owed: to the merchant's pending balance, and the fee out of it."""
    owner = pending(merchant_id)
    lines = [
        (bank(connection), owner, amount, "money_in"),
        (owner, FEES, fee.net, "fee"),
        (owner, VAT, fee.vat, "vat"),
    ]
    return [
        Transfer(debit, credit, minor, reason, merchant_id, payment_id, report_id)
        for debit, credit, minor, reason in lines
        if minor > 0
    ]


def money_set_aside(
    connection: str, merchant_id: UUID, amount: int, *, payment_id: UUID | None, report_id: UUID
) -> list[Transfer]:
    """Money that was not owed: it is kept in suspense until somebody decides what happens to it."""
    return [Transfer(bank(connection), suspense(merchant_id), amount, "set_aside", merchant_id, payment_id, report_id)]


def changes(transfers: Iterable[Transfer]) -> dict[str, int]:
    """What transfers do to each account's balance; the values add up to zero."""
    balance: dict[str, int] = {}
    for transfer in transfers:
        balance[transfer.debit] = balance.get(transfer.debit, 0) + transfer.amount
        balance[transfer.credit] = balance.get(transfer.credit, 0) - transfer.amount
    return balance
