"""The terms of a product: the channels that it offers, and values that override the channel's own."""

import pytest

from gerbang.domain.terms import NOTHING_OFFERED, ChannelTerms, Terms

RETAIL = ChannelTerms(amount_min=1_500_000, options=frozenset({"ALFAMART", "INDOMARET"}))
ALFAMART = ChannelTerms(amount_max=250_000_000)
TERMS = Terms(channels={"retail_outlet": RETAIL, "retail_outlet/ALFAMART": ALFAMART, "qris": ChannelTerms()})


@pytest.mark.parametrize(
    ("channel", "option", "expected"),
    [
        ("retail_outlet", None, RETAIL),
        ("retail_outlet", "ALFAMART", ALFAMART),
        ("retail_outlet", "INDOMARET", ChannelTerms()),
        ("qris", None, ChannelTerms()),
        ("card", None, ChannelTerms()),
        ("card", "VISA", ChannelTerms()),
    ],
)
def test_the_terms_of_an_option_and_of_its_channel_are_separate(
    channel: str, option: str | None, expected: ChannelTerms
) -> None:
    assert TERMS.of(channel, option) == expected


def test_empty_terms_offer_no_channel_and_override_nothing() -> None:
    assert Terms() == NOTHING_OFFERED
    assert NOTHING_OFFERED.channels == {}
    assert not NOTHING_OFFERED.own_numbers
    assert not NOTHING_OFFERED.prefixed_names
    nothing = NOTHING_OFFERED.of("qris")
    assert {getattr(nothing, field) for field in nothing.__struct_fields__} == {None}
