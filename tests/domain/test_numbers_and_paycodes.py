"""The numbers of a range and their order, and the quarantine of a number after its payment has ended."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain.merchants import Agreement, NumberRange
from gerbang.domain.paycodes import Instructions, free_at

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)


@st.composite
def ranges(draw: st.DrawFn) -> NumberRange:
    digits = draw(st.integers(1, 12))
    first, last = sorted((draw(st.integers(0, 10**digits - 1)), draw(st.integers(0, 10**digits - 1))))
    prefix = draw(st.from_regex(r"[0-9]{0,8}", fullmatch=True))
    return NumberRange(prefix, digits, first, draw(st.sampled_from([last, None])))


@given(ranges(), st.data())
def test_a_number_is_its_prefix_and_its_index_in_the_range(numbers: NumberRange, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, numbers.size - 1))
    written = numbers.number(index)
    assert written.startswith(numbers.prefix)
    assert written.isdecimal()
    assert len(written) == len(numbers.prefix) + numbers.digits
    assert int(written[len(numbers.prefix) :]) - numbers.first == index


@given(ranges(), st.data())
def test_numbers_sort_as_text_in_the_same_order_as_numerically(numbers: NumberRange, data: st.DataObject) -> None:
    # The search for a free number compares them as text in SQL.
    one, other = (data.draw(st.integers(0, numbers.size - 1)) for _ in range(2))
    assert (numbers.number(one) < numbers.number(other)) == (one < other)
    assert numbers.number(0) <= numbers.number(one) <= numbers.number(numbers.size - 1)


@pytest.mark.parametrize(
    ("ends_at", "seconds", "free"),
    [
        (NOW, 0, NOW + timedelta(minutes=10)),  # the least quarantine applies to agreements made before it existed
        (NOW, 601, NOW + timedelta(seconds=601)),
        (NOW, 86_400, NOW + timedelta(days=1)),
        (None, 86_400, None),
        (None, 0, None),
    ],
)
def test_a_number_is_free_once_its_payment_has_ended_and_its_quarantine_is_over(
    ends_at: datetime | None, seconds: int, free: datetime | None
) -> None:
    assert free_at(ends_at, Agreement(quarantine_seconds=seconds).quarantine) == free


def test_the_quarantine_is_one_day_unless_agreed_otherwise() -> None:
    assert Agreement().quarantine == timedelta(days=1)


@given(
    st.builds(
        Instructions,
        number=st.text(min_size=1),
        name=st.text(),
        option=st.none() | st.text(),
        expires_at=st.none() | st.just(NOW),
        content=st.text(),
    )
)
def test_instructions_survive_being_stored_as_json(instructions: Instructions) -> None:
    assert msgspec.json.decode(msgspec.json.encode(instructions), type=Instructions) == instructions
