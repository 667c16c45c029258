"""By which way money goes out: by amount, hour and day, and never by one that does not take it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.clock import WIB
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.money import rupiah
from gerbang.domain.transfer_ways import DEFAULTS, Change, Limits, Way, choose

CALENDAR = BankCalendar()
ELSEWHERE: dict[Way, Limits] = {way: limits for way, limits in DEFAULTS.items() if way != "same_bank"}
MILLION = rupiah(1_000_000)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of January 2026 in Jakarta; the 5th is a Monday."""
    return datetime(2026, 1, day, hour, minute, tzinfo=WIB).astimezone(UTC)


@pytest.mark.parametrize(
    ("amount", "when", "way", "opens"),
    [
        (10_000, at(4, 3), "bi_fast", at(4, 3)),
        (250 * MILLION, at(4, 3), "bi_fast", at(4, 3)),
        (250 * MILLION + 1, at(5, 9), "skn", at(5, 9)),
        (1_000 * MILLION, at(5, 9), "skn", at(5, 9)),
        (1_000 * MILLION + 1, at(5, 9), "rtgs", at(5, 9)),
        # After SKN has closed RTGS is still open, and takes what it may.
        (300 * MILLION, at(5, 14, 30), "rtgs", at(5, 14, 30)),
        (300 * MILLION, at(5, 15), "skn", at(6, 8)),
        (300 * MILLION, at(5, 7, 59), "skn", at(5, 8)),
        (300 * MILLION, at(9, 16), "skn", at(12, 8)),  # over a weekend
        (300 * MILLION, at(1, 9), "skn", at(2, 8)),  # over New Year's Day
    ],
)
def test_each_amount_goes_by_the_way_that_takes_it_and_is_open(
    amount: int, when: datetime, way: Way, opens: datetime
) -> None:
    assert choose(amount, when, ELSEWHERE, CALENDAR) == (way, opens)


def test_the_same_bank_is_preferred_and_never_closed() -> None:
    assert choose(5_000 * MILLION, at(4, 3), DEFAULTS, CALENDAR) == ("same_bank", at(4, 3))


def test_what_no_way_takes_has_none() -> None:
    without: dict[Way, Limits] = {"bi_fast": DEFAULTS["bi_fast"], "switcher": DEFAULTS["switcher"]}
    assert choose(251 * MILLION, at(5, 9), without, CALENDAR) is None
    assert choose(1, at(5, 9), {}, CALENDAR) is None
    closed = BankCalendar(extra=frozenset(date(2026, 1, 5) + timedelta(days=n) for n in range(60)))
    assert choose(1, at(5, 9), {"skn": DEFAULTS["skn"]}, closed) is None


def test_a_contract_changes_limits_and_hours() -> None:
    change = Change(maximum=500_000_000, windows=("13:00-16:00", "08:00-10:00"))
    limits = change.of(DEFAULTS["skn"])
    assert limits.maximum == 500 * MILLION
    for hour, opens in ((7, 8), (9, 9), (10, 13), (15, 15)):
        assert limits.opens_at(at(5, hour), CALENDAR) == at(5, opens)
    assert limits.opens_at(at(5, 16), CALENDAR) == at(6, 8)
    assert Change(windows=()).of(DEFAULTS["skn"]).opens_at(at(4, 3), CALENDAR) == at(4, 3)
    assert Change(minimum=5).of(DEFAULTS["skn"]).minimum == 500


@pytest.mark.parametrize("window", ["8-9", "08:00", "", "10:00-09:00", "09:00-09:00", "08:00-25:00"])
def test_hours_that_are_none_are_refused(window: str) -> None:
    with pytest.raises(ValueError, match="has a window"):
        Change(windows=(window,))


@given(
    amount=st.integers(1, 2_000 * MILLION),
    when=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC)),
)
def test_a_chosen_way_takes_the_amount_and_is_open_when_it_says(amount: int, when: datetime) -> None:
    chosen = choose(amount, when, ELSEWHERE, CALENDAR)
    assert chosen is not None
    way, opens = chosen
    assert opens >= when
    assert ELSEWHERE[way].takes(amount)
    assert ELSEWHERE[way].opens_at(opens, CALENDAR) == opens
