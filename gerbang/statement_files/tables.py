"""Statements that are a table: some lines of head, a row with the names of the columns, and a row for each movement."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from gerbang.domain.statements import Direction, Statement, StatementLine, StatementWrong, checked, oldest_first
from gerbang.statement_files import days
from gerbang.statement_files.amounts import DecimalSign, decimal_sign, minor, optional_minor
from gerbang.statement_files.texts import Cell, Row, plain

HEAD_ROWS_MAX = 60
"""The names of the columns stand within the first rows; looking further would read a whole file for each delimiter."""

ACCOUNT_LABELS = {"norekening", "nomorrekening", "norek", "rekening", "accountno", "accountnumber", "account"}
PERIOD_LABELS = {"periode", "period", "periodetransaksi"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz "
LABEL_MAX = 200
"""A label and its value in one cell are not longer."""
CURRENCY_LABELS = {"matauang", "currency", "kodematauang"}


class Form(msgspec.Struct, frozen=True):
    """How a bank names its columns. A name may be written in several ways; case, blanks and dots do not count."""

    columns: Mapping[str, tuple[str, ...]]
    """`day`, `text`, and `credit` and `debit` (or `amount`) must be there; the file is of this form if all of `by` are."""
    by: tuple[str, ...]
    decimal: DecimalSign = "."


class Table(msgspec.Struct, frozen=True):
    """A file whose columns were found."""

    form: Form
    rows: Iterable[Row]
    header_line: int
    width: int
    """How many cells a row has."""
    at: Mapping[str, int]
    """The column of each field."""
    account: str
    currency: str
    until: date | None
    """The last day of the period that the head names."""
    footers: bool
    """Sentences may stand below the rows: only where a cut file is known in another way, as a spreadsheet is."""

    def cell(self, cells: list[Cell], field: str) -> Cell:
        """The cell of a field, "" where the file has no such column."""
        column = self.at.get(field)
        return "" if column is None or column >= len(cells) else cells[column]

    def body(self) -> Iterator[Row]:
        """The rows below the names of the columns."""
        return ((line, cells) for line, cells in self.rows if line > self.header_line)

    def check_width(self, line: int, cells: list[Cell]) -> None:
        """Raises StatementWrong for a row that ends early, or was pushed aside by a delimiter within its text.

        Spreadsheets leave out empty cells at the end of a row.
        """
        if any(plain(cell) for cell in cells[self.width :]):
            raise StatementWrong(line, f"the row has {len(cells)} cells instead of {self.width}")
        if len(cells) < self.width and not self.footers:
            raise StatementWrong(line, f"the row is cut: it has {len(cells)} cells instead of {self.width}")

    def decimal_sign(self, *fields: str) -> DecimalSign:
        cells = (self.cell(cells, field) for _, cells in self.body() for field in fields)
        return decimal_sign(cells, self.form.decimal)


def word(cell: Cell) -> str:
    """A label or the name of a column, as it is compared."""
    return re.sub(r"[^a-z0-9]", "", plain(cell).lower())


def found(rows: Iterable[Row], form: Form, *, footers: bool = False) -> Table | None:
    """The table, if the rows are of this form. Raises StatementWrong if the rows before it cannot be read."""
    account, currency = "", "IDR"
    until: date | None = None
    names = {word(name): field for field, spelled in form.columns.items() for name in spelled}
    above: list[Row] = []
    for count, (line, cells) in enumerate(rows):
        if count >= HEAD_ROWS_MAX:
            return None
        at: dict[str, int] = {}
        for column, cell in enumerate(cells):
            if field := names.get(word(cell)):
                at.setdefault(field, column)
        if at.keys() >= set(form.by):
            _check_above(above, at["day"], len(cells))
            return Table(form, rows, line, len(cells), at, account, currency, until, footers)
        above.append((line, cells))
        label, value = labelled(cells)
        if label in ACCOUNT_LABELS and value:
            account = account_number(value)
        elif label in CURRENCY_LABELS and value:
            currency = value.upper()[:3]
        elif label in PERIOD_LABELS and (last := re.findall(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", value)):
            until = days.moment(last[-1], line)[0]
    return None


def _check_above(rows: list[Row], day: int, width: int) -> None:
    """Raises StatementWrong for a movement above the names of the columns: somebody has sorted the file, and it would be left out."""
    for line, cells in rows:
        if len(cells) >= width and days.is_day(cells[day]) and len([cell for cell in cells if plain(cell)]) > 3:
            raise StatementWrong(line, "a movement stands above the names of the columns: was the file sorted?")


def labelled(cells: list[Cell]) -> tuple[str, str]:
    """The label of a line of head or foot, and its value: `label,=,value`, `label,value` or `label : value`."""
    texts = [text for cell in cells if (text := plain(cell)) not in ("", "=", ":")]
    if len(texts) == 1 and len(texts[0]) < LABEL_MAX and (parts := re.split(r"\s*[:=]\s*", texts[0], maxsplit=1))[1:]:
        texts = parts
    return (word(texts[0]), texts[1].lstrip("=: ").removeprefix("'").strip()) if len(texts) > 1 else ("", "")


def account_number(text: str) -> str:
    """An account number without the blanks, dots and dashes that banks print into it."""
    found_number = re.search(r"[0-9][0-9 .-]{3,}[0-9]", text)
    return re.sub(r"[ .-]", "", found_number[0]) if found_number else text.strip()


def account_of(in_file: str, given: str | None, line: int = 0) -> str:
    """The account of a file, which must be the given one; spreadsheets drop zeros at the beginning of numbers."""
    if not given:
        if not in_file:
            raise StatementWrong(line, "the file does not name its account, so it must be given")
        return in_file
    asked = account_number(given)
    if in_file and in_file.lstrip("0") != asked.lstrip("0"):
        raise StatementWrong(line, f"the file is of account {in_file[:40]}, not of {asked}")
    return asked


def statements(table: Table, account: str | None, today: date | None) -> list[Statement]:
    """The statement of each account in a table with a column for credits and one for debits.

    Raises StatementWrong if a row is no movement, or the amounts do not agree with the balances.
    """
    sign = table.decimal_sign("credit", "debit", "balance", "before")
    lines: dict[str, list[StatementLine]] = {}
    currency = table.currency
    for line, cells in table.body():
        if table.footers and not days.is_day(table.cell(cells, "day")):
            if len([cell for cell in cells if plain(cell)]) > 1:
                raise StatementWrong(line, "the row is no movement")
            continue
        movement = _movement(table, line, cells, sign, account, today)
        if movement is None:
            continue
        before = optional_minor(table.cell(cells, "before"), sign, line)
        if None not in (before, movement.balance_after) and before != (movement.balance_after or 0) - movement.signed:
            raise StatementWrong(line, "the balance after the movement is not the balance before and this amount")
        currency = plain(table.cell(cells, "currency")).upper()[:3] or currency
        lines.setdefault(movement.account, []).append(movement)
    if not lines:
        return [Statement(account_of(table.account, account), currency, ())]
    return [statement_of(each, currency, sorted_lines) for each, sorted_lines in lines.items()]


def statement_of(account: str, currency: str, lines: list[StatementLine]) -> Statement:
    """A statement of lines that have their balances: the first and the last of them are its own."""
    ordered = oldest_first(lines)
    booked = [line for line in ordered if not line.pending and line.balance_after is not None]
    first, last = (booked[0], booked[-1]) if booked else (None, None)
    opening = first.balance_after - first.signed if first and first.balance_after is not None else None
    closing = last.balance_after if last else None
    return checked(Statement(account, currency, tuple(ordered), opening, closing))


def _movement(
    table: Table, line: int, cells: list[Cell], sign: DecimalSign, account: str | None, today: date | None
) -> StatementLine | None:
    table.check_width(line, cells)
    day, at = days.moment(table.cell(cells, "day"), line, today)
    amount, direction = _amount(table, line, cells, sign)
    if not amount:
        return None
    if "time" in table.at:
        at = days.at_time(day, table.cell(cells, "time"), line)
    value = table.cell(cells, "value")
    return StatementLine(
        account=account_of(account_number(plain(table.cell(cells, "account"))) or table.account, account, line),
        booked_on=day,
        amount=amount,
        direction=direction,
        text=" ".join(plain(table.cell(cells, "text")).split()),
        position=line,
        reference=plain(table.cell(cells, "reference")).strip("-"),
        booked_at=at,
        value_on=days.moment(value, line, today)[0] if plain(value) else None,
        balance_after=optional_minor(table.cell(cells, "balance"), sign, line),
        branch=plain(table.cell(cells, "branch")),
    )


def _amount(table: Table, line: int, cells: list[Cell], sign: DecimalSign) -> tuple[int, Direction]:
    """Amount and direction; 0 for a row that moves nothing, as some banks print for interest and tax of nothing."""
    came = optional_minor(table.cell(cells, "credit"), sign, line)
    went = optional_minor(table.cell(cells, "debit"), sign, line)
    if came is None and went is None:
        raise StatementWrong(line, "the row has neither a credit nor a debit")
    if came and went:
        raise StatementWrong(line, "the row has a credit and a debit")
    amount = came or went or 0
    # Debits are written below zero by some; a credit below zero is none.
    if (came or 0) < 0:
        raise StatementWrong(line, "a credit is below zero")
    return (abs(amount), "credit" if came else "debit")


def amount_and_sign(cell: Cell, decimal: DecimalSign, line: int) -> tuple[int, str]:
    """An amount with its sign in one field, such as `500,000.00 DB`; the sign is "" if there is none."""
    if not isinstance(cell, str):
        return minor(cell, decimal, line), ""
    text = plain(cell)
    amount = text.rstrip(LETTERS)
    return minor(amount, decimal, line), text[len(amount) :].strip().upper()
