"""Checks an agreement before it is kept: every way to be paid that it allows is opened, from its least to its most."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from gerbang import channels
from gerbang.channels import Channel
from gerbang.domain import agreements
from gerbang.domain.calendars import settles_at
from gerbang.domain.fees import fee_out_of
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.money import MINOR_PER_RUPIAH, readable
from gerbang.domain.payments import Details, Kind, Method, Payment
from gerbang.domain.terms import Terms
from gerbang.errors import AgreementUnusable, Refused
from gerbang.services.payments import codes
from gerbang.services.payments.numbers import REFERENCE_LENGTH
from gerbang.world import World

RETURN_URL = "https://shop.example/"
ACCOUNT = "+6281234567890"


def fault(world: World, merchant: Merchant, usual: Merchant) -> str | None:
    """The first thing in a merchant's agreement by which it could not be paid, as a sentence; None where all is well.

    `usual` is the same merchant with the agreement of a new one: its banks, outlets and wallets are all that there are.
    """
    known = {name: _options(channel, usual) or [] for name, channel in world.channels.items()}
    return (
        agreements.fault(merchant.agreement)
        or agreements.misnamed(merchant.agreement, known, world.products)
        or next(_of_settings(world, merchant), None)
        or next(_faults(world, merchant, known), None)
    )


def _of_settings(world: World, merchant: Merchant) -> Iterator[str]:
    """What is wrong with the settings of channels as such, before any payment is opened."""
    for name in merchant.agreement.channels:
        channel = world.channels.get(name)
        if channel is None:
            yield f"channels.{name} names no channel: choose one of {', '.join(sorted(world.channels))}."
            return
        try:
            agreed = merchant.agreement.settings(name, channel.spec.agreement)
        except AgreementUnusable as wrong:
            yield f"channels.{name} cannot be read: {wrong.__cause__}."
            return
        yield from channel.faults(agreed, f"channels.{name}")


def _options(channel: Channel, merchant: Merchant) -> list[str] | None:
    """All that was agreed, whatever a product offers of it."""
    return channel.options(Offer(merchant, Terms()))


def _faults(world: World, merchant: Merchant, known: dict[str, list[str]]) -> Iterator[str]:
    for name, channel in world.channels.items():
        agreed = _options(channel, merchant)
        if agreed is None:
            continue
        if strange := [option for option in agreed if option not in known[name]]:
            yield f"{name} names {strange[0]}, which there is none of: choose from {', '.join(sorted(known[name]))}."
        if known[name] and not agreed:
            yield f"{name} names nothing to pay by: say null where it is not agreed."
        for product in world.products:
            offer = world.offer(merchant, product)
            if channels.offered(channel.spec, offer, product):
                for option in channel.options(offer) or ([] if known[name] else [None]):
                    yield from _of_way(world, channel, offer, product, option)


def _of_way(world: World, channel: Channel, offer: Offer, product: str, option: str | None) -> Iterator[str]:
    """What is wrong with one way to be paid, in one product."""
    spec, now = channel.spec, world.clock.now()
    way = f"{spec.name}/{option}" if option else spec.name
    soonest, latest, _ = channels.spans(spec, offer)
    if soonest is not None and soonest > latest:
        yield f"Nobody could pay by {way} in {product}: its expiry may be neither so near nor so far."
        return
    kinds: list[Kind] = ["one_time", "static"] if spec.static else ["one_time"]
    for kind in kinds:
        least, most = channels.limits(spec, offer, option)
        least, most = -(-least // MINOR_PER_RUPIAH) * MINOR_PER_RUPIAH, most // MINOR_PER_RUPIAH * MINOR_PER_RUPIAH
        if least > most:
            yield f"Nobody could pay by {way} in {product}: no whole rupiah lies between its least and its most amount."
            return
        for amount in (least, most) if kind == "one_time" or spec.static_amount else (None,):
            ends_at = now + latest if amount is not None else None
            method = Method(spec.name, option, return_url=RETURN_URL, account=ACCOUNT)
            payment = _payment(offer.merchant, product, kind, amount, ends_at, method, now)
            try:
                _open(world, channel, payment, offer)
            except (Refused, ValueError, OverflowError) as wrong:
                asked = readable(amount) if amount else "any amount"
                yield f"Nobody could pay {asked} by {way} in {product}: {str(wrong).rstrip('.')}."
                return


def _payment(
    merchant: Merchant,
    product: str,
    kind: Kind,
    amount: int | None,
    ends_at: datetime | None,
    method: Method,
    now: datetime,
) -> Payment:
    """A payment that is never created."""
    return Payment(
        id=UUID(int=0),
        merchant_id=merchant.id,
        product=product,
        reference="check",
        kind=kind,
        amount=amount,
        state="needs_method",
        created_at=now,
        updated_at=now,
        expires_at=ends_at,
        descriptor=merchant.short_name,
        details=Details(),
        method=method,
    )


def _open(world: World, channel: Channel, payment: Payment, offer: Offer) -> None:
    """Does all that is done for a payment on its way to be paid and settled. Raises what goes wrong."""
    now, option = payment.created_at, payment.method.option if payment.method else None
    code_plan = channel.plan(payment, offer, now)
    partner = world.partners.serving(offer.merchant.id, channel.spec.name, option, "payments")
    if partner is not None:
        codes.check_company_code(partner.connection, code_plan)
    numbers = ["A" * REFERENCE_LENGTH]
    if code_plan.range is not None:
        numbers = [code_plan.range.number(0), code_plan.range.number(code_plan.range.size - 1)]
        if any(first <= code_plan.range.first and code_plan.range.end <= last for first, last in code_plan.taken_out):
            raise ValueError("the numbers that its merchant may choose leave no others")
    for number in numbers:
        channel.instructions(code_plan, number)
    fee_out_of(channels.rate(channel.spec, option, offer), payment.amount or MINOR_PER_RUPIAH, now)
    settles_at(channels.settling(channel.spec, option, offer), now, world.calendar)
