"""The files in which banks and partners say what happened: each form has its file here, and a file's own form is found.

A file is taken whole or not at all: what cannot be read, or does not add up, raises StatementWrong with the line.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.statements import Statement, StatementWrong
from gerbang.statement_files import bca, bri, dana, jatim, mandiri, sheets, swift, tables
from gerbang.statement_files.tables import Form, Table
from gerbang.statement_files.texts import DELIMITERS, CsvRows, Row, decoded

FileKind = Literal[
    "bca", "bri", "mandiri_retail", "mandiri_corporate", "jatim", "swift", "dana_payments", "dana_payouts"
]
FORMS: tuple[tuple[FileKind, Form], ...] = (
    ("bca", bca.FORM),
    ("bri", bri.FORM),
    ("mandiri_retail", mandiri.RETAIL),
    ("jatim", jatim.FORM),
    ("mandiri_corporate", mandiri.CORPORATE),
    ("mandiri_corporate", mandiri.CORPORATE_INDONESIAN),
    ("dana_payments", dana.PAYMENTS),
    ("dana_payouts", dana.PAYOUTS),
)
LISTS = frozenset({"dana_payments", "dana_payouts"})
"""What is a partner's list and no statement of an account."""
OLD_SPREADSHEET = b"\xd0\xcf\x11\xe0"


def kind_of(data: bytes) -> FileKind:
    """The form of a file. Raises StatementWrong if it has none that is known."""
    return _opened(data, None)[0]


def read(
    data: bytes, kind: FileKind | None = None, account: str | None = None, today: date | None = None
) -> list[Statement]:
    """The statements of a file, each of one account, oldest first.

    `account` must be given where the file does not name it; a file of another account is refused. `today` is the day on
    which the file was made, for days without a year and rows without a day.
    """
    found, opened = _opened(data, kind)
    if isinstance(opened, str):
        return swift.read(opened, account)
    if found in LISTS:
        raise StatementWrong(0, "the file is a partner's list, not a statement of an account")
    if found == "bca":
        return bca.read(opened, account, today)
    return tables.statements(opened, account, today)


def read_partner_lines(data: bytes, kind: FileKind | None = None) -> list[PartnerLine]:
    """The rows of a partner's list. Raises StatementWrong if the file is none."""
    found, opened = _opened(data, kind)
    if isinstance(opened, str) or found not in LISTS:
        raise StatementWrong(0, "the file is a statement of an account, not a partner's list")
    return dana.payments(opened) if found == "dana_payments" else dana.payouts(opened)


def _opened(data: bytes, kind: FileKind | None) -> tuple[FileKind, Table | str]:
    """The form of a file with its table, or with its text if it is made of messages."""
    if data.startswith(OLD_SPREADSHEET):
        raise StatementWrong(0, "the file is a spreadsheet of the old kind (xls): save it as xlsx or CSV")
    if data.startswith(b"PK"):
        for rows in sheets.sheets(data):
            for name, table in _tables(rows, kind, footers=True):
                return name, table
        raise _unknown(kind)
    text = decoded(data)
    if kind in (None, "swift") and swift.is_swift(text):
        return "swift", text
    wrong: StatementWrong | None = None
    for delimiter in DELIMITERS:
        try:
            for name, table in _tables(CsvRows(text, delimiter), kind, footers=False):
                return name, table
        except StatementWrong as error:
            wrong = wrong or error
    raise wrong or _unknown(kind)


def _tables(rows: CsvRows | list[Row], kind: FileKind | None, *, footers: bool) -> Iterator[tuple[FileKind, Table]]:
    for name, form in FORMS:
        if kind in (None, name) and (table := tables.found(rows, form, footers=footers)):
            yield name, table


def _unknown(kind: FileKind | None) -> StatementWrong:
    return StatementWrong(0, f"the file is not of the form {kind}" if kind else "the file has no form that is known")
