"""Ways to be paid: one file in this folder is one channel, and this is what each of them promises.

A channel declares its limits, prices and texts as fields, and answers purely: what paycode a payment needs (`plan`), and
what the buyer is shown once it has a number (`instructions`). It does no I/O and decides nothing about payments. A file
whose name begins with `_` is shared by channels and is none itself.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, Protocol

import msgspec

from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Offer
from gerbang.domain.money import readable
from gerbang.domain.paycodes import CodePlan, Instructions
from gerbang.domain.payments import Payment
from gerbang.errors import (
    AmountAboveLimit,
    AmountBelowLimit,
    AmountMissing,
    AmountNotAllowed,
    ExpiryPassed,
    ExpiryTooFar,
    ExpiryTooSoon,
    OptionMissing,
    OptionUnknown,
)

TOLERANCE = timedelta(minutes=1)
"""Callers reckon the shortest expiry by their own clocks, some seconds before it is received here."""

Shown = Literal["number", "picture", "barcode", "wallet", "card"]
"""What the payer's page shows: a number to copy, a QR picture to scan, a barcode for the cashier, the way to a wallet, a form for
a card.
"""
Text = dict[str, str]
"""A text by language: "id" and "en"."""


class NoSettings(msgspec.Struct, frozen=True):
    """The agreement of a channel about which there is nothing to agree but that it is enabled: `{}`."""


class PageTexts(msgspec.Struct, frozen=True, kw_only=True):
    """What the payer's page calls a channel. "{option}" stands for its bank, outlet or wallet."""

    title: Text
    hint: Text = msgspec.field(default_factory=lambda: {"id": "", "en": ""})
    act: Text = msgspec.field(default_factory=lambda: {"id": "Bayar dengan kode ini", "en": "Pay with this code"})
    """The heading above the code."""
    press: Text = msgspec.field(default_factory=lambda: {"id": "", "en": ""})
    """What the button says that leads to the wallet."""
    number: Text = msgspec.field(default_factory=lambda: {"id": "Kode pembayaran", "en": "Payment code"})
    copy: Text = msgspec.field(default_factory=lambda: {"id": "Salin kode", "en": "Copy the code"})


class ChannelSpec(msgspec.Struct, frozen=True):
    """What a channel declares about itself. Amounts in minor units, before a merchant's own agreement changes them."""

    name: str
    title: str
    amount_min: int
    amount_max: int
    expiry_max: timedelta
    expiry_is_capped: bool
    """True: a paycode simply ends earlier than a payment that outlasts it. False: such a payment is refused."""
    fee: Rate
    settling: Schedule
    static: bool
    """Whether it can serve static payments."""
    static_amount: bool
    """Whether a static paycode may be for a fixed amount."""
    expiry_min: timedelta | None = None
    """How near the end of a payment may be; None: as near as the caller likes."""
    options: dict[str, str] = {}
    """All its banks, outlets or wallets: what each is called, by its code."""
    limits_of: dict[str, tuple[int, int]] = {}
    """Options whose limits are others: the least and the most."""
    settling_of: dict[str, Schedule] = {}
    """Options that settle otherwise than the channel."""
    agreement: type[msgspec.Struct] = NoSettings
    """The type of its settings in a merchant's agreement."""
    shows: Shown = "number"
    texts: PageTexts | None = None
    """None: the page calls it by its title."""
    guide: str = ""
    """The payment guide that holds for all its options, besides the guide that an option has of its own."""
    in_the_payers_name: bool = False
    """Whether its code stands in the name of whoever pays. At a retail outlet it is the shop's that is called out."""


class Channel(Protocol):
    """A way to be paid. It is given an offer: the merchant, and the terms of the product that the merchant uses."""

    spec: ChannelSpec

    def default_agreement(self, number: int, name: str, *, sandbox: bool = False) -> msgspec.Struct | None:
        """The settings of a new merchant of this number and name, of the type `spec.agreement`.

        None where nobody has it without data of a contract. `sandbox` says that it is the merchant that every sandbox
        has, to which the examples of the vendors' documents belong.
        """
        ...

    def faults(self, agreed: Any, at: str) -> Iterator[str]:
        """What is wrong with settings of its type, a sentence each; `at` is the path where they stand."""
        ...

    def options(self, offer: Offer) -> list[str] | None:
        """The banks, outlets or wallets that this merchant may use; [] where the channel has none, None if not enabled."""
        ...

    def plan(self, payment: Payment, offer: Offer, now: datetime) -> CodePlan:
        """Plans the paycode for a payment whose method is this channel. Raises an Invalid for what cannot be."""
        ...

    def instructions(self, code_plan: CodePlan, number: str) -> Instructions:
        """What the buyer is shown, now that the number is known.

        It follows from the plan alone: a partner may give the number long after, when another agreement holds.
        """
        ...


@cache
def _found() -> dict[str, Channel]:
    channels: dict[str, Channel] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            channel: Channel = importlib.import_module(f"{__name__}.{module.name}").CHANNEL
            channels[channel.spec.name] = channel
    return channels


def found() -> dict[str, Channel]:
    """All channels in this folder, by name."""
    return dict(_found())


def offered(spec: ChannelSpec, offer: Offer, product: str) -> bool:
    """Whether the product has the channel, for everybody or for this merchant."""
    return offer.terms.sells(spec.name) or spec.name in offer.merchant.agreement.also_offered.get(product, [])


