"""Bank days: on which days Indonesian banks move money, and when a payer's money becomes the merchant's to use.

Public holidays and joint holidays (cuti bersama) come from a library, and whatever it does not know from the operator;
docs/decisions/0027-bank-holidays.md says why.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import msgspec

from gerbang.clock import WIB, wib

WORKING_DAYS_MAX = 60
"""The longest schedule that is not a slip of the pen: about a quarter of a year."""
BANK_CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far off a bank's clock may be."""

_DAY = timedelta(days=1)
_SATURDAY = 5
_CORRECTION = re.compile(r"([+-])(\d{4}-\d{2}-\d{2})", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class BankCalendar(msgspec.Struct, frozen=True):
    """The days on which banks work: Monday to Friday without public and joint holidays, as far as these are known.

    `extra` are days that are closed besides, `open_` are days on which banks work although this calendar says no (even
    a Saturday). Raises ValueError for a day that is in both.
    """

    extra: frozenset[date] = frozenset()
    open_: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if both := self.extra & self.open_:
            raise ValueError(f"{min(both)} cannot be closed and open; keep one of the two")

    def is_working_day(self, day: date) -> bool:
        """Whether banks work on this day."""
        if day in self.open_:
            return True
        return day.weekday() < _SATURDAY and day not in _holidays(day.year) and day not in self.extra

    def after(self, day: date, count: int) -> date:
        """The count-th working day strictly after `day`; for 0 it is `day` itself, working or not.

        Raises ValueError for a negative count, and OverflowError beyond the year 9999.
        """
        if count < 0:
            raise ValueError(f"{count} working days lie in the past")
        while count:
            day += _DAY
            if self.is_working_day(day):
                count -= 1
        return day


class Schedule(msgspec.Struct, frozen=True):
    """When money becomes available: so many working days after the day of payment, or in real time (0).

    Times are "HH:MM" in WIB. Money that comes at or after `cut_off` counts as the next calendar day's; `at` is when on
    the settlement day it becomes available. Raises ValueError for times that no clock shows, and for more than
    `WORKING_DAYS_MAX` days.
    """

    working_days: int
    cut_off: str = "23:00"
    at: str = "10:00"

    def __post_init__(self) -> None:
        if not 0 <= self.working_days <= WORKING_DAYS_MAX:
            raise ValueError(f"money settles after 0 to {WORKING_DAYS_MAX} working days, not after {self.working_days}")
        _time_of(self.cut_off)
        _time_of(self.at)


def settles_at(schedule: Schedule, paid_at: datetime, calendar: BankCalendar) -> datetime:
    """The instant, in UTC, at which money that was paid at `paid_at` becomes available.

    Raises ValueError for an instant without a time zone: guessing one would shift the bank's day.
    """
    local = wib(paid_at)
    if not schedule.working_days:
        return paid_at.astimezone(UTC)
    day = local.date()
    if local.time() >= _time_of(schedule.cut_off):
        day += _DAY
    return datetime.combine(calendar.after(day, schedule.working_days), _time_of(schedule.at), WIB).astimezone(UTC)


def parse(text: str) -> BankCalendar:
    """The calendar with an operator's corrections: "+2026-03-25,-2017-06-30", plus for closed and minus for open.

    An empty text corrects nothing. Raises ValueError, with a sentence for the operator, for anything else.
    """
    days: dict[str, set[date]] = {"+": set(), "-": set()}
    for item in filter(None, (each.strip() for each in text.split(","))):
        found = _CORRECTION.fullmatch(item)
        if found is None:
            raise ValueError(
                f"{item!r} is not a bank day: write +2026-03-25 if banks are closed where the calendar has them open,"
                " or -2017-06-30 if they work where it has them closed, with commas between"
            )
        sign, day = found.groups()
        try:
            days[sign].add(date.fromisoformat(day))
        except ValueError:
            raise ValueError(f"{item!r} is not a bank day: no calendar has a {day}") from None
    return BankCalendar(extra=frozenset(days["+"]), open_=frozenset(days["-"]))


@lru_cache(maxsize=32)
def _holidays(year: int) -> frozenset[date]:
    # Imported here: the package loads all countries, and most commands ask for no day.
    from holidays.constants import GOVERNMENT, PUBLIC
    from holidays.countries.indonesia import Indonesia

    # Without a language the package would ask the process's environment. A year takes a third of a millisecond.
    return frozenset(Indonesia(years=year, categories=(PUBLIC, GOVERNMENT), language="id", expand=False))


@lru_cache(maxsize=64)
def _time_of(text: str) -> time:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time of day in WIB: write 00:00 to 23:59")
    return time(int(found[1]), int(found[2]))
