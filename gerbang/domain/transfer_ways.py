"""By which of Indonesia's payment systems a transfer goes: which amounts each takes, and when it is open.

Limits and hours are data, which a contract may replace. Those of BI-FAST (any time, to Rp 250 million), the switcher (any time, to
Rp 50 million) and SKN (to Rp 1 billion) are published; the hours of SKN and RTGS are each bank's own, and these are cautious ones.
(`shared/reference`: sections A9, F1.)
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from gerbang.clock import WIB, wib
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.money import rupiah

Way = Literal["same_bank", "bi_fast", "switcher", "skn", "rtgs"]
WAYS: tuple[Way, ...] = get_args(Way)
"""In the order in which they are preferred: the money is there sooner, and costs less."""
DAYS_AHEAD_MAX = 40
"""A way that does not open in so many days does not open."""
_DAY = timedelta(days=1)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a way takes, and when."""

    minimum: int = 0
    """Minor units; both ends are included."""
    maximum: int | None = None
    windows: tuple[tuple[time, time], ...] = ()
    """Of working days in Jakarta's time, without their ends; none: open at any time of any day."""

    def takes(self, amount: int) -> bool:
        """Whether an amount is not too small and not too large."""
        return self.minimum <= amount and (self.maximum is None or amount <= self.maximum)

    def opens_at(self, at: datetime, calendar: BankCalendar) -> datetime | None:
        """The first instant from this one on at which it is open; None where there is none for long."""
        if not self.windows:
            return at
        local = wib(at)
        for ahead in range(DAYS_AHEAD_MAX):
            day = local.date() + ahead * _DAY
            for opens, closes in self._on(day, calendar):
                if closes > local:
                    return max(opens, local).astimezone(UTC)
        return None

    def _on(self, day: date, calendar: BankCalendar) -> Iterable[tuple[datetime, datetime]]:
        if calendar.is_working_day(day):
            for opens, closes in sorted(self.windows):
                yield datetime.combine(day, opens, WIB), datetime.combine(day, closes, WIB)


DEFAULTS: Mapping[Way, Limits] = {
    "same_bank": Limits(),
    "bi_fast": Limits(maximum=rupiah(250_000_000)),
    "switcher": Limits(maximum=rupiah(50_000_000)),
    "skn": Limits(maximum=rupiah(1_000_000_000), windows=((time(8), time(14, 30)),)),
    "rtgs": Limits(minimum=rupiah(100_000_000), windows=((time(8), time(15)),)),
}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract says of a way otherwise. Raises ValueError for hours that are none."""

    offered: bool | None = None
    minimum: int | None = None
    """Whole rupiah."""
    maximum: int | None = None
    windows: tuple[str, ...] | None = None
    """Such as "08:00-14:30"; an empty list: at any time."""

    def __post_init__(self) -> None:
        self.read_windows()

    def read_windows(self) -> tuple[tuple[time, time], ...]:
        """The windows as times."""
        found: list[tuple[time, time]] = []
        for text in self.windows or ():
            opens, _, closes = text.partition("-")
            try:
                found.append((time.fromisoformat(opens.strip()), time.fromisoformat(closes.strip())))
            except ValueError:
                raise ValueError(f'has a window "{text}", which must be such as "08:00-14:30"') from None
            if found[-1][0] >= found[-1][1]:
                raise ValueError(f'has a window "{text}" that ends before it begins')
        return tuple(found)

    def of(self, limits: Limits) -> Limits:
        """The limits with what is said otherwise."""
        if self.minimum is not None:
            limits = replace(limits, minimum=rupiah(self.minimum))
        if self.maximum is not None:
            limits = replace(limits, maximum=rupiah(self.maximum))
        return limits if self.windows is None else replace(limits, windows=self.read_windows())


def choose(
    amount: int, at: datetime, ways: Mapping[Way, Limits], calendar: BankCalendar
) -> tuple[Way, datetime] | None:
    """The way of an amount, and from when on it can go: now, where one of these ways is open, else the one that opens first.

    None where none of them ever takes it.
    """
    best: tuple[Way, datetime] | None = None
    for way in WAYS:
        limits = ways.get(way)
        if limits is None or not limits.takes(amount):
            continue
        opens_at = limits.opens_at(at, calendar)
        if opens_at is not None and (best is None or opens_at < best[1]):
            best = way, opens_at
    return best
