"""The door of time: the only file that asks the machine what time it is.

Everything else is handed a `Clock`, or better, the instant itself. Instants are aware and in UTC.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesia Time, the zone of Jakarta and of the banks' business days. It has no daylight saving."""


class Clock(Protocol):
    """Whoever can say what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that can be moved forward, never back: the sandbox's clock, and the tests'.

    It ticks on with the machine's monotonic time, so a correction of the system clock while it runs cannot turn it
    back either. `ticking=False` makes it stand still between moves.

    Raises `ValueError` if the start has no time zone.
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
        """A clock this far ahead of the system clock (or behind, if negative): a stored sandbox clock comes back."""
        clock = cls(ticking=ticking)
        clock._instant += offset
        clock._offset = offset
        return clock

    @property
    def offset(self) -> timedelta:
        """How far the clock was set ahead of the system clock: what to store so that `from_offset` continues it.

        It is what was set, not what is measured: it changes only by moving.
        """
        return self._offset

    def set_offset(self, offset: timedelta) -> None:
        """Set it before it is used: this far ahead of the system clock, or behind it."""
        self._instant += offset - self._offset
        self._offset = offset

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        if self._ticking:
            return self._instant + timedelta(0, time.monotonic() - self._mark)
        return self._instant

    def move_to(self, instant: datetime) -> None:
        """Make it `instant` now, and tick on from there.

        Raises `ValueError` if that is in this clock's past, or if the instant has no time zone.
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
    """The same instant as a wall clock in Jakarta shows it (UTC+7).

    Raises `ValueError` if the instant has no time zone: guessing one would shift a bank's business day.
    """
    _demand_zone(instant)
    return instant.astimezone(WIB)


def _in_utc(instant: datetime) -> datetime:
    _demand_zone(instant)
    return instant.astimezone(UTC)


def _demand_zone(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
