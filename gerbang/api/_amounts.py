"""Amounts as every dialect reads them: numbers or text, in whole rupiah; and numbers that only have to be numbers."""

import re
from decimal import Decimal

from gerbang.api._bodies import Malformed

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,400})?", re.ASCII)
_TWO_WAYS = re.compile(r"(-?[0-9]+)[.,]([0-9]{3})", re.ASCII)
"""In Indonesia "15.000" is fifteen thousand, elsewhere it is fifteen."""


def whole_of(value: object, field: str) -> int:
    """Whole rupiah. A fraction of nothing ("10000.0") is none; raises Malformed for any other, and for what is no number."""
    if isinstance(value, float | Decimal) and value == int(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and is_number(value, field):
        whole, _, fraction = value.strip().partition(".")
        if not fraction.strip("0"):
            return int(whole)
    raise Malformed(field, "must be a whole number of rupiah, written without separators, like 15000")


def is_number(text: str, field: str) -> bool:
    """Whether text is a number. Raises Malformed where one person reads another number in it than the next."""
    text = text.strip()
    if two := _TWO_WAYS.fullmatch(text):
        raise Malformed(field, f"can be read in two ways: write {two[1]}{two[2]} or {two[1]}, without a separator")
    return _NUMBER.fullmatch(text) is not None


def demand_number(value: float | str, field: str, *, zero: bool = True) -> None:
    """For numbers on which nothing depends but what a page shows: fractions are welcome, also in text. Raises Malformed."""
    if isinstance(value, str):
        if not is_number(value, field):
            raise Malformed(field, "must be a number")
        value = float(value)
    if value < 0 or (value == 0 and not zero):
        raise Malformed(field, "must be at least 0" if zero else "must be more than 0")
