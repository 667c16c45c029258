"""Whom we talk to: one file in this folder is one way to be paid, and this is what each of them promises.

A channel declares its facts as fields and answers two questions, purely: what paycode a payment needs (`open`), and what
the buyer is shown once it has a number (`block`). It does no I/O and decides nothing about payments. A file whose name
begins with `_` is shared by channels and is none itself.
"""

import importlib
import pkgutil
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import readable
from gerbang.domain.paycodes import Block, Opening
from gerbang.domain.payments import Payment
from gerbang.errors import (
    AmountAboveLimit,
    AmountBelowLimit,
    AmountMissing,
    AmountNotAllowed,
    ExpiryPassed,
    ExpiryTooFar,
)


class Facts(msgspec.Struct, frozen=True):
    """What a channel declares about itself. Amounts in minor units, before a merchant's own agreement changes them."""

    name: str
    title: str
    amount_min: int
    amount_max: int
    expiry_max: timedelta
    expiry_is_capped: bool
    """True: a paycode simply ends earlier than a payment that outlasts it. False: such a payment is refused."""
    fee: Rate
    settled_after_working_days: int
    standing: bool
    """Whether it can serve MULTIPLE payments."""
    standing_amount: bool
    """Whether a standing paycode may be for a fixed amount."""


class Channel(Protocol):
    facts: Facts

    def options(self, merchant: Merchant) -> list[str] | None:
        """The banks, outlets or wallets that this merchant may use; [] where the channel has none, None if not enabled."""
        ...

    def open(self, payment: Payment, merchant: Merchant, now: datetime) -> Opening:
        """Plans the paycode for a payment whose method is this channel. Raises an Invalid for what cannot be."""
        ...

    def block(self, opening: Opening, number: str, merchant: Merchant, now: datetime) -> Block:
        """What the buyer is shown, now that the number is known."""
        ...


def found() -> dict[str, Channel]:
    """All channels in this folder, by name."""
    channels: dict[str, Channel] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            channel: Channel = importlib.import_module(f"{__name__}.{module.name}").CHANNEL
            channels[channel.facts.name] = channel
    return channels


def limits(facts: Facts, merchant: Merchant) -> tuple[int, int]:
    """The least and the most that may be paid, in minor units: the merchant's agreement, else the channel's own."""
    agreement = merchant.agreement
    return (
        agreement.amount_min.get(facts.name, facts.amount_min),
        agreement.amount_max.get(facts.name, facts.amount_max),
    )


def rate(facts: Facts, option: str | None, merchant: Merchant) -> Rate:
    """What the merchant pays per charge: agreed for the bank, else for the channel, else the channel's default."""
    fees = merchant.agreement.fees
    return fees.get(f"{facts.name}/{option}") or fees.get(facts.name) or facts.fee


def check_amount(facts: Facts, payment: Payment, merchant: Merchant) -> None:
    """Raises an Invalid (field "amount") when the payment's amount does not fit the channel."""
    if payment.amount is None:
        if not payment.standing:
            raise AmountMissing("amount")
        return
    if payment.standing and not facts.standing_amount:
        raise AmountNotAllowed("amount")
    least, most = limits(facts, merchant)
    if payment.amount < least:
        raise AmountBelowLimit("amount", title=facts.title, minimum=readable(least))
    if payment.amount > most:
        raise AmountAboveLimit("amount", title=facts.title, maximum=readable(most))


def end_of(facts: Facts, payment: Payment, now: datetime) -> datetime | None:
    """When a paycode for this payment ends: with the payment, or earlier where the channel or the merchant says so.

    Raises ExpiryTooFar (field "expires_at") or ExpiryPassed (field "<channel>.expires_at": the paycode's own end).
    """
    if payment.expires_at is None:
        return None
    longest = now + facts.expiry_max
    ends = payment.expires_at
    if ends > longest:
        if not facts.expiry_is_capped:
            raise ExpiryTooFar("expires_at", title=facts.title, maximum=_readable(facts.expiry_max))
        ends = longest
    asked = payment.method.expires_at if payment.method else None
    if asked is not None and asked <= now:
        raise ExpiryPassed(f"{facts.name}.expires_at")
    return ends if asked is None or asked > ends else asked


def _readable(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 60} minutes"
