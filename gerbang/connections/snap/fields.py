"""The fields of a partner's request: what they may be, and what is said of one that is wrong.

Real banks send `null`, "" and {} for what they have nothing to say of, numbers for texts, and amounts in every form. Empty means
absent, and only what is used is looked at.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from gerbang.connections.snap import times
from gerbang.domain.money import AMOUNT_DIGITS_MAX

ID_LENGTH_MAX = 128
NAMES = (
    *(
        "paymentRequestId",
        "inquiryRequestId",
        "partnerReferenceNo",
        "originalReferenceNo",
        "originalPartnerReferenceNo",
    ),
    *("referenceNo", "trxId", "partnerServiceId", "customerNo", "virtualAccountNo"),
)
AMOUNTS = ("paidAmount", "amount", "totalAmount", "paymentAmount")
_SHOWN_LENGTH_MAX = 64
_NUMBER = re.compile(r"[0-9]{1,28}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,30}(\.[0-9]{0,20})?(E[0-9]{1,2})?", re.ASCII)


_EXACT = Context(prec=200)
"""More digits than any amount that is looked at: none is rounded to whole sen."""


class FieldWrong(Exception):
    """A field that is wrong, by its path."""

    def __init__(self, path: str, *, missing: bool = False) -> None:
        super().__init__(path)
        self.path = path
        self.missing = missing


def text(fields: Mapping[str, Any], name: str, length_max: int = ID_LENGTH_MAX, *, path: str = "") -> str:
    """A text, or a whole number as one, without the blanks around it; "" where it is absent. Raises FieldWrong."""
    value = fields.get(name)
    if value in (None, {}, []):
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise FieldWrong(path or name)
    value = value.strip()
    if len(value) > length_max or not value.isprintable():  # half of a pair of surrogates is not printable either
        raise FieldWrong(path or name)
    return value


def needed(fields: Mapping[str, Any], name: str, length_max: int = ID_LENGTH_MAX, *, path: str = "") -> str:
    """As `text`, and it must be there."""
    value = text(fields, name, length_max, path=path)
    if not value:
        raise FieldWrong(path or name, missing=True)
    return value


def amount(fields: Mapping[str, Any], name: str) -> int:
    """An amount in minor units, written as `{"value": "10000.00", "currency": "IDR"}` or by its value alone. Raises FieldWrong."""
    given: Any = fields.get(name)
    if given in (None, "", {}):
        raise FieldWrong(name, missing=True)
    value: Any = given
    if isinstance(given, dict):
        members: dict[str, Any] = given  # pyright: ignore[reportUnknownVariableType]  # json gives text keys
        if text(members, "currency", path=f"{name}.currency").upper() not in ("IDR", ""):
            raise FieldWrong(f"{name}.currency")
        value = members.get("value")
        name = f"{name}.value"
        if value in (None, ""):
            raise FieldWrong(name, missing=True)
    sen = _minor(value)
    if sen is None:
        raise FieldWrong(name)
    return sen


def first_amount(*places: tuple[Mapping[str, Any], str]) -> int:
    """The amount of the first of these members that is there, in minor units. Raises FieldWrong."""
    for members, name in places:
        given: Any = members.get(name)
        if (given.get("value") if isinstance(given, dict) else given) not in (None, "", {}):  # pyright: ignore[reportUnknownMemberType]  # json gives text keys
            return amount(members, name)
    raise FieldWrong(places[0][1], missing=True)


def names(fields: Mapping[str, Any]) -> dict[str, str]:
    """What names a payment in a partner's words, and its amounts, as far as they can be shown: for the log, with no secret in it."""
    found: dict[str, str] = {}
    for name in (*NAMES, *AMOUNTS):
        value: Any = fields.get(name, inside(fields, "additionalInfo").get(name))
        if name in AMOUNTS and isinstance(value, dict):
            value = value.get("value")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # json gives text keys
        if isinstance(value, str | int | Decimal) and (shown := str(value).strip()[:_SHOWN_LENGTH_MAX]):
            found[name] = shown if shown.isprintable() else ascii(shown)
    return found


def inside(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The members of an object inside; none where it is a list, a text or absent, as some partners write it."""
    value: object = fields.get(name)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # json gives text keys


def _minor(value: object) -> int | None:
    """Minor units of `10000.00`, `10000.0`, `10000`, `1.0E7`, also as numbers; None for what is no such amount."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    written = str(value).strip().upper().replace("E+", "E")
    if not _AMOUNT.fullmatch(written):
        return None
    try:
        sen = _EXACT.multiply(Decimal(written), Decimal(100))
    except InvalidOperation:
        return None
    if sen != sen.to_integral_value() or sen >= 10 ** (AMOUNT_DIGITS_MAX + 2):
        return None
    return int(sen)


def instant(fields: Mapping[str, Any], *names: str) -> datetime | None:
    """The first of these that is a time; None where none is. A time that cannot be read is as good as none: money has it."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and (read := times.read(value.strip())) is not None:
            return read
    return None


def va_number(fields: Mapping[str, Any], company_codes: Collection[str]) -> str:
    """The digits of a virtual account, from its parts, as differently as banks write them. Raises FieldWrong.

    The whole number may come padded to 8 or 28 characters, as `customerNo` too, or not at all; the company code may be padded
    with blanks or with zeros, and the codes of the contract say which. Where the parts say different numbers, it is nobody's.
    """
    whole = text(fields, "virtualAccountNo", 40).replace(" ", "")
    as_number = isinstance(fields.get("customerNo"), int)
    customer = text(fields, "customerNo", 28)
    company = text(fields, "partnerServiceId", 28)
    company = next((code for code in company_codes if code.lstrip("0") == company.lstrip("0")), company)
    if as_number and whole.startswith(company) and whole.removeprefix(company).lstrip("0") == customer.lstrip("0"):
        customer = whole.removeprefix(company)  # a number has lost its zeros
    if not whole:
        if not customer:
            raise FieldWrong("virtualAccountNo", missing=True)
        whole = (
            customer
            if company and customer.startswith(company) and len(customer) > len(company)
            else company + customer
        )
    elif customer and whole != customer and not whole.endswith(customer):
        raise FieldWrong("customerNo")
    elif customer and whole != customer and company:
        head = whole[: -len(customer)]
        if head.lstrip("0") != company.lstrip("0"):
            raise FieldWrong("partnerServiceId")
        whole = company + customer  # a bank that pads the whole number with zeros means the same account
    if not _NUMBER.fullmatch(whole):
        raise FieldWrong("virtualAccountNo")
    return whole
