"""BCA's account statement as CSV, of the retail and of the business internet banking.

Three lines of head (account, name, currency), a row for each movement, four closing lines with the sums. The sign
stands in a column of its own, or in one field with the amount. What is not booked yet has `PEND` instead of a day.
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from gerbang.domain.statements import Direction, Statement, StatementLine, StatementWrong, checked, oldest_first
from gerbang.statement_files import days
from gerbang.statement_files.amounts import DecimalSign, decimal_sign, minor, optional_minor
from gerbang.statement_files.tables import LETTERS, Form, Table, account_of, amount_and_sign, labelled
from gerbang.statement_files.texts import Cell, plain

FORM = Form(
    columns={
        "day": ("Tanggal", "Tanggal Transaksi", "Tgl", "Date", "Transaction Date"),
        "text": ("Keterangan", "Description"),
        "branch": ("Cabang", "Branch"),
        "amount": ("Jumlah", "Amount"),
        "balance": ("Saldo", "Balance"),
    },
    by=("day", "text", "branch", "amount", "balance"),
)
PENDING = "PEND"
SIGNS: dict[str, Direction] = {"CR": "credit", "K": "credit", "DB": "debit", "D": "debit"}
CLOSING = {
    **dict.fromkeys(("saldoawal", "openingbalance", "startingbalance", "beginningbalance"), "opening"),
    **dict.fromkeys(("mutasikredit", "kredit", "mutasicr", "credit", "totalcredit"), "credits"),
    **dict.fromkeys(("mutasidebet", "mutasidebit", "debet", "debit", "mutasidb", "totaldebit"), "debits"),
    **dict.fromkeys(("saldoakhir", "closingbalance", "endingbalance"), "closing"),
}


class _Reading(msgspec.Struct):
    """What was read of a file so far."""

    account: str
    sign: DecimalSign
    today: date | None
    lines: list[StatementLine]
    sums: dict[str, int]


def read(table: Table, account: str | None, today: date | None) -> list[Statement]:
    """The statement of a file. Raises StatementWrong if a closing line is missing, as in a file that was cut."""
    reading = _Reading(
        account_of(table.account, account), decimal_sign(_amounts(table), "."), table.until or today, [], {}
    )
    for line, cells in table.body():
        first = plain(cells[0])
        label, value = labelled(cells)
        if CLOSING.get(label):
            if CLOSING[label] in reading.sums:
                raise StatementWrong(line, f"{first!r} stands twice")
            reading.sums[CLOSING[label]] = minor(value, reading.sign, line)
        elif reading.sums:
            raise StatementWrong(line, "a row stands below the closing lines")
        else:
            reading.lines.append(_movement(table, reading, line, cells))
    if missing := {"opening", "credits", "debits", "closing"} - reading.sums.keys():
        raise StatementWrong(0, f"the file is cut: {len(missing)} of its 4 closing lines are missing")
    return [_statement(reading, table.currency)]


def _statement(reading: _Reading, currency: str) -> Statement:
    sums = reading.sums
    shown_on = max((line.booked_on for line in reading.lines if not line.pending), default=date.min)
    lines = [
        msgspec.structs.replace(line, booked_on=max(line.booked_on, shown_on)) if line.pending else line
        for line in oldest_first(reading.lines, sums["opening"])
    ]
    if any(line.booked_on == date.min for line in lines):
        raise StatementWrong(0, "nothing in the file has a day, so the day on which it was made must be given")
    return checked(
        Statement(
            account=reading.account,
            currency=currency,
            lines=tuple(lines),
            opening=sums["opening"],
            closing=sums["closing"],
            credits=sums["credits"],
            debits=sums["debits"],
        )
    )


def _movement(table: Table, reading: _Reading, line: int, cells: list[Cell]) -> StatementLine:
    table.check_width(line, cells)
    amount, sign = amount_and_sign(table.cell(cells, "amount"), reading.sign, line)
    beside = table.at["amount"] + 1
    if not sign and beside != table.at["balance"] and beside < len(cells):
        sign = plain(cells[beside]).upper()
    if sign not in SIGNS:
        raise StatementWrong(line, "the row says neither CR nor DB")
    pending = plain(table.cell(cells, "day")).upper() == PENDING
    if pending:
        day, at = reading.today or date.min, None
    else:
        day, at = days.moment(table.cell(cells, "day"), line, reading.today)
    # What a balance beside a pending row means is not written down anywhere, so it is not taken.
    balance = None if pending else optional_minor(table.cell(cells, "balance"), reading.sign, line)
    if balance is None and not pending:
        raise StatementWrong(line, "the row has no balance")
    return StatementLine(
        account=reading.account,
        booked_on=day,
        amount=amount,
        direction=SIGNS[sign],
        text=" ".join(plain(table.cell(cells, "text")).split()),
        position=line,
        booked_at=at,
        balance_after=balance,
        pending=pending,
        branch=plain(table.cell(cells, "branch")),
    )


def _amounts(table: Table) -> Iterator[Cell]:
    for _, cells in table.body():
        label, value = labelled(cells)
        if label in CLOSING:
            yield value
            continue
        for field in ("amount", "balance"):
            cell = table.cell(cells, field)
            yield cell.strip().rstrip(LETTERS) if isinstance(cell, str) else cell
