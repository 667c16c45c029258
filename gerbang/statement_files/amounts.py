"""Amounts as banks write them, in sen: `100000.00`, `500,000.00`, `100.000,00`, `.00`, `Rp 5.000`."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from gerbang.domain.statements import StatementWrong
from gerbang.statement_files.texts import Cell, plain

DecimalSign = Literal[".", ","]
MINOR_MAX = 10**18
"""More than any balance, and within eight bytes."""

_CURRENCY = re.compile(r"^(?:IDR|Rp)\.?\s*", re.IGNORECASE)
_FORMS: dict[DecimalSign, re.Pattern[str]] = {
    ".": re.compile(r"^([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5}|)(?:\.([0-9]{0,2}))?$"),
    ",": re.compile(r"^([0-9]{1,18}|[0-9]{1,3}(?:\.[0-9]{3}){1,5}|)(?:,([0-9]{0,2}))?$"),
}
_CLEAR: dict[DecimalSign, re.Pattern[str]] = {
    ".": re.compile(r"(?:^|[0-9])\.[0-9]{1,2}$|,[0-9]{3}[,.]"),
    ",": re.compile(r"(?:^|[0-9]),[0-9]{1,2}$|\.[0-9]{3}[,.]"),
}


def decimal_sign(cells: Iterable[Cell], usual: DecimalSign) -> DecimalSign:
    """The sign before the sen in a file: a spreadsheet that saved it again may have swapped both signs.

    The first amount that can be read in one way only decides; `usual` is for files that have none, such as `100.000`.
    """
    for cell in cells:
        if isinstance(cell, Decimal):
            continue
        text = plain(cell)
        if _CLEAR["."].search(text):
            return "."
        if _CLEAR[","].search(text):
            return ","
    return usual


def minor(cell: Cell, sign: DecimalSign, line: int) -> int:
    """The amount in sen, below zero with a minus sign or in brackets. Raises StatementWrong if it is no amount."""
    if isinstance(cell, Decimal):
        return _of_number(cell, line)
    text = _CURRENCY.sub("", plain(cell))
    negative = text.startswith("-") or (text.startswith("(") and text.endswith(")"))
    text = _CURRENCY.sub("", text.removeprefix("-").removeprefix("+").removeprefix("(").removesuffix(")").strip())
    found = _FORMS[sign].match(text)
    if not found or not text.strip(".,"):
        raise StatementWrong(line, f"{_short(text)!r} is no amount")
    whole, sen = found.groups(default="")
    amount = int(re.sub(r"[.,]", "", whole) or "0") * 100 + int(sen.ljust(2, "0"))
    if amount > MINOR_MAX:
        raise StatementWrong(line, "the amount is larger than any balance")
    return -amount if negative else amount


def optional_minor(cell: Cell, sign: DecimalSign, line: int) -> int | None:
    """The same, None for an empty cell or a dash."""
    return None if plain(cell) in ("", "-") else minor(cell, sign, line)


def _of_number(number: Decimal, line: int) -> int:
    if not number.is_finite() or abs(number) * 100 > MINOR_MAX:
        raise StatementWrong(line, "the amount is larger than any balance")
    # Spreadsheets keep numbers as binary fractions, so 0.1 may be a little more or less.
    exact = number * 100
    whole = round(exact)
    if abs(exact - whole) > Decimal("0.01"):
        raise StatementWrong(line, f"{number} has parts of a sen")
    return int(whole)


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"
