"""Precedence of settings: a merchant's agreement over a product's terms, the terms over the channel's own spec, and a
value for an option (a bank or outlet) over the value for its channel.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from gerbang import channels
from gerbang.channels import ChannelSpec
from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Offer
from gerbang.domain.payments import Details
from gerbang.domain.terms import ChannelTerms, Terms
from gerbang.errors import ExpiryTooFar, ExpiryTooSoon
from tests.channels.merchants import MERCHANT, NOW
from tests.domain import samples

SPEC = ChannelSpec(
    name="outlet",
    title="Outlet",
    amount_min=100,
    amount_max=1_000,
    limits_of={"CORNER": (200, 900)},
    expiry_max=timedelta(days=2),
    expiry_is_capped=True,
    fee=Rate(flat=10),
    settling=Schedule(3),
    settling_of={"CORNER": Schedule(0)},
    static=False,
    static_amount=False,
)
MINUTE = timedelta(minutes=1)


def offer(terms: dict[str, ChannelTerms] | None = None, **agreed: object) -> Offer:
    """An offer with these terms; `agreed` replaces fields of the merchant's agreement."""
    agreement = replace(MERCHANT.agreement, **agreed)
    return Offer(replace(MERCHANT, agreement=agreement), Terms(channels=terms or {}))


TERMS = {"outlet": ChannelTerms(amount_min=110, amount_max=950, fee=Rate(flat=11))}
TERMS_OF_CORNER = TERMS | {"outlet/CORNER": ChannelTerms(amount_max=940, fee=Rate(flat=12))}


@pytest.mark.parametrize(
    ("of", "option", "limits"),
    [
        (offer(), None, (100, 1_000)),
        (offer(), "MARKET", (100, 1_000)),
        (offer(), "CORNER", (200, 900)),
        (offer(TERMS), None, (110, 950)),
        (offer(TERMS), "CORNER", (110, 950)),
        (offer(TERMS_OF_CORNER), "CORNER", (110, 940)),
        (offer(TERMS_OF_CORNER), "MARKET", (110, 950)),
        (offer(TERMS_OF_CORNER, amount_min={"outlet": 1}), "CORNER", (1, 940)),
        (offer(TERMS_OF_CORNER, amount_max={"outlet/CORNER": 5_000, "outlet": 4}), "CORNER", (110, 5_000)),
        (offer(TERMS_OF_CORNER, amount_max={"outlet/CORNER": 5_000, "outlet": 4}), "MARKET", (110, 4)),
        (offer(TERMS, amount_max={"qris": 4}), "CORNER", (110, 950)),
    ],
)
def test_limits_come_from_the_agreement_then_the_terms_then_the_channel(
    of: Offer, option: str | None, limits: tuple[int, int]
) -> None:
    assert channels.limits(SPEC, of, option) == limits


def test_a_static_paycode_may_have_its_own_least_amount() -> None:
    static = {"outlet": ChannelTerms(amount_min=110, static_min=1)}
    assert channels.limits(SPEC, offer(static))[0] == 110
    assert channels.limits(SPEC, offer(static), static=True)[0] == 1
    assert channels.limits(SPEC, offer(TERMS), static=True)[0] == 110
    assert channels.limits(SPEC, offer(static, amount_min={"outlet": 50}), static=True)[0] == 50


@pytest.mark.parametrize(
    ("of", "option", "flat"),
    [
        (offer(), "CORNER", 10),
        (offer(TERMS), "CORNER", 11),
        (offer(TERMS_OF_CORNER), "CORNER", 12),
        (offer(TERMS_OF_CORNER), "MARKET", 11),
        (offer(TERMS_OF_CORNER, fees={"outlet": Rate(flat=13)}), "CORNER", 13),
        (offer(TERMS_OF_CORNER, fees={"outlet": Rate(flat=13), "outlet/CORNER": Rate(flat=14)}), "CORNER", 14),
        (offer(TERMS_OF_CORNER, fees={"outlet": Rate(flat=13), "outlet/CORNER": Rate(flat=14)}), None, 13),
        (offer(TERMS, fees={"outlet": Rate()}), "CORNER", 0),
    ],
)
def test_the_fee_comes_from_the_agreement_then_the_terms_then_the_channel(
    of: Offer, option: str | None, flat: int
) -> None:
    assert channels.rate(SPEC, option, of) == Rate(flat=flat, percent=Decimal(0))