def options_of(spec: ChannelSpec, offer: Offer, agreed: Sequence[str]) -> list[str]:
    """Those of a merchant's banks, outlets or wallets that the product offers."""
    sold = offer.terms.of(spec.name).options
    return [option for option in agreed if sold is None or option in sold]


def chosen_option(spec: ChannelSpec, payment: Payment, offered: Sequence[str]) -> str:
    """The option of a payment's method. Raises OptionMissing or OptionUnknown (field "<channel>.option")."""
    option = payment.method.option if payment.method else None
    field, names = f"{spec.name}.option", ", ".join(offered)
    if not option:
        raise OptionMissing(field, title=spec.title, offered=names)
    if option not in offered:
        raise OptionUnknown(field, title=spec.title, option=option, offered=names)
    return option


def limits(spec: ChannelSpec, offer: Offer, option: str | None = None, *, static: bool = False) -> tuple[int, int]:
    """The least and the most that may be paid, in minor units: as agreed, else by the product's terms, else the channel's.

    What is said of the bank or outlet goes before what is said of its channel.
    """
    agreement, terms = offer.merchant.agreement, offer.terms
    least = agreement.amount_min.get(f"{spec.name}/{option}", agreement.amount_min.get(spec.name))
    most = agreement.amount_max.get(f"{spec.name}/{option}", agreement.amount_max.get(spec.name))
    for said in (terms.of(spec.name, option), terms.of(spec.name)):
        if least is None:
            least = said.static_min if static and said.static_min is not None else said.amount_min
        most = said.amount_max if most is None else most
    own_least, own_most = spec.limits_of.get(option or "", (spec.amount_min, spec.amount_max))
    return own_least if least is None else least, own_most if most is None else most


def rate(spec: ChannelSpec, option: str | None, offer: Offer) -> Rate:
    """What the merchant pays per charge: agreed for the bank, else for the channel, else by the terms, else the channel's."""
    fees, terms = offer.merchant.agreement.fees, offer.terms
    return (
        fees.get(f"{spec.name}/{option}")
        or fees.get(spec.name)
        or terms.of(spec.name, option).fee
        or terms.of(spec.name).fee
        or spec.fee
    )


def settling(spec: ChannelSpec, option: str | None, offer: Offer) -> Schedule:
    """When paid money becomes available: as agreed for the bank or the channel, else as the bank or the channel does it."""
    agreed = offer.merchant.agreement.settling
    return (
        agreed.get(f"{spec.name}/{option}")
        or agreed.get(spec.name)
        or spec.settling_of.get(option or "")
        or spec.settling
    )


def check_amount(spec: ChannelSpec, payment: Payment, offer: Offer) -> None:
    """Raises an Invalid (field "amount") when the payment's amount does not fit the channel."""
    if payment.amount is None:
        if not payment.static:
            raise AmountMissing("amount")
        return
    if payment.static and not spec.static_amount:
        raise AmountNotAllowed("amount")
    option = payment.method.option if payment.method else None
    check_between(payment.amount, limits(spec, offer, option), option or spec.title)


def check_between(amount: int, bounds: tuple[int, int], title: str, field: str = "amount") -> None:
    """Raises AmountBelowLimit or AmountAboveLimit for an amount outside the least and the most."""
    least, most = bounds
    if amount < least:
        raise AmountBelowLimit(field, title=title, minimum=readable(least))
    if amount > most:
        raise AmountAboveLimit(field, title=title, maximum=readable(most))


def end_of(
    spec: ChannelSpec, payment: Payment, offer: Offer, now: datetime, *, strict: bool = False
) -> datetime | None:
    """When a paycode for this payment ends: with the payment, or earlier where the channel or the merchant says so.

    `strict`: the merchant's expiry is to hold, so one that is too far is refused where it would be cut short.

    Raises ExpiryTooFar or ExpiryTooSoon (field "expires_at"), or ExpiryPassed (field "<channel>.expires_at": the paycode's
    own end).
    """
    if payment.expires_at is None:
        return None
    least, most, is_capped = spans(spec, offer)
    ends, longest = payment.expires_at, now + most
    if least is not None and not payment.details.redirect and ends < now + least - TOLERANCE:
        raise ExpiryTooSoon("expires_at", title=spec.title, minimum=_readable(least))
    if ends > longest:
        if strict or not is_capped:
            raise ExpiryTooFar("expires_at", title=spec.title, maximum=_readable(most))
        ends = longest
    asked = payment.method.expires_at if payment.method else None
    if asked is not None and asked <= now:
        raise ExpiryPassed(f"{spec.name}.expires_at", now=now)
    return ends if asked is None or asked > ends else asked


def spans(spec: ChannelSpec, offer: Offer) -> tuple[timedelta | None, timedelta, bool]:
    """How near and how far an end may be, and whether a farther one is cut short: as agreed, by the terms, the channel's."""
    agreement, said = offer.merchant.agreement, offer.terms.of(spec.name)
    least, most = agreement.expiry_min_seconds.get(spec.name), agreement.expiry_max_seconds.get(spec.name)
    return (
        (said.expiry_min or spec.expiry_min) if least is None else timedelta(seconds=least),
        (said.expiry_max or spec.expiry_max) if most is None else timedelta(seconds=most),
        spec.expiry_is_capped and said.expiry_max is None if said.expiry_is_capped is None else said.expiry_is_capped,
    )


def _readable(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 60} minutes"
