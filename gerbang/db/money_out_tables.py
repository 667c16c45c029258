"""The tables beside payouts of what moves a merchant's money out; see `tables`."""

from gerbang.db.tables import Table
from gerbang.domain.account_inquiries import AccountInquiry
from gerbang.domain.bulk_payouts import BulkPayout
from gerbang.domain.withdrawals import Withdrawal

BULK_PAYOUTS = Table(
    "bulk_payouts",
    "bulk_payout_row",
    BulkPayout,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "product": "text",
        "state": "text",
        "lines": "integer",
        "open_lines": "integer",
        "needed": "bigint",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "next_at": "timestamptz",
    },
    changing={"state", "open_lines", "updated_at", "next_at"},
)

ACCOUNT_INQUIRIES = Table(
    "account_inquiries",
    "account_inquiry_row",
    AccountInquiry,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "destination": "json",
        "state": "text",
        "bank_name": "text",
        "reason": "text",
        "fee": "bigint",
        "vat": "bigint",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
    },
    changing={"state", "bank_name", "reason", "fee", "vat", "updated_at"},
)

WITHDRAWALS = Table(
    "withdrawals",
    "withdrawal_row",
    Withdrawal,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "reference": "text",
        "way": "text",
        "balance": "text",
        "whole": "boolean",
        "amount": "bigint",
        "description": "text",
        "created_at": "timestamptz",
    },
)

QUERIES = {
    **{f"{table.name}.insert": table.insert for table in (BULK_PAYOUTS, ACCOUNT_INQUIRIES, WITHDRAWALS)},
    **{f"{table.name}.update": table.update for table in (BULK_PAYOUTS, ACCOUNT_INQUIRIES)},
    "account_inquiries.look_up": ACCOUNT_INQUIRIES.look_up,
    "account_inquiries.hold": ACCOUNT_INQUIRIES.hold,
}
"""Every statement that is made of the columns, by name."""
