"""The clocks give aware UTC instants and never go back."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from gerbang.clock import WIB, Clock, MovableClock, SystemClock, wib

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=1)
"""A tolerance for a machine under load; a wrong clock is off by hours or days."""


def stopped(start: datetime = NEW_YEAR) -> MovableClock:
    return MovableClock(start, ticking=False)


@pytest.mark.parametrize("clock", [SystemClock(), MovableClock(), stopped()])
def test_every_clock_answers_an_aware_instant_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


def test_the_system_clock_shows_the_time_of_the_machine() -> None:
    before = datetime.now(UTC)
    shown = SystemClock().now()
    assert before <= shown <= datetime.now(UTC)


def test_a_movable_clock_starts_at_its_start_and_advances() -> None:
    clock = MovableClock(NEW_YEAR)
    first = clock.now()
    time.sleep(0.01)
    second = clock.now()
    assert timedelta(0) <= first - NEW_YEAR < SOON
    assert timedelta(milliseconds=10) <= second - first < SOON


def test_a_movable_clock_without_a_start_shows_the_time_of_the_machine() -> None:
    clock = MovableClock()
    assert clock.offset == timedelta(0)
    assert abs(clock.now() - datetime.now(UTC)) < SOON


def test_a_clock_that_does_not_tick_is_constant_between_moves() -> None:
    clock = stopped()
    time.sleep(0.002)
    assert clock.now() == NEW_YEAR
    clock.advance(timedelta(hours=1))
    assert clock.now() == NEW_YEAR + timedelta(hours=1)


def test_moving_to_an_instant_shows_exactly_that_instant() -> None:
    clock = stopped()
    clock.move_to(NEW_YEAR + timedelta(days=30))
    assert clock.now() == NEW_YEAR + timedelta(days=30)


def test_a_ticking_clock_advances_from_where_it_was_moved() -> None:
    clock = MovableClock(NEW_YEAR)
    clock.move_to(NEW_YEAR + timedelta(days=30))
    first = clock.now()
    time.sleep(0.002)
    assert NEW_YEAR + timedelta(days=30) <= first < clock.now() < NEW_YEAR + timedelta(days=30) + SOON


@pytest.mark.parametrize("ticking", [True, False])
def test_a_clock_never_goes_back(ticking: bool) -> None:
    clock = MovableClock(NEW_YEAR, ticking=ticking)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.move_to(NEW_YEAR - timedelta(microseconds=1))
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(timedelta(microseconds=-1))
    assert timedelta(0) <= clock.now() - NEW_YEAR < SOON


def test_moving_to_the_present_is_allowed() -> None:
    clock = stopped()
    clock.move_to(NEW_YEAR)
    assert clock.now() == NEW_YEAR


def test_the_offset_is_the_sum_of_the_moves_only() -> None:
    clock = MovableClock()
    clock.advance(timedelta(days=2))
    time.sleep(0.002)
    assert clock.offset == timedelta(days=2)


def test_the_offset_counts_a_move_to_an_instant() -> None:
    clock = MovableClock()
    target = datetime.now(UTC) + timedelta(days=1)
    clock.move_to(target)
    assert abs(clock.offset - timedelta(days=1)) < SOON


@pytest.mark.parametrize("offset", [timedelta(days=400), timedelta(0), timedelta(days=-3)])
def test_a_stored_offset_restores_the_clock(offset: timedelta) -> None:
    clock = MovableClock.from_offset(offset)
    assert clock.offset == offset
    assert abs(clock.now() - (datetime.now(UTC) + offset)) < SOON


def test_a_start_in_another_zone_is_the_same_instant_in_utc() -> None:
    clock = stopped(datetime(2026, 1, 1, 7, tzinfo=timezone(timedelta(hours=7))))
    assert clock.now() == NEW_YEAR
    assert clock.now().tzinfo is UTC


def test_an_instant_without_a_zone_is_refused_everywhere() -> None:
    naive = datetime(2026, 1, 1)
    with pytest.raises(ValueError, match="no time zone"):
        MovableClock(naive)
    with pytest.raises(ValueError, match="no time zone"):
        stopped().move_to(naive)
    with pytest.raises(ValueError, match="no time zone"):
        wib(naive)


def test_the_business_day_in_jakarta_begins_seven_hours_before_utc() -> None:
    last_evening = datetime(2025, 12, 31, 17, tzinfo=UTC)
    assert wib(last_evening).date() == date(2026, 1, 1)
    assert wib(last_evening - timedelta(microseconds=1)).date() == date(2025, 12, 31)
    assert wib(last_evening) == last_evening
    assert wib(last_evening).isoformat() == "2026-01-01T00:00:00+07:00"
    assert WIB.utcoffset(None) == timedelta(hours=7)
