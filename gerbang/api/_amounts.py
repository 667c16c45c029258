"""Reads amounts, for all dialects: whole rupiah, as a number or as text. Also checks numbers that are only shown."""

import re
from decimal import Decimal

from gerbang.api._bodies import Malformed

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,400})?", re.ASCII)
_TWO_WAYS = re.compile(r"(-?[0-9]+)[.,]([0-9]{3})", re.ASCII)
"""Ambiguous: in Indonesia "15.000" is fifteen thousand, elsewhere it is fifteen."""


def whole_of(value: object, field: str) -> int:
    """An amount in whole rupiah; a fraction of zero ("10000.0") is allowed. Raises Malformed for anything else."""
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
    """Whether text is a decimal number. Raises Malformed if a separator makes it ambiguous."""
    text = text.strip()
    if two := _TWO_WAYS.fullmatch(text):
        raise Malformed(field, f"can be read in two ways: write {two[1]}{two[2]} or {two[1]}, without a separator")
    return _NUMBER.fullmatch(text) is not None


def check_number(value: float | str, field: str, *, zero: bool = True) -> None:
    """Checks a number that is only shown on a page; fractions and text are allowed. Raises Malformed.

    Zero is refused if `zero` is False, negative numbers always.
    """
    if isinstance(value, str):
        if not is_number(value, field):
            raise Malformed(field, "must be a number")
        value = float(value)
    if value < 0 or (value == 0 and not zero):
        raise Malformed(field, "must be at least 0" if zero else "must be more than 0")
