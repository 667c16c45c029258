"""A call of the partner that has been proven to be its own: its fields, read as strictly as banks read them, and refusals."""

import re
from datetime import datetime
from typing import Any, NoReturn, cast

import msgspec

from gerbang.bank_simulator.ledger import instant_of, sen, written
from gerbang.bank_simulator.signing import read_stamp, stamp_of

AMOUNT = re.compile(r"[0-9]{1,16}\.[0-9]{2}", re.ASCII)
MESSAGES = {
    "40000": "Bad Request",
    "40001": "Invalid Field Format",
    "40002": "Invalid Mandatory Field",
    "40100": "Unauthorized.",
    "40101": "Invalid Token (B2B)",
    "40300": "Transaction Expired",
    "40302": "Exceeds Transaction Amount Limit",
    "40314": "Insufficient Funds",
    "40315": "Transaction Not Permitted",
    "40400": "Invalid Transaction Status",
    "40401": "Transaction Not Found",
    "40403": "Bank Not Supported By Switch",
    "40404": "Transaction Cancelled",
    "40411": "Invalid Card/Account/Customer",
    "40412": "Invalid Bill/Virtual Account",
    "40413": "Invalid Amount",
    "40414": "Paid Bill",
    "40418": "Inconsistent Request",
    "40419": "Invalid Bill/Virtual Account",
    "40500": "Requested Function Is Not Supported",
    "40900": "Conflict",
    "40901": "Duplicate partnerReferenceNo",
    "42900": "Too Many Requests",
}
"""HTTP status and case code -> message, from the standard's general list."""


class Refusal(Exception):
    """The bank refuses: `status` and `case` make the responseCode; `reason` stands behind the standard's message."""

    def __init__(self, status: int, case: str, reason: str = "") -> None:
        super().__init__(f"{MESSAGES[f'{status}{case}']} {reason}".strip())
        self.status = status
        self.case = case


class Done(msgspec.Struct, frozen=True):
    """What the bank answers when it has done what was asked for."""

    members: dict[str, Any] = {}
    case: str = "00"
    message: str = "Successful"
    status: int = 200
    """202 for what is not done yet."""


class Call(msgspec.Struct, frozen=True):
    """One call."""

    service: str
    document: dict[str, Any]
    external_id: str
    now: datetime
    faults: frozenset[str] = frozenset()

    def text(self, name: str, most: int = 64, *, within: dict[str, Any] | None = None) -> str:
        """A member that must be there. Raises Refusal."""
        value = (self.document if within is None else within).get(name)
        if value is None or value == "":
            raise Refusal(400, "02", name)
        if not isinstance(value, str) or len(value) > most:
            raise Refusal(400, "01", name)
        return value

    def optional(self, name: str, most: int = 512) -> str:
        """A member that may be missing, null or empty. Raises Refusal where it is something else than a text."""
        return "" if self.document.get(name) in (None, "") else self.text(name, most)

    def amount(self, name: str = "amount") -> int:
        """An amount object that must be there, in hundredths: `{"value": "75000.00", "currency": "IDR"}`. Raises Refusal."""
        value = self.document.get(name)
        if value is None:
            raise Refusal(400, "02", name)
        if not isinstance(value, dict):
            raise Refusal(400, "01", name)
        members = cast(dict[str, Any], value)
        text = members.get("value")
        if not isinstance(text, str) or not AMOUNT.fullmatch(text) or members.get("currency") != "IDR":
            raise Refusal(400, "01", name)
        return sen(text) or refuse_amount()

    def optional_amount(self, name: str) -> int:
        """As `amount`, and 0 where it is missing or null."""
        value = self.document.get(name)
        if value is None or (
            isinstance(value, dict) and cast(dict[str, Any], value).get("value") in ("0.00", "", None)
        ):
            return 0
        return self.amount(name)

    def instant(self, name: str) -> datetime | None:
        """A date and time; None where it is missing. Raises Refusal where it is none."""
        text = self.optional(name, 35)
        found = read_stamp(text) if text else None
        if text and found is None:
            raise Refusal(400, "01", name)
        return found

    def extra(self, name: str) -> str:
        """A text in additionalInfo; "" if there is none."""
        extra = self.document.get("additionalInfo")
        value = cast(dict[str, Any], extra).get(name) if isinstance(extra, dict) else None
        return value if isinstance(value, str) else ""


def refuse_amount() -> NoReturn:
    """Nothing can be paid with nothing."""
    raise Refusal(404, "13")


def money(amount: int) -> dict[str, str]:
    """An amount as an answer has it."""
    return {"value": written(amount), "currency": "IDR"}


def local(at: datetime | str) -> str:
    """An instant as an answer has it: Jakarta's time without milliseconds."""
    return stamp_of(instant_of(at) if isinstance(at, str) else at, "local")
