"""Codes inside remarks: what is found, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain.remarks import Codes, normal
from tests.support.speed import processor_seconds

CODES = {
    normal(code)
    for code in ("TRX000123456K", "0077777123456789", "inv-2026-001", "0197ab3c-77de-7f00-8a1b-2c3d4e5f6071")
}


def found(text: str) -> list[str]:
    return Codes.of(CODES, CODES).found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "BRIVA TRX000123456K BUDI",
        "trx000123456k",
        "TRX000123456K WS_OB;991;X",
        "A/TRX-000123-456-K/B",
        "TRX0001 23456K",
        "2811/TRX000123456K/0099",
    ],
)
def test_a_code_is_found_inside_a_remark(text: str) -> None:
    assert found(text) == ["TRX000123456K"]


@pytest.mark.parametrize(
    "text", ["BRIVA 77777123456789", "BRIVA0077777123456789BUDI", "0000077777123456789", "77777-123456789"]
)
def test_a_number_is_found_with_and_without_zeros_before_it(text: str) -> None:
    assert found(text) == ["77777123456789"]


@pytest.mark.parametrize(
    "text",
    ["INV-2026-0011", "XINV2026001", "INV-2026-00", "177777123456789", "777771234567890", "TRX000123456KA", "", "²³ ٣"],
)
def test_what_only_contains_a_code_is_another_one(text: str) -> None:
    assert found(text) == []


def test_the_longest_code_comes_first() -> None:
    known = {"INV20260001", "20260001"}
    assert Codes.of(known, known).found_in("INV 2026 0001") == ["INV20260001", "20260001"]


def test_short_codes_are_not_looked_for() -> None:
    assert Codes.of({"261128", "ORDER"}, {"261128", "ORDER"}).found_in("261128 ORDER") == []


letters = st.text("ABC123-/; ", max_size=12)
codes = st.text("ABC123-", min_size=8, max_size=20).filter(lambda code: len(normal(code)) >= 8)


@given(codes, letters, letters)
def test_any_code_is_found_wherever_it_stands_by_itself(code: str, before: str, after: str) -> None:
    # Next to a letter or a digit of the remark it would be another code.
    assert normal(code) in Codes.of({normal(code)}, {normal(code)}).found_in(f"{before} . {code.strip('-')} . {after}")


def test_a_long_remark_that_was_made_to_be_slow_takes_little_time() -> None:
    remark = "A1" * 20_000 + " 0" * 20_000
    assert found(remark) == []
    assert processor_seconds(lambda: found(remark)) < 2
