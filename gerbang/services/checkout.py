"""What a payer's page needs done: see a payment, offer the ways to pay it, go back to choose another, watch for money."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.channels import Channel, ChannelSpec, limits
from gerbang.db import charges, merchants, payments, reports
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.charges import Charge
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.payments import Method, PageVersion, Payment
from gerbang.domain.reports import HeldMoney
from gerbang.errors import ChannelNotEnabled, PaymentUnknown, Refused
from gerbang.services.payments.codes import usable_options
from gerbang.world import World

PAYER_NAME_LENGTH_MAX = 100


class Visit(msgspec.Struct, frozen=True):
    """Everything that one payer's page is drawn from, as it is at `now`."""

    payment: Payment
    charge: Charge | None
    """The newest one."""
    offer: Offer
    in_suspense: list[HeldMoney]
    now: datetime
    version: str
    """Changes whenever the page would; the same text as `page_versions` gives."""

    @property
    def merchant(self) -> Merchant:
        return self.offer.merchant


class Way(msgspec.Struct, frozen=True):
    """A channel that the merchant has enabled, as this payment's buyer may use it."""

    spec: ChannelSpec
    options: list[str]
    """The banks, outlets or wallets that this payment can use; [] where the channel has none."""
    amount_min: int
    amount_max: int
    """Minor units, as agreed with the merchant: the widest of its options."""
    refusal: Refused | None = None
    """Why it cannot be used for this payment, neither by any of its options."""

    @property
    def channel(self) -> str:
        return self.spec.name


async def visits(world: World, ids: Sequence[UUID]) -> list[Visit | Refused]:
    """Payments with all that their pages show, many at a time; PaymentUnknown for ids that are nobody's."""
    now = world.clock.now()
    async with world.db.reading() as tx:
        found = await payments.opened_by_a_page(tx, ids)
        there = [(payment.merchant_id, payment.id) for payment in found.values()]
        newest = await charges.newest(tx, there, most=1)
        known = await merchants.by_id(tx, list({payment.merchant_id for payment in found.values()}))
        aside = await reports.in_suspense(tx, there)
    answers: list[Visit | Refused] = []
    for id_ in ids:
        payment = found.get(id_)
        if payment is None:
            answers.append(PaymentUnknown())
            continue
        charge = next(iter(newest.get(id_, [])), None)
        in_suspense = aside.get(id_, [])
        page_version = PageVersion(
            payment.state,
            payment.updated_at,
            payment.expires_at,
            charge.expires_at if charge else None,
            len(in_suspense),
        )
        answers.append(
            Visit(
                payment=payment_rules.as_of(payment, now),
                charge=charge_rules.as_of(charge, now, payment.expires_at) if charge else None,
                offer=world.offer(known[payment.merchant_id], payment.product),
                in_suspense=in_suspense,
                now=now,
                version=page_version.version(now),
            )
        )
    return answers


async def page_versions(world: World, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The version of each payment's page, in one query: for those who wait for it to change."""
    now = world.clock.now()
    async with world.db.reading() as tx:
        found = await payments.page_versions(tx, ids)
    return {id_: page_version.version(now) for id_, page_version in found.items()}


def ways(world: World, visit: Visit) -> list[Way]:
    """The ways to pay that the merchant has enabled and has not ruled out itself; each says if and why it does not fit."""
    settled = visit.payment.method
    offered: list[Way] = []
    for channel in world.channels.values():
        spec = channel.spec
        if settled is not None and settled.channel != spec.name:
            continue
        options = usable_options(world, channel, visit.offer)
        if options is None or not world.offers(spec, visit.offer, visit.payment.product):
            continue
        if settled is not None and settled.option is not None:
            options = [settled.option]
        sold: list[str | None] = [*options] or [None]
        each = [limits(spec, visit.offer, option) for option in sold]
        least, most = min(least for least, _ in each), max(most for _, most in each)
        refusals = {option: _refusal(channel, option, visit) for option in sold}
        usable = [option for option in options if refusals[option] is None]
        refusal = None if None in refusals.values() else next(iter(refusals.values()))
        offered.append(Way(spec, usable or options, least, most, refusal))
    return offered


def _refusal(channel: Channel, option: str | None, visit: Visit) -> Refused | None:
    """Why the channel would not open this payment with this option."""
    method = _method(visit.payment, channel.spec, option)
    try:
        channel.plan(replace(visit.payment, method=method), visit.offer, visit.now)
    except Refused as refusal:
        return refusal
    return None


def chosen(world: World, visit: Visit, channel: str, option: str | None) -> Method | None:
    """The method that a buyer chose; None where the merchant had settled it all and it stands already.

    Raises ChannelNotEnabled for what is not among `ways`, or the way's own refusal.
    """
    for way in ways(world, visit):
        if way.channel == channel and (option in way.options if way.options else option is None):
            if way.refusal is not None:
                raise way.refusal
            if way.spec.shows == "card":  # a card is given with its choice
                break
            settled = visit.payment.method
            if settled is not None and (settled.option is not None or not way.options):
                return None
            return _method(visit.payment, world.channels[channel].spec, option)
    raise ChannelNotEnabled("method", title=channel.capitalize())


def first_fitting(world: World, visit: Visit) -> Method | None:
    """The method of a buyer who takes the first way that fits and needs no card; None where none does."""
    for way in ways(world, visit):
        if way.refusal is None and way.spec.shows != "card":
            return chosen(world, visit, way.channel, next(iter(way.options), None))
    return None


def card_way(world: World, visit: Visit) -> Way | None:
    """The way to pay this payment by a card that is given now; None where it takes none, or has one already."""
    payment, charge = visit.payment, visit.charge
    if payment.state == "awaiting":
        if charge is None or charge.card is not None or charge.state != "waiting":
            return None
    elif payment.state not in ("needs_method", "needs_confirmation"):
        return None
    usable = (way for way in ways(world, visit) if way.spec.shows == "card" and way.refusal is None)
    return next(usable, None)


def card_method(visit: Visit, way: Way) -> Method:
    """The method of a buyer who pays by a card; its network is known once the card is."""
    return _method(visit.payment, way.spec, None)


def _method(payment: Payment, spec: ChannelSpec, option: str | None) -> Method:
    """The method with what the merchant asked of it, in the name of the payment's customer where it asked nothing."""
    settled = payment.method
    customer = payment.details.customer if spec.in_the_payers_name else None
    name = " ".join(filter(None, (customer.given_name, customer.surname))) if customer else ""
    name = payment.details.shown_name or name
    if settled is None:
        return Method(spec.name, option, payer_name=name[:PAYER_NAME_LENGTH_MAX].strip(), left_to_buyer="method")
    return replace(
        settled,
        option=option,
        payer_name=settled.payer_name or name[:PAYER_NAME_LENGTH_MAX].strip(),
        left_to_buyer="" if settled.option is not None else "option",
    )


def may_go_back(visit: Visit) -> bool:
    """Whether the buyer may leave this charge: one that they chose themselves, or whose time was over before the payment's."""
    payment, charge = visit.payment, visit.charge
    if (
        payment.state not in ("awaiting", "authenticating")
        or payment.static
        or not payment.details.redirect
        or charge is None
    ):
        return False
    lapsed = charge.state == "expired"
    if charge.card is not None and not lapsed:
        return False  # its acquirer is asked for the money already
    return lapsed or bool(payment.method and payment.method.left_to_buyer)
