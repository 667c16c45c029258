"""Conformance tests that run for every channel found in `gerbang/channels`, so that a new channel needs no new test."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from gerbang import channels
from gerbang.channels import Channel
from gerbang.domain.merchants import Agreement, Offer
from gerbang.domain.payments import Details
from gerbang.errors import (
    AmountAboveLimit,
    AmountBelowLimit,
    AmountMissing,
    AmountNotAllowed,
    ChannelNotEnabled,
    ExpiryPassed,
    ExpiryTooFar,
    Invalid,
)
from tests.channels.merchants import MERCHANT, NOW, OFFER, payment, static

CHANNELS = channels.found()
every_channel = pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
every_option = pytest.mark.parametrize(
    ("channel", "option"),
    [
        pytest.param(channel, option, id=f"{name} {option or ''}".strip())
        for name, channel in CHANNELS.items()
        for option in channel.options(OFFER) or [None]
    ],
)
SECOND = timedelta(seconds=1)


def limits(channel: Channel, option: str | None) -> tuple[int, int]:
    return channels.limits(channel.spec, OFFER, option)


def test_every_channel_file_is_found_under_its_own_name() -> None:
    assert set(CHANNELS) >= {"virtual_account", "qris", "retail_outlet", "ewallet"}
    assert all(channel.spec.name == name for name, channel in CHANNELS.items())


@every_channel
def test_the_spec_of_a_channel_is_consistent(channel: Channel) -> None:
    spec = channel.spec
    assert spec.name.isidentifier()
    assert spec.title
    assert 0 < spec.amount_min <= spec.amount_max
    assert spec.expiry_max > timedelta(0)
    assert spec.fee.flat >= 0
    assert Decimal(0) <= spec.fee.percent < 100
    assert spec.static or not spec.static_amount
    assert spec.options.keys() >= set(channel.options(OFFER) or []), "some need a contract of their own"
    assert bool(spec.options) == bool(channel.options(OFFER))


@every_channel
def test_its_texts_are_in_both_languages(channel: Channel) -> None:
    texts = channel.spec.texts
    assert texts is not None
    for name, text in msgspec.structs.asdict(texts).items():
        assert text.keys() == {"id", "en"}, name


@every_channel
@pytest.mark.parametrize("sandbox", [False, True])
def test_what_it_agrees_by_default_is_of_its_type_and_without_fault(channel: Channel, sandbox: bool) -> None:
    agreed = channel.default_agreement(131, "Toko Uji", sandbox=sandbox)
    assert isinstance(agreed, channel.spec.agreement)
    assert list(channel.faults(agreed, "here")) == []


@every_channel
def test_a_channel_has_every_option_that_its_spec_names(channel: Channel) -> None:
    spec = channel.spec
    assert spec.limits_of.keys() | spec.settling_of.keys() <= set(channel.options(OFFER) or [])
    for least, most in spec.limits_of.values():
        assert spec.amount_min <= least <= most <= spec.amount_max, "the channel's limits are the widest of its options"


@every_channel
def test_the_default_agreement_enables_the_channel(channel: Channel) -> None:
    assert MERCHANT.agreement.settings(channel.spec.name, channel.spec.agreement) is not None
    assert channel.options(OFFER) is not None


@every_channel
def test_a_merchant_whose_agreement_lacks_the_channel_cannot_use_it(channel: Channel) -> None:
    not_enabled = Offer(replace(MERCHANT, agreement=Agreement()))
    assert channel.options(not_enabled) is None
    with pytest.raises(ChannelNotEnabled) as caught:
        channel.plan(payment(channel), not_enabled, NOW)
    assert caught.value.field == "method"


@every_option
def test_an_amount_within_the_limits_is_planned(channel: Channel, option: str | None) -> None:
    for amount in limits(channel, option):
        requested = payment(channel, amount, option)
        code_plan = channel.plan(requested, OFFER, NOW)
        assert (code_plan.channel, code_plan.option) == (channel.spec.name, option)
        assert (code_plan.amount, code_plan.static) == (amount, False)
        assert code_plan.expires_at == requested.expires_at
        assert code_plan == channel.plan(requested, OFFER, NOW), "planning has no side effects"


@every_option
def test_an_amount_outside_the_limits_is_refused(channel: Channel, option: str | None) -> None:
    least, most = limits(channel, option)
    for amount, refusal in ((least - 1, AmountBelowLimit), (most + 1, AmountAboveLimit)):
        with pytest.raises(refusal) as caught:
            channel.plan(payment(channel, amount, option), OFFER, NOW)
        assert caught.value.field == "amount"


@every_option
def test_agreed_limits_replace_the_channels_limits(channel: Channel, option: str | None) -> None:
    name = f"{channel.spec.name}/{option}" if option else channel.spec.name
    narrow = replace(MERCHANT.agreement, amount_min={name: 300}, amount_max={name: 300})
    agreed = Offer(replace(MERCHANT, agreement=narrow))
    assert channel.plan(payment(channel, 300, option), agreed, NOW).amount == 300
    for amount in (299, 301):
        with pytest.raises((AmountBelowLimit, AmountAboveLimit)):
            channel.plan(payment(channel, amount, option), agreed, NOW)


@every_channel
def test_a_single_payment_needs_an_amount(channel: Channel) -> None:
    with pytest.raises(AmountMissing) as caught:
        channel.plan(replace(payment(channel), amount=None), OFFER, NOW)
    assert caught.value.field == "amount"


@every_channel
@pytest.mark.parametrize("option", [None, "", "NOBODY", "bri", "*"])
def test_a_channel_with_options_needs_a_valid_one(channel: Channel, option: str | None) -> None:
    requested = payment(channel)
    assert requested.method is not None
    requested = replace(requested, method=replace(requested.method, option=option))
    # A card says itself of which network it is, and is given later.
    if not channel.options(OFFER) or (channel.spec.shows == "card" and not option):
        assert channel.plan(requested, OFFER, NOW).channel == channel.spec.name
        return
    with pytest.raises(Invalid) as caught:
        channel.plan(requested, OFFER, NOW)
    assert caught.value.field in ("option", f"{channel.spec.name}.option")
    offered = [known for known in channel.options(OFFER) or [] if known in caught.value.message]
    assert offered, "the message names the options that are offered"


@every_option
def test_the_instructions_have_the_number_the_option_and_the_expiry(channel: Channel, option: str | None) -> None:
    code_plan = channel.plan(payment(channel, option=option), OFFER, NOW)
    number = code_plan.chosen or (code_plan.range.number(0) if code_plan.range else "4Q3B7NT0W6XA12")
    instructions = channel.instructions(code_plan, number)
    assert (instructions.number, instructions.option, instructions.expires_at) == (number, option, code_plan.expires_at)
    assert instructions.name


@every_option
def test_the_number_range_has_at_least_a_million_free_numbers(channel: Channel, option: str | None) -> None:
    code_plan = channel.plan(payment(channel, option=option), OFFER, NOW)
    if code_plan.range is not None:
        free = code_plan.range.size - sum(last - first + 1 for first, last in code_plan.taken_out)
        assert free >= 1_000_000
        assert code_plan.range.number(code_plan.range.size - 1).isdecimal()


@every_channel
def test_a_paycode_expires_with_its_payment_or_earlier_if_requested(channel: Channel) -> None:
    requested = payment(channel)
    assert requested.method is not None
    for end in (requested.expires_at, NOW + SECOND):
        sooner = replace(requested, method=replace(requested.method, expires_at=end))
        assert channel.plan(sooner, OFFER, NOW).expires_at == end
    assert requested.expires_at is not None
    later = replace(requested, method=replace(requested.method, expires_at=requested.expires_at + SECOND))
    assert channel.plan(later, OFFER, NOW).expires_at == requested.expires_at
    with pytest.raises(ExpiryPassed) as caught:
        channel.plan(replace(requested, method=replace(requested.method, expires_at=NOW)), OFFER, NOW)
    assert caught.value.field == f"{channel.spec.name}.expires_at"


@every_channel
def test_an_expiry_beyond_the_maximum_is_capped_or_refused_as_the_spec_says(channel: Channel) -> None:
    longest = NOW + channel.spec.expiry_max
    assert channel.plan(replace(payment(channel), expires_at=longest), OFFER, NOW).expires_at == longest
    too_long = replace(payment(channel), expires_at=longest + SECOND)
    if channel.spec.expiry_is_capped:
        assert channel.plan(too_long, OFFER, NOW).expires_at == longest
    else:
        with pytest.raises(ExpiryTooFar) as caught:
            channel.plan(too_long, OFFER, NOW)
        assert caught.value.field == "expires_at"


@every_channel
def test_a_static_paycode_may_have_an_amount_only_if_the_spec_says_so(channel: Channel) -> None:
    if not channel.spec.static:
        return
    code_plan = channel.plan(static(channel), OFFER, NOW)
    assert (code_plan.static, code_plan.amount, code_plan.expires_at) == (True, None, None)
    closed = replace(static(channel), amount=channel.spec.amount_min)
    if channel.spec.static_amount:
        assert channel.plan(closed, OFFER, NOW).amount == closed.amount
    else:
        with pytest.raises(AmountNotAllowed) as caught:
            channel.plan(closed, OFFER, NOW)
        assert caught.value.field == "amount"


@every_channel
def test_a_payment_page_needs_no_more_than_the_option(channel: Channel) -> None:
    requested = payment(channel)
    assert requested.method is not None
    bare = replace(requested.method, payer_name="", return_url=None)
    assert channel.plan(replace(requested, method=bare, details=Details(redirect=True)), OFFER, NOW).name
