"""Numbers as they are written, found again and given back: a range is ordered, and a number rests after its payment."""

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
def test_a_number_says_which_one_of_its_range_it_is(numbers: NumberRange, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, numbers.size - 1))
    written = numbers.number(index)
    assert written.startswith(numbers.prefix)
    assert written.isdecimal()
    assert len(written) == len(numbers.prefix) + numbers.digits
    assert int(written[len(numbers.prefix) :]) - numbers.first == index


@given(ranges(), st.data())
def test_numbers_are_in_the_same_order_as_text_as_they_are_as_numbers(
    numbers: NumberRange, data: st.DataObject
) -> None:
    # The search for a free number compares them as text.
    one, other = (data.draw(st.integers(0, numbers.size - 1)) for _ in range(2))
    assert (numbers.number(one) < numbers.number(other)) == (one < other)
    assert numbers.number(0) <= numbers.number(one) <= numbers.number(numbers.size - 1)


@pytest.mark.parametrize(
    ("ends_at", "seconds", "free"),
    [
        (NOW, 0, NOW + timedelta(minutes=10)),  # of an agreement that is older than the rule
        (NOW, 601, NOW + timedelta(seconds=601)),
        (NOW, 86_400, NOW + timedelta(days=1)),
        (None, 86_400, None),
        (None, 0, None),
    ],
)
def test_a_number_is_free_when_its_payment_has_ended_and_it_has_rested(
    ends_at: datetime | None, seconds: int, free: datetime | None
) -> None:
    assert free_at(ends_at, Agreement(quarantine_seconds=seconds).quarantine) == free


def test_a_number_rests_for_a_day_unless_agreed_otherwise() -> None:
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
def test_what_a_buyer_is_shown_can_be_kept_and_read_again(instructions: Instructions) -> None:
    assert msgspec.json.decode(msgspec.json.encode(instructions), type=Instructions) == instructions
