"""A range of numbers: its first, its last, and how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain.merchants import NumberRange


def test_a_range_without_bounds_has_every_number_of_its_digits() -> None:
    numbers = NumberRange(prefix="76630000", digits=6)
    assert numbers.size == 1_000_000
    assert (numbers.number(0), numbers.number(999_999)) == ("76630000000000", "76630000999999")


def test_a_range_with_bounds_has_both_of_them() -> None:
    numbers = NumberRange(prefix="76990131", digits=8, first=99_990_000, last=99_999_999)
    assert numbers.size == 10_000
    assert (numbers.number(0), numbers.number(9_999)) == ("7699013199990000", "7699013199999999")


@given(st.integers(1, 8), st.integers(0, 99), st.integers(0, 99))
def test_all_numbers_of_a_range_are_different_and_equally_long(digits: int, first: int, more: int) -> None:
    last = min(first + more, 10**digits - 1)
    first = min(first, last)
    numbers = NumberRange(prefix="1270", digits=digits, first=first, last=last)
    all_ = [numbers.number(index) for index in range(numbers.size)]
    assert len(set(all_)) == len(all_) == last - first + 1
    assert {len(number) for number in all_} == {4 + digits}


@pytest.mark.parametrize("last", [0, None])
def test_zero_is_a_last_number_and_not_the_lack_of_one(last: int | None) -> None:
    assert NumberRange(prefix="1", digits=2, last=last).size == (1 if last == 0 else 100)
