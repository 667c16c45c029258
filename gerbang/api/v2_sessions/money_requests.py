"""Request bodies that move a merchant's money out, field by field (payment-session reference, section 11).

Fields that are not listed are accepted and ignored; null and empty text count as absent.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gerbang.api._texts import ALPHANUMERIC, DIGITS, TEXT
from gerbang.api.v2_sessions.requests import Amount, Some100, Text50
from gerbang.domain.bulk_payouts import LINES_MAX

ChannelCode = Annotated[str, Meta(min_length=1, max_length=30, pattern=TEXT)]
AccountNumber = Annotated[str, Meta(min_length=1, max_length=60, pattern=DIGITS)]
AccountName = Annotated[str, Meta(min_length=1, max_length=60, pattern=TEXT)]
Id = Annotated[str, Meta(min_length=1, max_length=50, pattern=TEXT)]


class Account(Struct):
    accountNumber: AccountNumber
    accountName: AccountName


class PayoutLine(Struct):
    referenceId: Some100
    amount: Amount
    inquiryId: Id | None = None
    channelCode: ChannelCode | None = None
    channelInformation: Account | None = None
    description: Annotated[str, Meta(max_length=20, pattern=ALPHANUMERIC)] | None = None


class Payouts(Struct):
    payouts: Annotated[list[PayoutLine], Meta(min_length=1, max_length=LINES_MAX)]


class InquireAccount(Struct):
    channelCode: ChannelCode
    channelInformation: Account


class Withdraw(Struct):
    referenceId: Some100
    withdrawType: Literal["BANK_TRANSFER", "BALANCE_TRANSFER"]
    balanceType: Literal["PAYOUT_BALANCE", "PAYMENT_BALANCE", "WALLET_BALANCE"] | None = None
    isFullAmount: bool | None = None
    amount: Amount | None = None
    description: Text50 | None = None
