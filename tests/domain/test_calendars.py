"""Bank working days and settlement times: money settles on the scheduled working day in Jakarta time (WIB, UTC+7)."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.clock import WIB
from gerbang.domain.calendars import BankCalendar, Schedule, parse, settles_at

CALENDAR = BankCalendar()
DAY = timedelta(days=1)


def corrected(closed: frozenset[date], opened: frozenset[date]) -> BankCalendar:
    return BankCalendar(extra=closed - opened, open_=opened)


days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
some_days = st.frozensets(days, max_size=8)
calendars = st.builds(corrected, some_days, some_days)
instants = st.datetimes(datetime(2015, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))
times = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
schedules = st.builds(Schedule, working_days=st.integers(1, 10), cut_off=times, at=times)


def on(text: str) -> date:
    return date.fromisoformat(text)


def in_jakarta(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WIB)


def closed_weekdays(year: int) -> str:
    first = date(year, 1, 1)
    every = [first + DAY * offset for offset in range((date(year + 1, 1, 1) - first).days)]
    return " ".join(f"{day:%m-%d}" for day in every if day.weekday() < 5 and not CALENDAR.is_working_day(day))


def test_the_bank_holidays_of_2025_are_those_of_the_joint_ministerial_decrees() -> None:
    assert closed_weekdays(2025) == (
        "01-01 01-27 01-28 01-29 03-28 03-31 04-01 04-02 04-03 04-04 04-07 04-18 05-01 05-12 05-13 05-29 05-30 06-06"
        " 06-09 06-27 08-18 09-05 12-25 12-26"
    )


def test_the_bank_holidays_of_2026_are_those_of_the_joint_ministerial_decree() -> None:
    assert closed_weekdays(2026) == (
        "01-01 01-16 02-16 02-17 03-18 03-19 03-20 03-23 03-24 04-03 05-01 05-14 05-15 05-27 05-28 06-01 06-16 08-17"
        " 08-25 12-24 12-25"
    )


def test_banks_are_closed_from_28_march_to_7_april_for_eid_2025() -> None:
    closed = [on("2025-03-28") + DAY * offset for offset in range(11)]
    assert closed[-1] == on("2025-04-07")
    assert not any(CALENDAR.is_working_day(day) for day in closed)
    assert CALENDAR.is_working_day(on("2025-03-27")) and CALENDAR.is_working_day(on("2025-04-08"))


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2025-07-01", 1, "2025-07-02"),  # an ordinary Tuesday
        ("2025-07-04", 1, "2025-07-07"),  # over a weekend
        ("2025-07-05", 1, "2025-07-07"),  # from a Saturday
        ("2025-07-06", 3, "2025-07-09"),  # from a Sunday
        ("2025-03-27", 1, "2025-04-08"),  # over the whole of Eid
        ("2025-03-30", 3, "2025-04-10"),  # from within Eid
        ("2025-08-15", 1, "2025-08-19"),  # Independence Day on a Sunday, and the joint holiday after it
        ("2026-08-14", 1, "2026-08-18"),  # Independence Day on a Monday
        ("2025-12-24", 1, "2025-12-29"),  # Christmas, its joint holiday and a weekend
        ("2025-12-31", 1, "2026-01-02"),  # New Year
        ("2020-12-30", 1, "2021-01-04"),  # a joint holiday on 31 December, New Year and a weekend
        ("2020-10-19", 3, "2020-10-22"),  # the week before the joint holidays of October 2020
        ("2020-10-27", 1, "2020-11-02"),  # over those joint holidays, 28 to 30 October, and a weekend
    ],
)
def test_working_days_are_counted_over_weekends_and_holidays(day: str, count: int, expected: str) -> None:
    assert CALENDAR.after(on(day), count) == on(expected)


@pytest.mark.parametrize("day", ["2025-07-01", "2025-07-05", "2025-04-01"])
def test_zero_working_days_later_is_the_day_itself_even_if_banks_are_closed(day: str) -> None:
    assert CALENDAR.after(on(day), 0) == on(day)


def test_a_negative_number_of_days_is_refused() -> None:
    with pytest.raises(ValueError, match="in the past"):
        CALENDAR.after(on("2025-07-01"), -1)


@given(calendar=calendars, day=days, count=st.integers(1, 20))
def test_the_day_found_is_a_working_day_and_the_right_number_of_working_days_later(
    calendar: BankCalendar, day: date, count: int
) -> None:
    later = calendar.after(day, count)
    passed = [day + DAY * offset for offset in range(1, (later - day).days + 1)]
    assert calendar.is_working_day(later)
    assert sum(calendar.is_working_day(each) for each in passed) == count


@given(calendar=calendars, day=days, first=st.integers(0, 10), then=st.integers(0, 10))
def test_counting_in_two_steps_gives_the_same_day_as_counting_in_one(
    calendar: BankCalendar, day: date, first: int, then: int
) -> None:
    assert calendar.after(calendar.after(day, first), then) == calendar.after(day, first + then)


def test_an_operator_can_close_a_day() -> None:
    calendar = BankCalendar(extra=frozenset({on("2025-07-02")}))
    assert not calendar.is_working_day(on("2025-07-02"))
    assert calendar.after(on("2025-07-01"), 1) == on("2025-07-03")


@pytest.mark.parametrize("day", ["2017-06-30", "2025-07-05"])  # a joint holiday on which banks worked; a Saturday
def test_an_operator_can_open_a_day(day: str) -> None:
    calendar = BankCalendar(open_=frozenset({on(day)}))
    assert not CALENDAR.is_working_day(on(day))
    assert calendar.is_working_day(on(day))
    assert calendar.after(on(day) - DAY, 1) == on(day)


def test_a_day_cannot_be_both_closed_and_open() -> None:
    both = frozenset({on("2025-07-02")})
    with pytest.raises(ValueError, match="2025-07-02 cannot be closed and open"):
        BankCalendar(extra=both, open_=both)


@pytest.mark.parametrize(
    ("working_days", "paid_at", "expected"),
    [
        (3, "2020-10-19T09:12:48", "2020-10-22T10:00"),  # the example in the one-time payment reference
        (1, "2025-07-01T00:00", "2025-07-02T10:00"),
        (1, "2025-07-01T22:59:59.999999", "2025-07-02T10:00"),
        (1, "2025-07-01T23:00", "2025-07-03T10:00"),  # at the cut-off: counts as the next day
        (1, "2025-07-01T23:59:59.999999", "2025-07-03T10:00"),
        (1, "2025-07-04T23:00", "2025-07-07T10:00"),  # after the cut-off on Friday: counts as Saturday
        (1, "2025-07-06T22:59", "2025-07-07T10:00"),
        (1, "2025-07-06T23:00", "2025-07-08T10:00"),  # after the cut-off on Sunday: counts as Monday
        (1, "2025-03-27T22:00", "2025-04-08T10:00"),
        (1, "2025-03-27T23:00", "2025-04-08T10:00"),  # counts as the first day of Eid
        (1, "2025-12-31T23:30", "2026-01-02T10:00"),
    ],
)
def test_money_settles_on_the_scheduled_working_day(working_days: int, paid_at: str, expected: str) -> None:
    settled_at = settles_at(Schedule(working_days), in_jakarta(paid_at).astimezone(UTC), CALENDAR)
    assert settled_at == in_jakarta(expected)


def test_the_day_of_payment_is_the_day_in_jakarta_and_not_in_utc() -> None:
    paid_at = datetime(2025, 7, 1, 17, 30, tzinfo=UTC)  # 00:30 on 2 July in Jakarta
    assert settles_at(Schedule(1), paid_at, CALENDAR) == in_jakarta("2025-07-03T10:00")


def test_an_instant_may_be_in_any_time_zone() -> None:
    paid_at = datetime.fromisoformat("2025-07-02T02:30:00+09:00")  # 00:30 on 2 July in Jakarta
    assert settles_at(Schedule(0), paid_at, CALENDAR) == paid_at
    assert settles_at(Schedule(1), paid_at, CALENDAR) == in_jakarta("2025-07-03T10:00")


def test_a_schedule_can_have_its_own_cut_off_and_settlement_time() -> None:
    schedule = Schedule(2, cut_off="15:00", at="08:30")
    assert settles_at(schedule, in_jakarta("2025-07-01T14:59"), CALENDAR) == in_jakarta("2025-07-03T08:30")
    assert settles_at(schedule, in_jakarta("2025-07-01T15:00"), CALENDAR) == in_jakarta("2025-07-04T08:30")


@given(paid_at=instants, calendar=calendars)
def test_with_zero_working_days_money_settles_when_it_is_paid_on_any_day(
    paid_at: datetime, calendar: BankCalendar
) -> None:
    assert settles_at(Schedule(0), paid_at, calendar) == paid_at


@given(schedule=schedules, paid_at=instants, calendar=calendars)
def test_money_settles_after_it_was_paid_on_a_working_day_at_the_scheduled_time(
    schedule: Schedule, paid_at: datetime, calendar: BankCalendar
) -> None:
    settled_at = settles_at(schedule, paid_at, calendar)
    assert settled_at > paid_at
    assert settled_at.tzinfo is UTC
    assert f"{settled_at.astimezone(WIB):%H:%M:%S.%f}" == f"{schedule.at}:00.000000"
    assert calendar.is_working_day(settled_at.astimezone(WIB).date())


@given(schedule=schedules, both=st.tuples(instants, instants), calendar=calendars)
def test_money_that_was_paid_earlier_never_settles_later(
    schedule: Schedule, both: tuple[datetime, datetime], calendar: BankCalendar
) -> None:
    earlier, later = sorted(both)
    assert settles_at(schedule, earlier, calendar) <= settles_at(schedule, later, calendar)


@pytest.mark.parametrize("working_days", [0, 1])
def test_an_instant_without_a_time_zone_is_refused(working_days: int) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        settles_at(Schedule(working_days), datetime(2025, 7, 1, 12), CALENDAR)


@pytest.mark.parametrize("text", ["", "24:00", "9:00", "23:60", "23:00:00", "١٢:00", "10:00 "])
def test_a_time_that_no_clock_shows_is_refused_when_the_schedule_is_made(text: str) -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        Schedule(1, cut_off=text)
    with pytest.raises(ValueError, match="not a time of day"):
        Schedule(1, at=text)


@pytest.mark.parametrize("working_days", [-1, 61])
def test_a_schedule_outside_0_to_60_working_days_is_refused(working_days: int) -> None:
    with pytest.raises(ValueError, match="0 to 60"):
        Schedule(working_days)
    with pytest.raises(msgspec.ValidationError, match="0 to 60"):
        msgspec.convert({"working_days": working_days}, Schedule)


def test_corrections_are_parsed_with_spaces_and_a_trailing_comma() -> None:
    calendar = parse(" +2026-03-25, -2017-06-30,+2026-12-31 ,")
    assert calendar == BankCalendar(
        extra=frozenset({on("2026-03-25"), on("2026-12-31")}), open_=frozenset({on("2017-06-30")})
    )


@pytest.mark.parametrize("text", ["", "  ", ","])
def test_an_empty_list_of_corrections_changes_nothing(text: str) -> None:
    assert parse(text) == CALENDAR


@given(calendar=calendars)
def test_every_calendar_can_be_written_as_corrections_and_parsed_again(calendar: BankCalendar) -> None:
    written = [f"+{day}" for day in calendar.extra] + [f"-{day}" for day in calendar.open_]
    assert parse(",".join(written)) == calendar


@pytest.mark.parametrize(
    "text",
    ["2026-03-20", "+20260320", "+2026-W12-5", "+2026-3-20", "−2026-03-20", "+2026-03-20;-2026-05-02", "+-2026-03-20"],
)
def test_a_correction_in_the_wrong_format_is_refused_and_the_error_shows_the_right_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a bank day: write \+2026-03-25"):
        parse(text)


def test_a_correction_for_a_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no calendar has a 2026-02-30"):
        parse("+2026-02-30")


def test_a_correction_that_both_closes_and_opens_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-03-25 cannot be closed and open"):
        parse("+2026-03-25,-2026-03-25")
