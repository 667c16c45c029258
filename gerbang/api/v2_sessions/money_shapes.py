"""Writes payouts, inquiries and balances as JSON (payment-session reference, 7.3 and 11).

Amounts of money that moves out are text of whole rupiah; balances have two decimals.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from gerbang.api._spelling import upper_snake
from gerbang.api.v2_sessions.shapes import Json, amount
from gerbang.domain.account_inquiries import NOT_FOUND, AccountInquiry
from gerbang.domain.balance_history import Movement
from gerbang.domain.bulk_payouts import BulkPayout, Totals
from gerbang.domain.money import IDR, two_places, whole_rupiah
from gerbang.domain.payouts import Payout
from gerbang.domain.withdrawals import Withdrawal

BULK_STATUS = {"waiting": "PENDING", "running": "IN_PROGRESS", "done": "DONE", "cancelled": "CANCELLED"}
LINE_STATUS = {
    "approved": "APPROVED",
    "pending": "PENDING",
    "processing": "PENDING",
    "completed": "SUCCESS",
    "failed": "FAILED",
}
OTHER_NAME = (
    "The account name entered does not match the bank's records. Please check the account information and try again. "
    "Bank record: {name}"
)


def instant(at: datetime) -> str:
    """An instant in whole seconds of UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def text_amount(minor: int) -> Json:
    return {"currency": IDR, "value": str(whole_rupiah(minor))}


def balance(minor: int) -> Json:
    return {"currency": IDR, "value": two_places(minor)}


def line(payout: Payout) -> Json:
    """One payout of a bulk payout."""
    to = payout.destination
    return {
        "referenceId": payout.reference,
        "channelCode": to.bank_code,
        "channelInformation": {"accountNumber": to.account_number, "accountName": to.account_name},
        "amount": text_amount(payout.amount),
        "description": payout.description or "",
        "status": LINE_STATUS[payout.state],
        "reason": payout.failure_reason or "",
        "created": instant(payout.created_at),
        "updated": instant(payout.updated_at),
    }


def created(bulk: BulkPayout, lines: Sequence[Payout]) -> Json:
    """A bulk payout as its request is answered."""
    return {
        "uuid": bulk.id,
        "merchantId": bulk.merchant_id,
        "payouts": [line(payout) for payout in lines],
        **_ending(bulk),
    }


def read(bulk: BulkPayout, totals: Totals, lines: Sequence[Payout]) -> Json:
    """A bulk payout with what its lines come to, and some of them."""
    return {
        "uuid": bulk.id,
        "merchantId": bulk.merchant_id,
        "payoutResults": results(totals),
        "payouts": [line(payout) for payout in lines],
        **_ending(bulk),
    }


def read_line(bulk: BulkPayout, totals: Totals, payout: Payout) -> Json:
    """One line with the bulk payout that it belongs to."""
    return {
        "uuid": bulk.id,
        "merchantId": bulk.merchant_id,
        "payoutResults": results(totals),
        "payouts": line(payout),
    }


def reported(bulk: BulkPayout, totals: Totals) -> Json:
    """A bulk payout as callbacks report it."""
    return {
        "uuid": bulk.id,
        "merchantId": bulk.merchant_id,
        "payoutResults": results(totals),
        "status": BULK_STATUS[bulk.state],
    }


def reported_line(payout: Payout, *, delayed: bool) -> Json:
    """A line as callbacks report it."""
    return {
        "uuid": payout.cause_id,
        "merchantId": payout.merchant_id,
        "payouts": {
            "referenceId": payout.reference,
            "amount": text_amount(payout.amount),
            "status": "DELAYED" if delayed else LINE_STATUS[payout.state],
            "reason": payout.failure_reason,
        },
    }


def _ending(bulk: BulkPayout) -> Json:
    return {
        "status": BULK_STATUS[bulk.state],
        "created": instant(bulk.created_at),
        "updated": instant(bulk.updated_at),
    }


def results(totals: Totals) -> Json:
    return {
        "totalPendingCount": totals.pending,
        "totalPendingAmount": whole_rupiah(totals.pending_amount),
        "totalSuccessCount": totals.completed,
        "totalSuccessAmount": whole_rupiah(totals.completed_amount),
        "totalFailedCount": totals.failed,
        "totalFailedAmount": whole_rupiah(totals.failed_amount),
        "totalCancelledCount": totals.cancelled,
        "totalCancelledAmount": whole_rupiah(totals.cancelled_amount),
    }


TYPES = {
    "payment": {"withdrawn": "PAYMENT_WITHDRAWAL"},
    "payouts": {"withdrawn": "TRANSFER", "inquiry_fee": "ACCOUNT_INQUIRY_FEE", "starting_payouts": "MANUAL_TOP_UP"},
}
"""By account and the ledger's reason; what is not here is a BALANCE_ADJUSTMENT (payment-session reference, 11)."""
PAID_BY = {"virtual_account": "VA_PAYMENT", "qris": "QRIS_PAYMENT", "card": "CARD_PAYMENT"}
PAID_OUT = {
    "payment": {"withdrawal": "PAYMENT_WITHDRAWAL", "refund": "REFUND"},
    "payouts": {"withdrawal": "DISBURSEMENT_WITHDRAWAL", "bulk": "BULK_DISBURSEMENT"},
}
"""By account and the kind of payout; any other is a DISBURSEMENT."""


def movement(row: Movement) -> Json:
    """A row of a balance's history."""
    return {
        "referenceId": row.reference,
        "date": instant(row.at),
        "settlementDate": None if row.settled_at is None else instant(row.settled_at),
        "settlementStatus": "SUCCESS" if row.is_settled else "PENDING",
        "balanceType": "PAYMENT" if row.account == "payment" else "DISBURSEMENT",
        "channel": row.channel.upper(),
        "transactionType": _type_of(row),
        "amount": amount(row.amount),
        "fee": amount(row.fee),
        "createdBy": "",
        "transactionId": "" if row.thing_id is None else str(row.thing_id),
    }


def _type_of(row: Movement) -> str:
    if row.reason == "money_in":
        return PAID_BY.get(row.channel, upper_snake(f"{row.channel}_payment"))
    if row.reason == "payout_reserved":
        return PAID_OUT[row.account].get(row.kind, "DISBURSEMENT")
    return TYPES[row.account].get(row.reason, "BALANCE_ADJUSTMENT")


def withdrawal(made: Withdrawal, payout: Payout | None) -> Json:
    """A withdrawal as its request is answered, and as callbacks report it."""
    return {
        "id": made.id,
        "merchantId": made.merchant_id,
        "withdrawal": {
            "referenceId": made.reference,
            "withdrawType": "BANK_TRANSFER" if made.way == "bank" else "BALANCE_TRANSFER",
            "balanceType": "PAYOUT_BALANCE" if made.balance == "payouts" else "PAYMENT_BALANCE",
            "isFullAmount": made.whole,
            "amount": text_amount(made.amount),
            "description": made.description or "",
        },
        "status": "SUCCESS" if payout is None else LINE_STATUS[payout.state],
        "createdAt": instant(made.created_at),
        "updatedAt": instant(made.created_at if payout is None else payout.updated_at),
    }


def inquiry(asked: AccountInquiry) -> Json:
    """What a bank has said of an account."""
    detail = {
        "valid": "",
        "warning": OTHER_NAME.format(name=asked.bank_name),
        "invalid": asked.reason or NOT_FOUND,
        "pending": "Inquiry in progress",
    }[asked.state]
    return {
        "uuid": asked.id,
        "merchantId": asked.merchant_id,
        "inquiryResult": {"status": asked.state.upper(), "detail": detail},
    }
