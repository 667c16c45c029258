"""Amounts are whole sen (1/100 rupiah); they are written in one format for programs and in one for people."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain import money

minors = st.integers(-(10**18), 10**18)


@pytest.mark.parametrize(
    ("minor", "with_two_places", "for_people"),
    [
        (0, "0.00", "Rp 0"),
        (1, "0.01", "Rp 0,01"),
        (99, "0.99", "Rp 0,99"),
        (100, "1.00", "Rp 1"),
        (11_655, "116.55", "Rp 116,55"),
        (366_300, "3663.00", "Rp 3.663"),
        (1_000_000, "10000.00", "Rp 10.000"),
        (123_456_789_012, "1234567890.12", "Rp 1.234.567.890,12"),
        (999_999_999_999_999_900, "9999999999999999.00", "Rp 9.999.999.999.999.999"),
    ],
)
def test_money_is_written_for_programs_and_for_people(minor: int, with_two_places: str, for_people: str) -> None:
    assert money.two_places(minor) == with_two_places
    assert money.readable(minor) == for_people


@pytest.mark.parametrize(("minor", "written"), [(-1, "-0.01"), (-50, "-0.50"), (-100, "-1.00"), (-11_655, "-116.55")])
def test_a_negative_amount_has_its_sign_first(minor: int, written: str) -> None:
    assert money.two_places(minor) == written
    assert money.readable(minor) == f"-Rp {written[1:].replace('.', ',')}".removesuffix(",00")


@given(minors)
def test_two_decimal_places_are_exact(minor: int) -> None:
    assert Decimal(money.two_places(minor)) * 100 == minor


@given(st.integers(0, 10**16))
def test_whole_rupiah_survive_the_conversion_to_sen_and_back(whole: int) -> None:
    assert money.whole_rupiah(money.rupiah(whole)) == whole
    assert money.in_rupiah(money.rupiah(whole)) == whole
    assert isinstance(money.in_rupiah(money.rupiah(whole)), int)


def test_an_amount_with_sen_is_refused_where_whole_rupiah_are_needed() -> None:
    with pytest.raises(ValueError, match="1999999 sen"):
        money.whole_rupiah(1_999_999)


@pytest.mark.parametrize(("minor", "number"), [(100, 1), (101, 1.01), (1_999_999, 19_999.99), (11_655, 116.55)])
def test_an_amount_with_sen_is_written_with_decimals(minor: int, number: float) -> None:
    assert money.in_rupiah(minor) == number
