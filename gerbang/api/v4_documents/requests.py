"""Reads the request bodies of this dialect, {"data": {"attributes": {…}}}; errors name the path of the wrong field.

Empty text and null count as absent, numbers may be text, and unknown fields are ignored: existing clients of the vendor
send all of these (one-time-payment reference, 1.4, 1.5 and 2.1).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

from starlette.requests import Request

from gerbang.api._amounts import whole_of
from gerbang.api._bodies import Malformed, json_body
from gerbang.api._instants import instant_of
from gerbang.api._texts import EMAIL, FORMS, LINES, TEXT, URL, is_blank
from gerbang.domain.addresses import linkable
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah
from gerbang.errors import AmountAboveLimit, AmountBelowLimit

REFERENCE_LENGTH_MAX = 255
TEXT_LENGTH_MAX = 255
NAME_LENGTH_MAX = 100
URL_LENGTH_MAX = 2_000
Choice = TypeVar("Choice", bound=str)
SEN = re.compile(rf"([0-9]{{1,{AMOUNT_DIGITS_MAX}}})\.([0-9]{{1,2}})", re.ASCII)


class Attributes:
    """An object in a request, whose members are read one by one. Each method raises Malformed for an invalid value."""

    def __init__(self, members: dict[str, Any], path: str = "") -> None:
        self._members = members
        self.path = path

    def field(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _given(self, name: str) -> Any:
        value = self._members.get(name)
        return None if value is None or is_blank(value) else value

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str, length_max: int = TEXT_LENGTH_MAX, *, lines: bool = False) -> str | None:
        """Text without control characters; line breaks are allowed if `lines`. None if it is absent."""
        value = self._given(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Malformed(self.field(name), "must be text")
        if len(value) > length_max:
            raise Malformed(self.field(name), f"must have at most {length_max} characters")
        if not (value.isascii() and value.isprintable()):  # most are, and this takes less than the pattern
            self._demand(name, value, LINES if lines else TEXT)
        return value

    def _demand(self, name: str, value: str, form: str) -> None:
        if re.match(form, value) is None:
            raise Malformed(self.field(name), FORMS[form])

    def demanded(self, name: str, length_max: int = TEXT_LENGTH_MAX) -> str:
        value = self.text(name, length_max)
        if value is None:
            raise Malformed(self.field(name), "is required")
        return value

    def digits(self, name: str) -> str | None:
        """A string of digits, sent as text or as a number; None if it is absent."""
        value = self._given(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise Malformed(self.field(name), "must all be numbers")
        return value

    def one_of(self, name: str, allowed: Sequence[Choice]) -> Choice:
        value = self.demanded(name)
        for choice in allowed:
            if choice == value:
                return choice
        raise Malformed(self.field(name), f"must be one of {', '.join(allowed)}")

    def amount(self, name: str = "amount") -> int:
        """An amount of whole rupiah, in minor units. Also raises AmountBelowLimit and AmountAboveLimit."""
        value = self._given(name)
        if value is None:
            raise Malformed(self.field(name), "is required")
        whole = whole_of(value, self.field(name))
        if whole <= 0:
            raise AmountBelowLimit(self.field(name), title="one transfer", minimum="Rp 1")
        if len(str(whole)) > AMOUNT_DIGITS_MAX:
            raise AmountAboveLimit(self.field(name), title="one transfer", maximum=f"{AMOUNT_DIGITS_MAX} digits")
        return rupiah(whole)

    def arriving(self, name: str = "amount") -> int:
        """An amount of money received, in minor units. It may have sen: 99000.2 or "99000.20". Else as `amount`."""
        value = self._given(name)
        written = format(value.normalize(), "f") if isinstance(value, Decimal) else value
        written = repr(value) if isinstance(value, float) else written
        found = SEN.fullmatch(written.strip()) if isinstance(written, str) else None
        minor = rupiah(int(found[1])) + int(found[2].ljust(2, "0")) if found else 0
        return minor or self.amount(name)

    def rupiah_only(self, name: str = "currency") -> None:
        currency = self.text(name)
        if currency is not None and currency.upper() != "IDR":
            raise Malformed(self.field(name), "must be IDR")

    def instant(self, name: str) -> datetime | None:
        """An instant with its offset as it was sent; without one it is in Jakarta time. None if it is absent."""
        value = self.text(name)
        return None if value is None else instant_of(value, self.field(name))

    def url(self, name: str) -> str | None:
        value = self.text(name, URL_LENGTH_MAX)
        if value is not None and not linkable(value):
            raise Malformed(self.field(name), FORMS[URL])
        return value

    def email(self, name: str) -> str:
        value = self.demanded(name)
        self._demand(name, value, EMAIL)
        return value

    def member(self, name: str) -> "Attributes":
        """A nested object; an empty one if it is absent or [], which is how PHP writes an empty object."""
        value = self._given(name)
        if value is None or value == []:
            return Attributes({}, self.field(name))
        if not isinstance(value, dict):
            raise Malformed(self.field(name), "must be an object")
        return Attributes(cast("dict[str, Any]", value), self.field(name))


async def attributes_of(request: Request) -> Attributes:
    """The `data.attributes` of a request. Raises Malformed, BodyTooLarge or BodyPacked."""
    body = await json_body(request)
    data = Attributes(body).member("data")
    if "data" not in body or not data.has("attributes"):
        raise Malformed("data.attributes", 'is missing: the body must be {"data": {"attributes": {…}}}')
    return data.member("attributes")
