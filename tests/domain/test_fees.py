"""Fees of charges, exact to the sen (1/100 rupiah), compared with the amounts that the vendors' documents print."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gerbang.clock import WIB
from gerbang.domain.fees import VAT_RAISED_AT, Fee, Rate, fee_of, fee_out_of, vat_percent
from gerbang.domain.money import rupiah, two_places

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)

rates = st.builds(
    Rate,
    flat=st.integers(0, 10**7),
    percent=st.decimals(0, 10, places=2),
    vat_percent=st.sampled_from([None, Decimal(0), Decimal(11), Decimal(12)]),
)
amounts = st.integers(1, 10**14)


@pytest.mark.parametrize(
    ("rate", "amount", "total"),
    [
        (Rate(flat=rupiah(3_300)), rupiah(50_000), "3663.00"),
        (Rate(flat=rupiah(4_000)), rupiah(20_000), "4440.00"),
        (Rate(percent=Decimal("0.7")), rupiah(15_000), "116.55"),
        (Rate(percent=Decimal("0.7")), rupiah(99_000), "769.23"),
        (Rate(flat=rupiah(1_000), percent=Decimal("1.5")), rupiah(100_000), "2775.00"),
        (Rate(flat=rupiah(3_300), vat_percent=Decimal(0)), rupiah(50_000), "3300.00"),
        (Rate(), rupiah(50_000), "0.00"),
    ],
)
def test_a_fee_is_the_one_that_the_vendors_documents_print(rate: Rate, amount: int, total: str) -> None:
    assert two_places(fee_of(rate, amount, NOW).total) == total


@pytest.mark.parametrize(("amount", "total"), [(99, 0), (100, 1), (299, 1), (300, 2), (499, 2), (500, 3)])
def test_half_a_sen_is_rounded_up_and_less_than_half_is_dropped(amount: int, total: int) -> None:
    assert fee_of(Rate(percent=Decimal("0.5"), vat_percent=Decimal(0)), amount, NOW) == Fee(total=total, vat=0)


@pytest.mark.parametrize(("amount", "total", "vat"), [(rupiah(15_000), 11_655, 1_155), (150, 1, 0), (1_430, 11, 1)])
def test_vat_is_the_difference_of_two_rounded_amounts(amount: int, total: int, vat: int) -> None:
    assert fee_of(Rate(percent=Decimal("0.7")), amount, NOW) == Fee(total=total, vat=vat)


def test_a_flat_fee_is_the_same_for_every_amount() -> None:
    assert {fee_of(Rate(flat=rupiah(3_300)), amount, NOW) for amount in (1, 10**6, 10**14)} == {
        Fee(total=rupiah(3_663), vat=rupiah(363))
    }


@given(rates, amounts)
def test_net_and_vat_add_up_to_the_total_fee(rate: Rate, amount: int) -> None:
    fee = fee_of(rate, amount, NOW)
    assert fee.net + fee.vat == fee.total
    assert fee.net >= 0
    assert fee.vat >= 0


@given(rates, amounts)
def test_a_fee_is_at_most_half_a_sen_from_the_exact_one(rate: Rate, amount: int) -> None:
    net = rate.flat + amount * rate.percent / 100
    vat = vat_percent(NOW) if rate.vat_percent is None else rate.vat_percent
    fee = fee_of(rate, amount, NOW)
    assert abs(fee.total - net * (100 + vat) / 100) <= Decimal("0.5")
    assert abs(fee.net - net) <= Decimal("0.5")


@given(
    st.builds(
        Rate,
        flat=st.integers(0, 10**12),
        percent=st.decimals(0, 100, places=30),
        vat_percent=st.decimals(0, 100, places=30),
    ),
    st.integers(1, 10**18),
)
@example(Rate(percent=Decimal("0." + 31 * "4" + "9"), vat_percent=Decimal(0)), 100)
@example(Rate(percent=Decimal("0.4" + 31 * "9"), vat_percent=Decimal(0)), 100)
def test_a_fee_is_exact_for_any_number_of_decimals_and_any_amount(rate: Rate, amount: int) -> None:
    assert rate.vat_percent is not None
    net = rate.flat + amount * Fraction(rate.percent) / 100
    gross = net * (100 + Fraction(rate.vat_percent)) / 100
    fee = fee_of(rate, amount, NOW)
    assert (fee.total, fee.net) == (floor(gross + Fraction(1, 2)), floor(net + Fraction(1, 2)))


@given(rates, amounts)
def test_a_larger_amount_never_has_a_smaller_fee(rate: Rate, amount: int) -> None:
    assert fee_of(rate, amount + 1, NOW).total >= fee_of(rate, amount, NOW).total


def test_vat_is_10_percent_until_31_march_2022_and_11_from_midnight_in_jakarta() -> None:
    assert datetime(2022, 4, 1, tzinfo=WIB) == VAT_RAISED_AT
    for at, percent in [(VAT_RAISED_AT - timedelta(microseconds=1), 10), (VAT_RAISED_AT, 11), (NOW, 11)]:
        assert vat_percent(at) == percent
        assert fee_of(Rate(flat=10_000), 1, at) == Fee(total=10_000 + 100 * percent, vat=100 * percent)


@pytest.mark.parametrize(("flat", "total"), [(rupiah(4_000), "4400.00"), (rupiah(3_300), "3630.00")])
def test_fees_of_2020_are_as_printed_in_the_documents_of_that_year(flat: int, total: str) -> None:
    assert two_places(fee_of(Rate(flat=flat), rupiah(100_000), datetime(2020, 10, 19, tzinfo=UTC)).total) == total


def test_an_agreed_vat_rate_does_not_change_with_the_law() -> None:
    agreed = Rate(flat=10_000, vat_percent=Decimal(0))
    assert {fee_of(agreed, 1, at).vat for at in (VAT_RAISED_AT - timedelta(days=1), NOW)} == {0}


@pytest.mark.parametrize(
    ("amount", "fee"),
    [
        (rupiah(20_000), Fee(total=366_300, vat=36_300)),
        (366_300, Fee(total=366_300, vat=36_300)),
        (366_299, Fee(total=366_299, vat=36_300)),
        (rupiah(1), Fee(total=100, vat=10)),
        (1, Fee(total=1, vat=0)),
    ],
)
def test_a_fee_is_at_most_the_amount_that_it_is_taken_from(amount: int, fee: Fee) -> None:
    assert fee_out_of(Rate(flat=rupiah(3_300)), amount, NOW) == fee


@given(rates, amounts)
def test_the_amount_after_the_fee_is_never_negative(rate: Rate, amount: int) -> None:
    fee = fee_out_of(rate, amount, NOW)
    assert 0 <= fee.vat <= fee.total <= amount
    assert fee.total in (amount, fee_of(rate, amount, NOW).total)
