"""Reading this dialect's requests: {"data": {"attributes": {…}}}, liberally, with the path of whatever is wrong.

Empty text and null are the same as absent, numbers may be text, and what is not known is passed over: working clients of
the vendor send all of that (one-time-payment reference, 1.4, 1.5 and 2.1).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from starlette.requests import Request

from gerbang.api._bodies import Malformed, body_of, plain
from gerbang.clock import WIB
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah
from gerbang.errors import AmountAboveLimit, AmountBelowLimit

REFERENCE_LENGTH_MAX = 255
TEXT_LENGTH_MAX = 255
NAME_LENGTH_MAX = 100
URL_LENGTH_MAX = 2_000
Word = TypeVar("Word", bound=str)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Of text that may have several lines."""
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\x00-\x20\x7f-\x9f]+")
SEN = re.compile(rf"([0-9]{{1,{AMOUNT_DIGITS_MAX}}})\.([0-9]{{1,2}})", re.ASCII)
INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?)?", re.ASCII | re.IGNORECASE
)
"""Of all that ISO 8601 knows, what people write, and the form of payment links (one-time-payment reference, 1.5)."""


class Attributes:
    """The members of an object of a request, each read in the shape that is wanted. Raises Malformed."""

    def __init__(self, members: dict[str, Any], path: str = "") -> None:
        self._members = members
        self.path = path

    def field(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _given(self, name: str) -> Any:
        value = self._members.get(name)
        return None if value is None or (isinstance(value, str) and not value.strip()) else value

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str, length_max: int = TEXT_LENGTH_MAX, *, lines: bool = False) -> str | None:
        """Text without control characters, but for the ends of lines where there may be several; None where there is none."""
        value = self._given(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Malformed(self.field(name), "must be text")
        if len(value) > length_max:
            raise Malformed(self.field(name), f"must have at most {length_max} characters")
        if (CONTROL_IN_LINES if lines else CONTROL).search(value):
            raise Malformed(self.field(name), "must not have control characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed(self.field(name), "must be Unicode text") from None
        return value

    def demanded(self, name: str, length_max: int = TEXT_LENGTH_MAX) -> str:
        value = self.text(name, length_max)
        if value is None:
            raise Malformed(self.field(name), "is required")
        return value

    def digits(self, name: str) -> str | None:
        """Digits, as text or as a number."""
        value = self._given(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise Malformed(self.field(name), "must all be numbers")
        return value

    def one_of(self, name: str, allowed: Sequence[Word]) -> Word:
        value = self.demanded(name)
        for word in allowed:
            if word == value:
                return word
        raise Malformed(self.field(name), f"must be one of {', '.join(allowed)}")

    def amount(self, name: str = "amount") -> int:
        """Minor units of whole rupiah, given as a number or as text. Raises AmountBelowLimit or AmountAboveLimit too."""
        value = self._given(name)
        if value is None:
            raise Malformed(self.field(name), "is required")
        whole = _whole(value)
        if whole is None:
            raise Malformed(self.field(name), "must be a whole number of rupiah")
        if whole <= 0:
            raise AmountBelowLimit(self.field(name), title="one transfer", minimum="Rp 1")
        if len(str(whole)) > AMOUNT_DIGITS_MAX:
            raise AmountAboveLimit(self.field(name), title="one transfer", maximum=f"{AMOUNT_DIGITS_MAX} digits")
        return rupiah(whole)

    def arriving(self, name: str = "amount") -> int:
        """Minor units of money that arrives, which may have sen: 99000.2 or "99000.20". Otherwise as `amount`."""
        value = self._given(name)
        written = repr(value) if isinstance(value, float) else value
        found = SEN.fullmatch(written.strip()) if isinstance(written, str) else None
        minor = rupiah(int(found[1])) + int(found[2].ljust(2, "0")) if found else 0
        return minor or self.amount(name)

    def rupiah_only(self, name: str = "currency") -> None:
        currency = self.text(name)
        if currency is not None and currency.upper() != "IDR":
            raise Malformed(self.field(name), "must be IDR")

    def instant(self, name: str) -> datetime | None:
        """An instant with the offset that it was given in; without one it is Jakarta's."""
        value = self.text(name)
        return None if value is None else instant_of(value, self.field(name))

    def url(self, name: str) -> str | None:
        value = self.text(name, URL_LENGTH_MAX)
        if value is not None and not _is_url(value):
            raise Malformed(self.field(name), "must be an address such as https://shop.example/thanks")
        return value

    def email(self, name: str) -> str:
        value = self.demanded(name)
        if not re.fullmatch(r"[^\s@]+@[^\s@]+", value):
            raise Malformed(self.field(name), "must be an e-mail address")
        return value

    def member(self, name: str) -> "Attributes":
        """An object inside; an empty one where there is none."""
        value = self._given(name)
        if value is None:
            return Attributes({}, self.field(name))
        if not isinstance(value, dict):
            raise Malformed(self.field(name), "must be an object")
        return Attributes(cast("dict[str, Any]", value), self.field(name))


async def attributes_of(request: Request) -> Attributes:
    """The attributes of a request's body, whatever its content type says. Raises Malformed or BodyTooLarge."""
    body = plain(await body_of(request))
    data = Attributes(body).member("data")
    if "data" not in body or not data.has("attributes"):
        raise Malformed("data.attributes", 'is missing: the body must be {"data": {"attributes": {…}}}')
    return data.member("attributes")


def _whole(value: object) -> int | None:
    """A whole number; None for what is none. A fraction of nothing ("10000.0") is one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,30}(\.0{1,6})?", value.strip(), re.ASCII):
        return int(value.strip().partition(".")[0])
    return None


def _is_url(text: str) -> bool:
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        return False
    # An app's own scheme brings a buyer back as well as a web address; what a browser would run is none.
    return URL.fullmatch(text) is not None and scheme not in ("javascript", "data", "vbscript")


def instant_of(text: str, field: str) -> datetime:
    """An ISO 8601 instant; without an offset it is Jakarta's, without a time of day its midnight. Raises Malformed."""
    why = "must be an instant such as 2020-10-20T09:12:48+07:00"
    text = text.strip().upper()
    if not INSTANT.fullmatch(text):
        raise Malformed(field, why)
    try:
        instant = datetime.fromisoformat(text.replace(" ", "T", 1))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=WIB)
        if not 1970 <= instant.astimezone(UTC).year <= 9000:
            raise Malformed(field, why)
    except (ValueError, OverflowError):
        raise Malformed(field, why) from None
    return instant
