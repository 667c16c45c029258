"""The only file that reads the system clock.

Everything else is passed a `Clock`, or better, the instant itself. Instants are aware datetimes in UTC.
"""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesia Time, the time zone of Jakarta and of the banks' business days. It has no daylight saving."""


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The system clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that can be moved forward, never back. The sandbox and the tests use it.

    It advances with the monotonic clock, so a correction of the system clock cannot turn it back either. With
    `ticking=False` it changes only when it is moved. Raises `ValueError` if `start` has no time zone.
    """

    __slots__ = ("_instant", "_mark", "_offset", "_ticking")

    def __init__(self, start: datetime | None = None, *, ticking: bool = True) -> None:
        system_now = datetime.now(UTC)
        self._mark = time.monotonic()
        self._instant = system_now if start is None else _in_utc(start)
        self._offset = self._instant - system_now
        self._ticking = ticking

    @classmethod
    def from_offset(cls, offset: timedelta, *, ticking: bool = True) -> "MovableClock":
        """A clock that is `offset` ahead of the system clock (behind, if negative): restores a stored sandbox clock."""
        clock = cls(ticking=ticking)
        clock._instant += offset
        clock._offset = offset
        return clock

    @property
    def offset(self) -> timedelta:
        """How far the clock was moved ahead of the system clock; `from_offset` restores the clock from it.

        It is the sum of the moves, not a measured difference, so it changes only when the clock is moved.
        """
        return self._offset

    def set_offset(self, offset: timedelta) -> None:
        """Set the clock to `offset` ahead of the system clock (behind, if negative).

        Only before the first use: it may go back.
        """
        self._instant += offset - self._offset
        self._offset = offset

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        if self._ticking:
            return self._instant + timedelta(0, time.monotonic() - self._mark)
        return self._instant

    def move_to(self, instant: datetime) -> None:
        """Set the current time to `instant` and advance from there.

        Raises `ValueError` if `instant` is in this clock's past or has no time zone.
        """
        mark = time.monotonic()
        present = self._instant + timedelta(0, mark - self._mark) if self._ticking else self._instant
        ahead = _in_utc(instant) - present
        if ahead < timedelta(0):
            raise ValueError(f"the clock shows {present.isoformat()} and cannot go back to {instant.isoformat()}")
        self._instant = present + ahead
        self._mark = mark
        self._offset += ahead

    def advance(self, duration: timedelta) -> None:
        """Move forward by `duration`. Raises `ValueError` if it is negative."""
        if duration < timedelta(0):
            raise ValueError(f"the clock cannot go back by {-duration}")
        self._instant += duration
        self._offset += duration


def wib(instant: datetime) -> datetime:
    """The same instant in Jakarta's local time (UTC+7).

    Raises `ValueError` if the instant has no time zone: a wrong guess would shift a bank's business day.
    """
    _demand_zone(instant)
    return instant.astimezone(WIB)


def midnight(day: date) -> datetime:
    """When a day begins in Jakarta."""
    return datetime(day.year, day.month, day.day, tzinfo=WIB).astimezone(UTC)


def _in_utc(instant: datetime) -> datetime:
    _demand_zone(instant)
    return instant.astimezone(UTC)


def _demand_zone(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
