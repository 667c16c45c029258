"""Timestamps of partners: the usual form is read as every other one is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.clock import WIB
from gerbang.connections.snap import times


@given(st.datetimes(timezones=st.just(WIB), min_value=datetime(1, 1, 2)))
def test_what_is_written_is_read_as_its_other_forms_are(at: datetime) -> None:
    at = at.replace(microsecond=0)
    written = at.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    forms = {times.read(f"{written}{zone}") for zone in ("+07:00", "+0700", ".000+07:00", "")}
    assert forms == {at.astimezone(UTC)}


@pytest.mark.parametrize("day", ["2025-02-29", "2025-13-01", "0000-01-01", "2025-00-10"])
@pytest.mark.parametrize("hour", ["00:00:00", "24:00:00", "23:60:00", "23:59:60"])
@pytest.mark.parametrize("zone", ["+07:00", "+0700"])
def test_a_day_that_is_none_is_no_time(day: str, hour: str, zone: str) -> None:
    assert times.read(f"{day}T{hour}{zone}") is None


@pytest.mark.parametrize("hour", ["24:00:00", "23:60:00", "23:59:60", "2३:00:00", "1:00:00"])
@pytest.mark.parametrize("zone", ["+07:00", "+0700"])
def test_an_hour_that_is_none_is_no_time(hour: str, zone: str) -> None:
    assert times.read(f"2025-07-01T{hour}{zone}") is None
    assert times.read(f"2025-07-01T09:15:00{zone}") == datetime(2025, 7, 1, 2, 15, tzinfo=UTC)
    assert times.read("0001-01-01T00:00:00+07:00") is None, "it is before the first instant"
    assert times.read(times.written(datetime.now(UTC) - timedelta(days=1))) is not None
