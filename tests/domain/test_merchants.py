"""A number range: its first and last number, and how its numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain.merchants import NumberRange


def test_a_range_without_bounds_has_every_number_of_that_many_digits() -> None:
    numbers = NumberRange(prefix="76630000", digits=6)
    assert numbers.size == 1_000_000
    assert (numbers.number(0), numbers.number(999_999)) == ("76630000000000", "76630000999999")


def test_a_range_includes_its_first_and_last_number() -> None:
    numbers = NumberRange(prefix="76990131", digits=8, first=99_990_000, last=99_999_999)
    assert numbers.size == 10_000
    assert (numbers.number(0), numbers.number(9_999)) == ("7699013199990000", "7699013199999999")


@given(st.integers(1, 8), st.integers(0, 99), st.integers(0, 99))
def test_all_numbers_of_a_range_are_distinct_and_equally_long(digits: int, first: int, more: int) -> None:
    last = min(first + more, 10**digits - 1)
    first = min(first, last)
    numbers = NumberRange(prefix="1270", digits=digits, first=first, last=last)
    all_ = [numbers.number(index) for index in range(numbers.size)]
    assert len(set(all_)) == len(all_) == last - first + 1
    assert {len(number) for number in all_} == {4 + digits}


@pytest.mark.parametrize("last", [0, None])
def test_a_last_number_of_zero_is_not_taken_as_no_last_number(last: int | None) -> None:
    assert NumberRange(prefix="1", digits=2, last=last).size == (1 if last == 0 else 100)
