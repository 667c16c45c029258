"""Twelve movements of one account over the turn of a year, as every form of file must give them again."""

from datetime import UTC, date, datetime, time

from gerbang.clock import WIB
from gerbang.domain.statements import Direction, StatementLine

ACCOUNT = "0011223344"
OPENING = 1_000_000_00
TODAY = date(2027, 1, 4)
"""The day on which the files are made."""

_MOVEMENTS: list[tuple[date, int, Direction, str]] = [
    (date(2026, 12, 29), 150_000_00, "credit", "BRIVA 7777700000000001 BUDI SANTOSO"),
    (date(2026, 12, 29), 150_000_00, "credit", "BRIVA 7777700000000001 BUDI SANTOSO"),
    (date(2026, 12, 30), 75_500_50, "credit", 'TRANSFER "TOKO ABADI", INV-2026-001; LUNAS'),
    (date(2026, 12, 30), 6_500_00, "debit", "BIAYA ADM"),
    (date(2026, 12, 31), 900_000_00, "debit", "PAYOUT PO7H3K9QX2M4 KE 014-1234567890"),
    (date(2026, 12, 31), 2_500_00, "debit", "BIAYA BIFAST PO7H3K9QX2M4"),
    (date(2027, 1, 1), 99, "credit", "BUNGA"),
    (date(2027, 1, 1), 20, "debit", "PAJAK BUNGA"),
    (date(2027, 1, 2), 12_345_678_90, "credit", "SETTLEMENT DANA 20270101 BATCH 88001234"),
    (date(2027, 1, 3), 10_000_00, "credit", "BRIVA 7777700000000002 SITI WS_OB;X1;Y"),
    (date(2027, 1, 3), 10_000_00, "debit", "KOREKSI BRIVA 7777700000000002"),
    (date(2027, 1, 3), 10_000_00, "credit", "BRIVA 7777700000000002 SITI WS_OB;X2;Y"),
]


def _lines() -> tuple[StatementLine, ...]:
    balance, found = OPENING, list[StatementLine]()
    for number, (day, amount, direction, text) in enumerate(_MOVEMENTS):
        balance += amount if direction == "credit" else -amount
        at = datetime.combine(day, time(9, number), WIB).astimezone(UTC)
        found.append(StatementLine(ACCOUNT, day, amount, direction, text, booked_at=at, balance_after=balance))
    return tuple(found)


LINES = _lines()
CLOSING = LINES[-1].balance_after or 0

Movement = tuple[str, date, int, str, str, int | None]


def movements(lines: list[StatementLine] | tuple[StatementLine, ...]) -> list[Movement]:
    """What is the same in every form."""
    return [
        (each.account, each.booked_on, each.amount, each.direction, each.text, each.balance_after) for each in lines
    ]
