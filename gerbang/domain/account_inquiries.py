"""An inquiry asks a bank whose an account is, before money is paid to it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.fees import Fee, Rate
from gerbang.domain.payouts import Destination

State = Literal["pending", "valid", "warning", "invalid"]
"""`warning`: there is such an account, and its holder has another name than the merchant gave."""

FEE_NAME = "inquiry"
"""Under which a merchant's agreement may have a fee for each inquiry that was answered."""
FEE_DEFAULT = Rate()
NOT_FOUND = "Account number not found"
"""Why an inquiry is invalid whose bank has no such account (payment-session reference, 11)."""


class AccountInquiry(msgspec.Struct, frozen=True):
    id: UUID
    merchant_id: UUID
    destination: Destination
    state: State
    bank_name: str
    """The name of the account's holder, as the bank knows it; "" while it has not said it."""
    reason: str
    """Why it is invalid; "" otherwise."""
    fee: int
    """What the merchant paid for it, VAT included, in minor units."""
    vat: int
    created_at: datetime
    updated_at: datetime


def answered(inquiry: AccountInquiry, bank_name: str, *, names_nobody: bool, now: datetime) -> AccountInquiry:
    """The inquiry once the bank has named the holder. `names_nobody`: it has one name for everybody, as a simulated bank."""
    same = names_nobody or _plain(bank_name) == _plain(inquiry.destination.account_name)
    return replace(inquiry, state="valid" if same else "warning", bank_name=bank_name, updated_at=now)


def refused(inquiry: AccountInquiry, reason: str, now: datetime) -> AccountInquiry:
    """The inquiry once the bank has said that no money can be sent to the account."""
    return replace(inquiry, state="invalid", reason=reason, updated_at=now)


def paid_for(inquiry: AccountInquiry, fee: Fee) -> AccountInquiry:
    """The inquiry with what its answer has cost."""
    return replace(inquiry, fee=fee.total, vat=fee.vat)


def _plain(name: str) -> str:
    """A name as people compare it: without points, spaces and capitals."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