@pytest.mark.parametrize(
    ("agreed", "option", "days"),
    [
        ({}, None, 3),
        ({}, "MARKET", 3),
        ({}, "CORNER", 0),
        ({"outlet": Schedule(5)}, "MARKET", 5),
        ({"outlet": Schedule(5)}, "CORNER", 5),
        ({"outlet": Schedule(5), "outlet/CORNER": Schedule(1)}, "CORNER", 1),
        ({"qris": Schedule(5)}, "CORNER", 0),
    ],
)
def test_the_settlement_schedule_comes_from_the_agreement_then_the_option_then_the_channel(
    agreed: dict[str, Schedule], option: str | None, days: int
) -> None:
    assert channels.settling(SPEC, option, offer(settling=agreed)).working_days == days


def test_a_product_offers_the_channels_in_its_terms_and_an_agreement_may_add_more() -> None:
    assert channels.offered(SPEC, offer(TERMS), "payment")
    assert not channels.offered(SPEC, offer({"outlet/CORNER": ChannelTerms()}), "payment")
    agreed = offer(also_offered={"payment": ["outlet"]})
    assert channels.offered(SPEC, agreed, "payment")
    assert not channels.offered(SPEC, agreed, "v4-payments")


def test_a_product_may_offer_every_channel_except_those_left_out() -> None:
    every = Offer(MERCHANT, Terms(others=True))
    assert channels.offered(SPEC, every, "payment")
    assert not channels.offered(SPEC, Offer(MERCHANT, Terms(others=True, left_out=frozenset({"outlet"}))), "payment")
    assert channels.rate(SPEC, None, every) == SPEC.fee


def test_only_options_that_are_both_agreed_and_in_the_terms_are_offered() -> None:
    agreed = ["MARKET", "CORNER"]
    assert channels.options_of(SPEC, offer(TERMS), agreed) == agreed
    narrowed = offer({"outlet": ChannelTerms(options=frozenset({"CORNER", "KIOSK"}))})
    assert channels.options_of(SPEC, narrowed, agreed) == ["CORNER"]


@pytest.mark.parametrize(
    ("of", "longest", "capped"),
    [
        (offer(), timedelta(days=2), True),
        (offer({"outlet": ChannelTerms(expiry_max=timedelta(days=5))}), timedelta(days=5), False),
        (offer({"outlet": ChannelTerms(expiry_max=timedelta(hours=5))}), timedelta(hours=5), False),
    ],
    ids=["the channel's", "longer by the terms", "shorter by the terms"],
)
def test_an_expiry_beyond_the_limit_is_capped_by_the_channel_and_refused_by_the_terms(
    of: Offer, longest: timedelta, capped: bool
) -> None:
    requested = replace(samples.PAYMENT, expires_at=NOW + longest)
    assert channels.end_of(SPEC, requested, of, NOW) == requested.expires_at
    beyond = replace(requested, expires_at=NOW + longest + MINUTE)
    if capped:
        assert channels.end_of(SPEC, beyond, of, NOW) == NOW + longest
    else:
        with pytest.raises(ExpiryTooFar):
            channels.end_of(SPEC, beyond, of, NOW)


def test_an_expiry_that_is_too_soon_is_refused_unless_the_buyer_chooses_on_a_page() -> None:
    of = offer({"outlet": ChannelTerms(expiry_min=timedelta(hours=1))})
    enough = replace(samples.PAYMENT, expires_at=NOW + timedelta(hours=1))
    assert channels.end_of(SPEC, enough, of, NOW) == enough.expires_at
    near = replace(enough, expires_at=NOW + timedelta(minutes=50))
    with pytest.raises(ExpiryTooSoon, match="60 minutes") as caught:
        channels.end_of(SPEC, near, of, NOW)
    assert caught.value.field == "expires_at"
    on_a_page = replace(near, details=Details(redirect=True))
    assert channels.end_of(SPEC, on_a_page, of, NOW) == near.expires_at
    without_expiry = replace(near, kind="static", expires_at=None)
    assert channels.end_of(SPEC, without_expiry, of, NOW) is None


def test_an_agreement_may_change_the_shortest_and_longest_expiry() -> None:
    terms = {"outlet": ChannelTerms(expiry_min=timedelta(hours=1), expiry_max=timedelta(days=1))}
    of = offer(terms, expiry_min_seconds={"outlet": 0}, expiry_max_seconds={"outlet": 7200})
    near = replace(samples.PAYMENT, expires_at=NOW + MINUTE)
    assert channels.end_of(SPEC, near, of, NOW) == near.expires_at
    with pytest.raises(ExpiryTooFar):
        channels.end_of(SPEC, replace(near, expires_at=NOW + timedelta(hours=3)), of, NOW)
