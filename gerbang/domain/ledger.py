"""Double-entry bookkeeping: every movement is one transfer from a credited account to a debited one.

A balance is debits minus credits, so that all balances together are zero after every commit. Accounts are named:
`bank/<connection>` (money that a bank owes us), `merchant/<id>/pending` (paid and not yet settled), `merchant/<id>/available`
(settled: the merchant may take it out), `merchant/<id>/payouts` (paid in, to be paid out), `merchant/<id>/reserved` (on its way out), `merchant/<id>/suspense` (arrived, but not
what was owed), `platform/fees`, `platform/vat`, `platform/suspense`.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from gerbang.domain.fees import Fee
from gerbang.domain.merchants import PLATFORM
from gerbang.domain.payouts import Source
from gerbang.domain.refunds import Refund

FEES = "platform/fees"
VAT = "platform/vat"


class Transfer(msgspec.Struct, frozen=True):
    """`amount` (> 0, minor units) is debited to one account and credited to another. Rows are never changed."""

    debit: str
    credit: str
    amount: int
    reason: str
    merchant_id: UUID
    payment_id: UUID | None
    report_id: UUID | None
    cause_id: UUID | None = None
    """The charge that is settled, the payout, the refund, or the merchant that begins. One cause moves money once for each reason."""


def is_platforms(account: str) -> bool:
    """Whether an account is the platform's own, and no merchant's."""
    return not account.startswith("merchant/")


def bank(connection: str) -> str:
    return f"bank/{connection}"


def pending(merchant_id: UUID) -> str:
    return f"merchant/{merchant_id}/pending"


def available(merchant_id: UUID) -> str:
    return f"merchant/{merchant_id}/available"


def payouts(merchant_id: UUID) -> str:
    return f"merchant/{merchant_id}/payouts"


def suspense(merchant_id: UUID) -> str:
    return "platform/suspense" if merchant_id == PLATFORM else f"merchant/{merchant_id}/suspense"


def money_in(connection: str, merchant_id: UUID, amount: int, *, payment_id: UUID, report_id: UUID) -> list[Transfer]:
    """Money that was owed: to the merchant's pending balance, whole."""
    return [Transfer(bank(connection), pending(merchant_id), amount, "money_in", merchant_id, payment_id, report_id)]


def settling(merchant_id: UUID, amount: int, fee: Fee, *, payment_id: UUID, charge_id: UUID) -> list[Transfer]:
    """Money that is settled: from the pending to the available balance, and the fee out of that."""
    owner = available(merchant_id)
    lines = [
        (pending(merchant_id), owner, amount, "settled"),
        (owner, FEES, fee.net, "fee"),
        (owner, VAT, fee.vat, "vat"),
    ]
    return [
        Transfer(debit, credit, minor, reason, merchant_id, payment_id, None, charge_id)
        for debit, credit, minor, reason in lines
        if minor > 0
    ]


def money_held(
    connection: str, merchant_id: UUID, amount: int, *, payment_id: UUID | None, report_id: UUID
) -> list[Transfer]:
    """Money that was not owed: it is kept in suspense until somebody decides what happens to it."""
    return [
        Transfer(bank(connection), suspense(merchant_id), amount, "in_suspense", merchant_id, payment_id, report_id)
    ]


def money_back(
    connection: str, merchant_id: UUID, amount: int, *, payment_id: UUID | None, report_id: UUID, was_booked: bool
) -> list[Transfer]:
    """Money that its bank took back: out of the available balance if it was booked, settled or not, else out of suspense."""
    owner = available(merchant_id) if was_booked else suspense(merchant_id)
    return [Transfer(owner, bank(connection), amount, "reversed", merchant_id, payment_id, report_id)]


def starting(connection: str, merchant_id: UUID, amount: int) -> list[Transfer]:
    """Money that a sandbox's merchant has from the start, as if it had paid it in at the bank; once for each merchant."""
    return [
        Transfer(
            bank(connection), available(merchant_id), amount, "starting_balance", merchant_id, None, None, merchant_id
        )
    ]


def starting_for_payouts(connection: str, merchant_id: UUID, amount: int) -> list[Transfer]:
    """Money for payouts that a sandbox's merchant has from the start, as if it had paid it in at the bank; once for each merchant."""
    return [
        Transfer(
            bank(connection), payouts(merchant_id), amount, "starting_payouts", merchant_id, None, None, merchant_id
        )
    ]


def withdrawing(merchant_id: UUID, amount: int, *, withdrawal_id: UUID) -> list[Transfer]:
    """Money that a merchant takes from what is settled to its balance for payouts."""
    return [
        Transfer(
            available(merchant_id), payouts(merchant_id), amount, "withdrawn", merchant_id, None, None, withdrawal_id
        )
    ]


