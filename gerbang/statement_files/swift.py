"""MT940, the statement of a day, and MT942, what moved within a day: messages of SWIFT, with its blocks or without
them.

Of a movement (:61:) the days, the sign and the amount are taken, and the whole remark (:86:). Mandiri prints its
references nowhere but in the remark. Balances of single movements are not printed, so they are counted from the opening
one.
"""

import re
from collections.abc import Iterator
from datetime import date

import msgspec

from gerbang.domain.statements import Direction, Statement, StatementLine, StatementWrong, checked
from gerbang.statement_files.amounts import minor
from gerbang.statement_files.tables import account_number, account_of
from gerbang.statement_files.texts import ROWS_MAX

_TAG = re.compile(r"^:([0-9]{2}[A-Z]?):(.*)$")
_BALANCE = re.compile(r"^([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15}(?:[,.][0-9]{0,2})?)$")
_MOVEMENT = re.compile(
    r"^([0-9]{6})([0-9]{4})?(R?[CD])([A-Z])?([0-9]{1,15}(?:[,.][0-9]{0,2})?)([A-Z][A-Z0-9]{3})([^\n]{0,50})$"
)
_SUM = re.compile(r"^([0-9]{1,5})([A-Z]{3})([0-9]{1,15}(?:[,.][0-9]{0,2})?)$")
REMARK_LINE = 65
"""A line of a remark that is full is cut within a word; a shorter one ends with a word."""
DIRECTIONS: dict[str, Direction] = {"C": "credit", "D": "debit", "RC": "debit", "RD": "credit"}
"""With an R it takes back a movement that was booked: money that came leaves, and the other way round."""


class _Field(msgspec.Struct):
    line: int
    tag: str
    lines: list[str]

    @property
    def value(self) -> str:
        return self.lines[0].strip()


class _Message(msgspec.Struct):
    fields: list[_Field]
    in_block: bool
    ended: bool = False

    def first(self, *tags: str) -> _Field | None:
        return next((field for field in self.fields if field.tag in tags), None)


class _Page(msgspec.Struct, frozen=True):
    """A statement as one message has it: banks split long ones into pages."""

    statement: Statement
    first: bool
    last: bool
    line: int


def is_swift(text: str) -> bool:
    """Whether a text begins as a message does, perhaps after lines of a bank's own."""
    start = text[:4000]
    return start.lstrip().startswith("{1:") or re.search(r"^:20:", start, re.MULTILINE) is not None


def read(text: str, account: str | None) -> list[Statement]:
    """The statements of all messages, the pages of one put together. Raises StatementWrong if any of them is cut."""
    pages: list[_Page] = []
    for message in _messages(text):
        start = message.fields[0].line
        if message.in_block and not message.ended:
            raise StatementWrong(start, "the message is cut: its block does not end")
        if message.first("60F", "60M", "62F", "62M"):
            pages.append(_of_day(message, account))
        elif message.first("34F", "13D", "13", "90C", "90D"):
            pages.append(_Page(_within_day(message, account), first=True, last=True, line=start))
        else:
            raise StatementWrong(start, "the message is cut: it has no balances")
    if not pages:
        raise StatementWrong(0, "the file has no message")
    return _joined(pages)


def _messages(text: str) -> Iterator[_Message]:
    message = _Message([], in_block=False)
    for line, written in enumerate(text.splitlines(), 1):
        content = written.rstrip()
        before, block, after = content.partition("{4:")
        if block and (before.startswith("{") or not before):
            if message.fields:
                yield message
            message, content = _Message([], in_block=True), after
        if content in ("-", "-}") or content.startswith("-}"):
            message.ended = True
            if message.fields:
                yield message
            message = _Message([], in_block=False)
            continue
        tag = _TAG.match(content)
        if tag and tag[1] == "20" and message.fields:
            yield message
            message = _Message([], in_block=False)
        if tag and (message.fields or tag[1] == "20"):
            if len(message.fields) > 2 * ROWS_MAX:
                raise StatementWrong(line, f"the message has more than {ROWS_MAX:,} movements")
            message.fields.append(_Field(line, tag[1], [tag[2]]))
        elif message.fields and not content.startswith("{"):
            message.fields[-1].lines.append(content)
    if message.fields:
        yield message


def _of_day(message: _Message, account: str | None) -> _Page:
    opening, closing = message.first("60F", "60M"), message.first("62F", "62M")
    if opening is None or closing is None:
        raise StatementWrong(message.fields[0].line, "the message is cut: a balance is missing")
    balance, _, currency = _balance(opening)
    end, day, closing_currency = _balance(closing)
    if currency != closing_currency:
        raise StatementWrong(closing.line, "the closing balance has another currency")
    lines = _lines(message, account, balance)
    if lines and balance + sum(line.signed for line in lines) != end:
        raise StatementWrong(closing.line, "the closing balance is not the opening one and all amounts")
    number = message.first("28C", "28")
    statement = Statement(
        account=_account(message, account),
        currency=currency,
        lines=tuple(lines),
        opening=balance,
        closing=end,
        number=f"{day.year}/{number.value.partition('/')[0].lstrip('0') or '0'}" if number else "",
    )
    return _Page(checked(statement), opening.tag == "60F", closing.tag == "62F", opening.line)


