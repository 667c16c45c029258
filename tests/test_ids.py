"""Identifiers: they do not repeat, cannot be guessed, and UUIDv7s sort by time."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang import ids

NOW = datetime(2026, 1, 5, 1, 0, 0, 123_456, tzinfo=UTC)


def milliseconds_of(made: UUID) -> int:
    return made.int >> 80


def test_a_uuid7_carries_its_version_variant_and_millisecond() -> None:
    made = ids.uuid7(NOW + timedelta(days=1))
    assert made.version == 7
    assert made.variant == RFC_4122
    assert datetime.fromtimestamp(milliseconds_of(made) / 1000, UTC) == (NOW + timedelta(days=1)).replace(
        microsecond=123_000
    )


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_the_time_in_a_uuid7_is_the_millisecond_of_the_instant_passed_in(instant: datetime) -> None:
    expected = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    made = ids.uuid7(instant)
    assert milliseconds_of(made) == expected
    assert (made.version, made.variant) == (7, RFC_4122)


def test_uuid7s_of_one_millisecond_sort_in_the_order_of_creation() -> None:
    instant = NOW + timedelta(days=2)
    made = [ids.uuid7(instant) for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_full_counter_carries_into_the_next_milliseconds_in_order() -> None:
    instant = NOW + timedelta(days=3)
    many = [ids.uuid7(instant) for _ in range(10_000)]
    later = [ids.uuid7(instant + timedelta(milliseconds=step)) for step in range(1, 5)]
    assert many + later == sorted(many + later)


def test_uuid7s_of_later_milliseconds_sort_later() -> None:
    made = [ids.uuid7(NOW + timedelta(days=4, milliseconds=step)) for step in range(1_000)]
    assert made == sorted(made)


def test_an_earlier_instant_is_used_as_passed_in() -> None:
    ids.uuid7(NOW + timedelta(days=5))
    assert milliseconds_of(ids.uuid7(NOW)) == (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_a_uuid7_of_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        ids.uuid7(datetime(2026, 1, 5))


def test_the_random_bits_of_a_uuid7_are_all_used() -> None:
    seen_set, seen_clear = 0, 0
    for step in range(200):
        bits = ids.uuid7(NOW + timedelta(days=6, seconds=step)).int
        seen_set |= bits
        seen_clear |= ~bits
    low_62_bits = (1 << 62) - 1
    assert seen_set & low_62_bits == low_62_bits
    assert seen_clear & low_62_bits == low_62_bits


def test_a_uuid4_carries_its_version_and_uses_all_other_bits() -> None:
    seen_set, seen_clear = 0, 0
    for _ in range(200):
        made = ids.uuid4()
        assert (made.version, made.variant) == (4, RFC_4122)
        seen_set |= made.int
        seen_clear |= ~made.int
    fixed = 0xF << 76 | 0b11 << 62
    free = (1 << 128) - 1 ^ fixed
    assert seen_set & free == free
    assert seen_clear & free == free


def test_ten_thousand_random_identifiers_never_repeat() -> None:
    for make in (ids.uuid4, ids.trace_id, lambda: ids.hex_id(24), ids.secret):
        made = [make() for _ in range(10_000)]
        assert len(set(made)) == len(made)


def test_a_forked_child_does_not_repeat_the_random_values_of_its_parent() -> None:
    # In a process of its own: forking a process with threads, such as the test run, is not safe.
    script = """
import os, sys
from gerbang import ids
ids.uuid4()  # the buffer of random words is now partly used
if os.fork() == 0:
    print(ids.uuid4(), flush=True)
    os._exit(0)
os.wait()
print(ids.uuid4())
"""
    drawn = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert len(drawn) == 2
    assert len(set(drawn)) == 2


@pytest.mark.parametrize(("bytes_count", "length"), [(16, 22), (32, 43), (48, 64)])
def test_a_secret_holds_as_many_bytes_as_asked_and_fits_in_a_url(bytes_count: int, length: int) -> None:
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{{length}}}", ids.secret(bytes_count))


def test_a_secret_has_256_bits_by_default() -> None:
    assert len(ids.secret()) == 43


@given(st.integers(min_value=0, max_value=64))
def test_identifiers_are_as_long_as_asked(count: int) -> None:
    assert re.fullmatch(rf"[0-9a-f]{{{count}}}", ids.hex_id(count))
    assert re.fullmatch(rf"[0-9]{{{count}}}", ids.digits(count))
    assert re.fullmatch(rf"[{ids.UNAMBIGUOUS}]{{{count}}}", ids.alphanumeric(count))


def test_references_for_people_use_every_unambiguous_letter_and_no_other() -> None:
    assert not set("0O1Iabc") & set(ids.UNAMBIGUOUS)
    assert set(ids.alphanumeric(5_000)) == set(ids.UNAMBIGUOUS)


def test_digits_may_begin_with_zero() -> None:
    assert {ids.digits(2)[0] for _ in range(2_000)} == set("0123456789")


def test_between_includes_both_bounds_and_nothing_beyond() -> None:
    assert {ids.between(3, 7) for _ in range(1_000)} == {3, 4, 5, 6, 7}
    assert ids.between(9, 9) == 9
    with pytest.raises(ValueError, match="no number from 2 to 1"):
        ids.between(2, 1)


def test_a_trace_id_is_a_w3c_trace_id() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", ids.trace_id())