def inquiring(merchant_id: UUID, fee: Fee, *, inquiry_id: UUID) -> list[Transfer]:
    """The fee for a question about an account, out of the balance for payouts."""
    owner = payouts(merchant_id)
    lines = [(FEES, fee.net, "inquiry_fee"), (VAT, fee.vat, "inquiry_vat")]
    return [
        Transfer(owner, credit, minor, reason, merchant_id, None, None, inquiry_id)
        for credit, minor, reason in lines
        if minor > 0
    ]


def changes(transfers: Iterable[Transfer]) -> dict[str, int]:
    """What transfers do to each account's balance; the values add up to zero."""
    balance: dict[str, int] = {}
    for transfer in transfers:
        balance[transfer.debit] = balance.get(transfer.debit, 0) + transfer.amount
        balance[transfer.credit] = balance.get(transfer.credit, 0) - transfer.amount
    return balance


def reserved(merchant_id: UUID) -> str:
    return f"merchant/{merchant_id}/reserved"


def payable(merchant_id: UUID, source: Source) -> str:
    """The account that a payout is taken from, and comes back to."""
    return available(merchant_id) if source == "available" else payouts(merchant_id)


def reserving(merchant_id: UUID, amount: int, *, payout_id: UUID, source: Source = "available") -> list[Transfer]:
    """Money for a payout, its fee included: reserved, so that it cannot be paid out twice."""
    return [
        _of_payout(
            payable(merchant_id, source), reserved(merchant_id), amount, "payout_reserved", merchant_id, payout_id
        )
    ]


def paying_out(connection: str, merchant_id: UUID, amount: int, fee: Fee, *, payout_id: UUID) -> list[Transfer]:
    """Money that has left by a bank, and the fee for it, out of what was reserved."""
    lines = [(bank(connection), amount, "payout"), (FEES, fee.net, "fee"), (VAT, fee.vat, "vat")]
    return [
        _of_payout(reserved(merchant_id), credit, minor, reason, merchant_id, payout_id)
        for credit, minor, reason in lines
        if minor > 0
    ]


def releasing(merchant_id: UUID, amount: int, *, payout_id: UUID, source: Source = "available") -> list[Transfer]:
    """Money of a payout that failed, its fee included: available again."""
    return [
        _of_payout(
            reserved(merchant_id), payable(merchant_id, source), amount, "payout_released", merchant_id, payout_id
        )
    ]


def coming_back(
    connection: str, merchant_id: UUID, amount: int, *, payout_id: UUID, source: Source = "available"
) -> list[Transfer]:
    """Money of a payout that came back after it had left: available again. The fee stays: the bank has done its work."""
    owner = payable(merchant_id, source)
    return [_of_payout(bank(connection), owner, amount, "payout_returned", merchant_id, payout_id)]


def _of_payout(debit: str, credit: str, amount: int, reason: str, merchant_id: UUID, payout_id: UUID) -> Transfer:
    return Transfer(debit, credit, amount, reason, merchant_id, None, None, payout_id)


def money_accepted(merchant_id: UUID, amount: int, *, payment_id: UUID | None, report_id: UUID) -> list[Transfer]:
    """Money that was not owed and is credited all the same: from suspense to the available balance, once."""
    owner, held = available(merchant_id), suspense(merchant_id)
    return [Transfer(held, owner, amount, "accepted", merchant_id, payment_id, report_id, report_id)]


def refundable(refund: Refund) -> str:
    """The account that a refund is taken from, and comes back to."""
    return available(refund.merchant_id) if refund.source == "available" else suspense(refund.merchant_id)


def reserving_refund(refund: Refund) -> list[Transfer]:
    """Money for a refund, its fee included: reserved, so that it cannot be given away twice."""
    kept = reserved(refund.merchant_id)
    return [_of_refund(refund, refundable(refund), kept, refund.reserved, "refund_reserved")]


def refunding(refund: Refund) -> list[Transfer]:
    """Money that a buyer has got back by the refund's connection, and the fee for it, out of what was reserved."""
    fee = Fee(refund.fee, refund.vat)
    lines = [(bank(refund.connection), refund.amount, "refunded"), (FEES, fee.net, "fee"), (VAT, fee.vat, "vat")]
    kept = reserved(refund.merchant_id)
    return [_of_refund(refund, kept, credit, minor, reason) for credit, minor, reason in lines if minor > 0]


def releasing_refund(refund: Refund) -> list[Transfer]:
    """Money of a refund that was not carried out, its fee included: where it was before."""
    kept = reserved(refund.merchant_id)
    return [_of_refund(refund, kept, refundable(refund), refund.reserved, "refund_released")]


def refund_coming_back(refund: Refund) -> list[Transfer]:
    """Money of a refund that came back after it had arrived. The fee stays: the bank has done its work."""
    return [_of_refund(refund, bank(refund.connection), refundable(refund), refund.amount, "refund_returned")]


def _of_refund(refund: Refund, debit: str, credit: str, amount: int, reason: str) -> Transfer:
    return Transfer(debit, credit, amount, reason, refund.merchant_id, refund.payment_id, None, refund.id)