def _within_day(message: _Message, account: str | None) -> Statement:
    sums = {tag: message.first(tag) for tag in ("90C", "90D")}
    if not any(sums.values()) and not message.ended:
        raise StatementWrong(message.fields[0].line, "the message is cut: it has neither sums nor an end")
    lines = [msgspec.structs.replace(line, pending=True) for line in _lines(message, account, None)]
    for tag, direction in (("90C", "credit"), ("90D", "debit")):
        field = sums[tag]
        if field is None:
            continue
        found = _SUM.match(field.value)
        if not found:
            raise StatementWrong(field.line, f"the sum :{tag}: cannot be read")
        amounts = [line.amount for line in lines if line.direction == direction]
        if (len(amounts), sum(amounts)) != (int(found[1]), _minor(found[3], field.line)):
            raise StatementWrong(field.line, f"the {direction}s are not as many, or not as much, as :{tag}: says")
    floor = message.first("34F")
    currency = floor.value[:3] if floor else "IDR"
    return Statement(_account(message, account), currency, tuple(lines), partial=True)


def _lines(message: _Message, account: str | None, balance: int | None) -> list[StatementLine]:
    owner = _account(message, account)
    found: list[StatementLine] = []
    for place, field in enumerate(message.fields):
        if field.tag != "61":
            continue
        line = _movement(owner, field)
        after = message.fields[place + 1] if place + 1 < len(message.fields) else None
        remark = _remark(after.lines) if after and after.tag == "86" else _remark(field.lines[1:])
        balance = None if balance is None else balance + line.signed
        found.append(msgspec.structs.replace(line, text=remark, balance_after=balance))
    return found


def _movement(account: str, field: _Field) -> StatementLine:
    found = _MOVEMENT.match(field.value)
    if not found:
        raise StatementWrong(field.line, "the movement :61: cannot be read")
    valued, entry, mark, _, amount, _, references = found.groups()
    value_on = _day(valued, field.line)
    ours, _, banks = references.partition("//")
    reference = next((each for each in (ours.strip(), banks.strip()) if each and each != "NONREF"), "")
    return StatementLine(
        account=account,
        booked_on=_entry_day(entry, value_on, field.line) if entry else value_on,
        amount=_minor(amount, field.line),
        direction=DIRECTIONS[mark],
        text="",
        position=field.line,
        reference=reference,
        value_on=value_on,
    )


def _remark(lines: list[str]) -> str:
    pieces: list[str] = []
    for line in lines:
        pieces.append(line)
        if len(line) < REMARK_LINE:
            pieces.append(" ")
    return " ".join("".join(pieces).split())


def _entry_day(entry: str, value_on: date, line: int) -> date:
    """The day of an entry, which has no year: the one nearest to the value date, as the year may turn between them."""
    found: list[date] = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            found.append(date(year, int(entry[:2]), int(entry[2:])))
        except ValueError:
            continue
    if not found:
        raise StatementWrong(line, f"{entry!r} is no day")
    return min(found, key=lambda day: abs(day - value_on))


def _balance(field: _Field) -> tuple[int, date, str]:
    found = _BALANCE.match(field.value)
    if not found:
        raise StatementWrong(field.line, f"the balance :{field.tag}: cannot be read")
    amount = _minor(found[4], field.line)
    return (amount if found[1] == "C" else -amount), _day(found[2], field.line), found[3]


def _day(text: str, line: int) -> date:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError as error:
        raise StatementWrong(line, f"{text!r} is no day") from error


def _minor(text: str, line: int) -> int:
    return minor(text, "," if "," in text else ".", line)


def _account(message: _Message, account: str | None) -> str:
    field = message.first("25", "25P")
    if field is None:
        raise StatementWrong(message.fields[0].line, "the message names no account")
    # Some write the bank before the number and the currency behind it.
    return account_of(account_number(field.value.rpartition("/")[2]), account, field.line)


def _joined(pages: list[_Page]) -> list[Statement]:
    found: list[Statement] = []
    open_page = False
    for page in pages:
        before = found[-1] if found else None
        if page.first is open_page:
            raise StatementWrong(page.line, "a page of the statement is missing")
        if before and _follows(before, page) and before.closing != page.statement.opening:
            raise StatementWrong(page.line, "the opening balance is not the closing one of the statement before")
        if before and open_page:
            lines = (*before.lines, *page.statement.lines)
            found[-1] = msgspec.structs.replace(page.statement, lines=lines, opening=before.opening)
        else:
            found.append(page.statement)
        open_page = not page.last
    if open_page:
        raise StatementWrong(pages[-1].line, "the last page of the statement is missing")
    return found


def _follows(before: Statement, page: _Page) -> bool:
    """Whether a page comes right after a statement. Numbers begin with 1 again each January, so only within a year."""
    after = page.statement
    if before.account != after.account or before.currency != after.currency or before.opening is None:
        return False
    if not page.first:
        return True
    old, new = (each.number.partition("/") for each in (before, after))
    if not (old[2].isdecimal() and new[2].isdecimal()):
        return False
    return new[0] == old[0] and int(new[2]) - int(old[2]) == 1
