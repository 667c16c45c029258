"""A statement is what a bank says that happened on one account: its lines, and the balances before and after them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

Direction = Literal["credit", "debit"]
"""As the account's owner sees it: a credit is money that came."""


class StatementWrong(Exception):
    """A file that cannot be taken, not even in part: `line` of it is wrong, 0 where no single line is."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(f"line {line}: {why}" if line else why)


class StatementLine(msgspec.Struct, frozen=True, gc=False):
    """One movement on an account. Amounts in minor units (sen), days are Jakarta's."""

    account: str
    booked_on: date
    """The day on which the bank booked it; for a pending line the day on which the file shows it."""
    amount: int
    """Above zero; `direction` has the sign."""
    direction: Direction
    text: str
    """The bank's remark, whole. Banks change it from one day to the next, so it is no identity."""
    position: int = 0
    """The line of the file, counted from 1."""
    reference: str = ""
    """The bank's own reference of the movement, "" if the file has none."""
    booked_at: datetime | None = None
    """The instant, in UTC, where the file has a time."""
    value_on: date | None = None
    balance_after: int | None = None
    pending: bool = False
    """Shown and not booked: it may still change or go away, and counts for nothing until it is booked."""
    branch: str = ""

    @property
    def signed(self) -> int:
        """What the movement does to the balance."""
        return self.amount if self.direction == "credit" else -self.amount


class Statement(msgspec.Struct, frozen=True):
    """Lines of one account, oldest first, with the sums that the bank prints beside them. Amounts in minor units."""

    account: str
    currency: str
    lines: tuple[StatementLine, ...]
    opening: int | None = None
    closing: int | None = None
    credits: int | None = None
    """The printed sum of all credits."""
    debits: int | None = None
    number: str = ""
    """The bank's number of the statement with its year, where it has one: banks count from 1 again each year."""
    partial: bool = False
    """It adds to other pending lines of its day, and does not replace them (MT942)."""


def checked(statement: Statement) -> Statement:
    """The statement, if its amounts, balances and printed sums agree. Raises StatementWrong, which names the line."""
    for line in statement.lines:
        if line.amount <= 0:
            raise StatementWrong(line.position, "an amount must be above zero")
    booked = [line for line in statement.lines if not line.pending]
    _check_chain(statement.opening, booked)
    totals = [_totals(booked)]
    if len(booked) < len(statement.lines):
        totals.append(_totals(statement.lines))  # some banks count what is pending in, others do not
    wrong = [_wrong_sum(statement, *each) for each in totals]
    if all(wrong):
        raise StatementWrong(0, wrong[0])
    return statement


def broken_at(opening: int | None, lines: Iterable[StatementLine]) -> StatementLine | None:
    """The first line whose balance is not the balance before it and its own amount; None if all agree."""
    balance = opening
    for line in lines:
        if line.balance_after is None:
            balance = None if balance is None else balance + line.signed
            continue
        if balance is not None and balance + line.signed != line.balance_after:
            return line
        balance = line.balance_after
    return None


def gaps(lines: Iterable[StatementLine]) -> list[StatementLine]:
    """Booked lines of one account before which something is missing, in the order of their days.

    The lines may be in any order and from many files: the balance before each line must be the balance after another
    one. Only that before the very first one is not.
    """
    booked = sorted(
        (line for line in lines if not line.pending and line.balance_after is not None),
        key=lambda line: line.booked_on,
    )
    afters = Counter(line.balance_after for line in booked)
    unexplained: list[StatementLine] = []
    for line in reversed(booked):
        before = (line.balance_after or 0) - line.signed
        if afters[before] > 0:
            afters[before] -= 1
        else:
            unexplained.append(line)
    unexplained.reverse()
    return unexplained[1:] if unexplained and unexplained[0].booked_on == booked[0].booked_on else unexplained


def oldest_first(lines: Sequence[StatementLine], opening: int | None = None) -> list[StatementLine]:
    """Lines in the order in which they were booked; some banks print the newest first.

    The days show it, and within a single day the balances.
    """
    booked = [line for line in lines if not line.pending]
    newest_first = bool(booked) and booked[0].booked_on > booked[-1].booked_on
    if booked and booked[0].booked_on == booked[-1].booked_on and broken_at(opening, booked) is not None:
        newest_first = broken_at(opening, reversed(booked)) is None
    return list(reversed(lines)) if newest_first else list(lines)


def _check_chain(opening: int | None, booked: Sequence[StatementLine]) -> None:
    wrong = broken_at(opening, booked)
    if wrong is not None:
        raise StatementWrong(wrong.position, "the balance is not the balance before and this amount")


def _totals(lines: Iterable[StatementLine]) -> tuple[int, int]:
    came = went = 0
    for line in lines:
        if line.direction == "credit":
            came += line.amount
        else:
            went += line.amount
    return came, went


def _wrong_sum(statement: Statement, came: int, went: int) -> str:
    """What does not add up, "" if everything does."""
    if statement.credits is not None and statement.credits != came:
        return f"the credits add up to {in_rupiah(came)} and the file says {in_rupiah(statement.credits)}"
    if statement.debits is not None and statement.debits != went:
        return f"the debits add up to {in_rupiah(went)} and the file says {in_rupiah(statement.debits)}"
    if statement.opening is None or statement.closing is None:
        return ""
    closing = statement.opening + came - went
    if closing != statement.closing:
        return f"the closing balance must be {in_rupiah(closing)} and the file says {in_rupiah(statement.closing)}"
    return ""


def in_rupiah(minor: int) -> str:
    """An amount as sentences show it: whole rupiah, a point, two digits of sen."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def keyed(lines: Iterable[StatementLine]) -> Iterator[tuple[str, StatementLine]]:
    """Each line with its key, by which the same line is known again in another file.

    With a balance a line is its account, day, direction, amount and balance, so that neither another remark on the next
    day nor another form of the file makes it a new one; without one, the remark and the reference stand for it. Lines
    that are equal in all of that are counted, so that two truly equal lines stay two.
    """
    seen: dict[tuple[object, ...], int] = {}
    for line in lines:
        known_by = (line.text, line.reference) if line.balance_after is None else (line.balance_after,)
        parts = (line.pending, line.account, line.booked_on, line.direction, line.amount, *known_by)
        seen[parts] = occurrence = seen.get(parts, 0) + 1
        written = "\x1f".join(map(str, (*parts, occurrence)))
        yield hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32], line
