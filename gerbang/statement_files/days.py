"""Days and times as banks write them. What has no year gets the latest one in which it is not after the file's own day."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from gerbang.clock import WIB
from gerbang.domain.statements import StatementWrong
from gerbang.statement_files.texts import Cell, plain

YEARS = range(1990, 2100)
_SPREADSHEETS_BEGIN = date(1899, 12, 30)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januari",
            "feb february februari peb pebruari",
            "mar march maret",
            "apr april",
            "may mei",
            "jun june juni",
            "jul july juli",
            "aug august agu agt agustus ags",
            "sep september sept",
            "oct october okt oktober",
            "nov november nop nopember",
            "dec december des desember",
        ),
        1,
    )
    for name in names.split()
}
_TIME = (
    r"(?:[T ]\s*([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2}))?(?:[.,][0-9]{1,9})?\s*(Z|WIB|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_YEAR_LAST = re.compile(rf"^([0-9]{{1,2}})[/. -]([0-9]{{1,2}}|[A-Za-z]{{3,9}})[/. -]([0-9]{{4}}|[0-9]{{2}}){_TIME}")
_YEAR_FIRST = re.compile(rf"^([0-9]{{4}})([/-]?)([0-9]{{2}})\2([0-9]{{2}}){_TIME}")
_NO_YEAR = re.compile(r"^([0-9]{1,2})[/-]([0-9]{1,2})$")
_CLOCK_TIME = re.compile(r"^([0-9]{1,2}):?([0-9]{2}):?([0-9]{2})?$")


def moment(cell: Cell, line: int, today: date | None = None) -> tuple[date, datetime | None]:
    """The day in Jakarta, and the instant in UTC where a time is written. Raises StatementWrong if it is no day.

    `today` is the last day that the file may have, for days without a year.
    """
    if isinstance(cell, Decimal):
        return _of_number(cell, line), None
    text = " ".join(plain(cell).split())
    try:
        return _moment(text, line, today)
    except (ValueError, OverflowError) as error:
        raise StatementWrong(line, f"{text[:30]!r} is no day") from error


def is_day(cell: Cell) -> bool:
    """Whether a cell is written as a day, with a year or without."""
    text = " ".join(plain(cell).split())
    return isinstance(cell, Decimal) or any(form.match(text) for form in (_YEAR_LAST, _YEAR_FIRST, _NO_YEAR))


def _moment(text: str, line: int, today: date | None) -> tuple[date, datetime | None]:
    if found := _YEAR_LAST.match(text):
        day, month, year, *clock_time = found.groups()
        number = _MONTHS[month.lower()] if month.lower() in _MONTHS else int(month)
        return _at(_date(int(year) + (2000 if len(year) == 2 else 0), number, int(day)), clock_time)
    if found := _YEAR_FIRST.match(text):
        year, _, month, day, *clock_time = found.groups()
        return _at(_date(int(year), int(month), int(day)), clock_time)
    if found := _NO_YEAR.match(text):
        return _latest(int(found[1]), int(found[2]), line, today), None
    raise ValueError(text)


def _date(year: int, month: int, day: int) -> date:
    if year not in YEARS:
        raise ValueError(year)
    return date(year, month, day)


def _at(day: date, clock_time: list[str | None]) -> tuple[date, datetime | None]:
    hour, minute, second, zone = clock_time
    if hour is None or minute is None:
        return day, None
    local = datetime.combine(day, time(int(hour), int(minute), int(second or 0)), WIB)
    if zone not in (None, "WIB"):
        local = local.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo).astimezone(WIB)
    return local.date(), local.astimezone(UTC)


def _latest(day: int, month: int, line: int, today: date | None) -> date:
    if today is None:
        raise StatementWrong(line, "the day has no year, so the day on which the file was made must be given")
    for year in (today.year, today.year - 1):
        try:
            found = _date(year, month, day)
        except ValueError:
            continue
        # A bank may already book on the next day while it is still today here.
        if found <= today + timedelta(days=1):
            return found
    raise ValueError(f"{day}/{month}")


def _of_number(number: Decimal, line: int) -> date:
    """A day of a spreadsheet, which counts days from the end of 1899."""
    if not number.is_finite() or not 1 <= number < 100_000:
        raise StatementWrong(line, f"{str(number)[:30]} is no day")
    found = _SPREADSHEETS_BEGIN + timedelta(days=int(number))
    if found.year not in YEARS:
        raise StatementWrong(line, f"{number} is no day")
    return found


def at_time(day: date, cell: Cell, line: int) -> datetime | None:
    """The instant of a time in its own column (`090500`, `9:05:00`); None if it is empty."""
    text = plain(cell)
    if not text:
        return None
    if text.isdecimal() and len(text) < 6:
        text = text.zfill(6)  # a number has no zeros before it
    found = _CLOCK_TIME.match(text)
    hour, minute, second = (int(each or 0) for each in found.groups()) if found else (24, 0, 0)
    if hour > 23 or minute > 59 or second > 59:
        raise StatementWrong(line, f"{text[:30]!r} is no time")
    return datetime.combine(day, time(hour, minute, second), WIB).astimezone(UTC)
