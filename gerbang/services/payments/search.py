"""Lists of what is paid once: one-time payments and arrivals on static paycodes, filtered, in the order of time."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from uuid import UUID

import msgspec

from gerbang import ids
from gerbang.db import Tx, charges, lists, payments
from gerbang.db.lists import HIGHEST, LOWEST, Listed, Span
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.errors import PaymentUnknown, Refused
from gerbang.services import page_positions
from gerbang.services.page_positions import Page, Place
from gerbang.world import World

STATES: dict[str, tuple[tuple[str, ...], bool | None]] = {
    "pending": (("needs_method", "needs_confirmation", "opening", "awaiting", "authenticating", "processing"), None),
    "paid": (("paid",), False),
    "settled": (("paid",), True),
    "cancelled": (("cancelled",), None),
    "expired": (("expired",), None),
    "failed": (("failed",), None),
}
"""The states of payments behind a word of a list, and whether they are settled."""


class PaymentLookup(msgspec.Struct, frozen=True):
    """A merchant asks for one payment, or one arrival."""

    merchant_id: UUID
    id: UUID


class Wanted(msgspec.Struct, frozen=True):
    """Which payments are asked for: from `created_after` on, up to `created_before`, without it."""

    status: str | None = None
    reference: str | None = None
    tail: str | None = None
    """The last ten digits of an arrival's id, where the reference is one that was made of them."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    newest_first: bool = True
    most: int = 10


class Paid(msgspec.Struct, frozen=True):
    """A payment with its newest charge, or with the charge that is the arrival in question."""

    payment: Payment
    charge: Charge | None

    @property
    def id(self) -> UUID:
        return self.charge.id if self.charge is not None and self.charge.static else self.payment.id


async def page(world: World, merchant_id: UUID, wanted: Wanted, number: int) -> list[Paid]:
    """A page of a merchant's payments."""
    async with world.db.reading() as tx:
        if wanted.reference is not None:
            return await _by_reference(world, tx, merchant_id, wanted, number)

        async def read(place: Place) -> list[Listed]:
            return await _in_status(tx, merchant_id, wanted.status, _span(wanted, place), world.clock.now())

        asked = Page(merchant_id, ("payments", wanted), number, wanted.most)
        listed = await page_positions.read_page(world, tx, asked, read, itemgetter(0))
        return await _paid(world, tx, merchant_id, listed)


async def _in_status(tx: Tx, merchant_id: UUID, status: str | None, span: Span, now: datetime) -> list[Listed]:
    if status == "pending":
        return await lists.pending(tx, merchant_id, span, now)
    if status == "expired":
        return await lists.expired(tx, merchant_id, span, now)
    return await _LISTS[status](tx, merchant_id, span)


_LISTS = {
    None: lists.page,
    "paid": lists.paid,
    "settled": lists.settled,
    "cancelled": lists.cancelled,
    "failed": lists.failed,
}


async def page_of_static(world: World, payment: Payment, wanted: Wanted, number: int) -> list[Paid]:
    """A page of the arrivals on one static paycode."""
    if wanted.status not in (None, "paid", "settled"):
        return []
    settled = None if wanted.status is None else wanted.status == "settled"
    async with world.db.reading() as tx:
        if wanted.reference is not None:
            return await _by_reference(world, tx, payment.merchant_id, wanted, number, on=payment)

        async def read(place: Place) -> list[Listed]:
            return await lists.arrivals(tx, payment.id, _span(wanted, place), settled)

        asked = Page(payment.merchant_id, ("arrivals", payment.id, wanted), number, wanted.most)
        listed = await page_positions.read_page(world, tx, asked, read, itemgetter(0))
        return await _paid(world, tx, payment.merchant_id, listed)


async def of_reference(world: World, merchant_id: UUID, scope: str, reference: str) -> Paid | None:
    """The payment of this reference in this series, with its newest charge."""
    async with world.db.reading() as tx:
        payment = await payments.by_reference(tx, merchant_id, reference, scope)
        if payment is None:
            return None
        newest = await charges.newest(tx, [(merchant_id, payment.id)], most=1)
    charge = next(iter(newest.get(payment.id, [])), None)
    return Paid(payment, charge) if payment.static else _now(payment, charge, world.clock.now())


async def find_all(world: World, questions: Sequence[PaymentLookup]) -> list[Paid | Refused]:
    """The one-time payment, or the arrival, of each id, many at a time. PaymentUnknown for those of other merchants too."""
    now = world.clock.now()
    asked = {(question.merchant_id, question.id) for question in questions}
    async with world.db.reading() as tx:
        known = await payments.by_id(tx, asked)
        newest = await charges.newest(tx, [key for key in asked if key[1] in known], most=1)
        arrived = await charges.by_id(tx, [key for key in asked if key[1] not in known])
        static = [(charge.merchant_id, charge.payment_id) for charge in arrived.values() if charge.static]
        about = await payments.by_id(tx, static)
    answers: list[Paid | Refused] = []
    for question in questions:
        payment, charge = known.get(question.id), next(iter(newest.get(question.id, [])), None)
        found = None
        if payment is not None and not payment.static:
            found = _now(payment, charge, now)
        elif (arrival := arrived.get(question.id)) is not None and arrival.static:
            found = Paid(about[arrival.payment_id], arrival)
        mine = found is not None and found.payment.merchant_id == question.merchant_id
        answers.append(found if found is not None and mine else PaymentUnknown())
    return answers


def _now(payment: Payment, charge: Charge | None, now: datetime) -> Paid:
    """A one-time payment with its newest charge, as they are now."""
    if charge is not None:
        charge = charge_rules.as_of(charge, now, payment.expires_at)
    return Paid(payment_rules.as_of(payment, now), charge)


async def static(world: World, merchant_id: UUID, low: UUID, high: UUID, channel: str) -> Payment:
    """The merchant's payment with a static paycode of a channel whose id lies between two. Raises PaymentUnknown."""
    async with world.db.reading() as tx:
        found = await payments.static_between(tx, merchant_id, low, high)
    for payment in found:
        method = payment.method
        if payment.static and method is not None and method.channel == channel and method.instructions is not None:
            return payment
    raise PaymentUnknown


def _span(wanted: Wanted, place: Place) -> Span:
    low = LOWEST if wanted.created_after is None else ids.first_of(wanted.created_after)
    high = HIGHEST if wanted.created_before is None else ids.first_of(wanted.created_before)
    edge = place.edge(wanted.newest_first)
    if edge is not None:
        low, high = (low, min(high, edge)) if wanted.newest_first else (max(low, edge), high)
    return Span(low, high, wanted.newest_first, place.skip, wanted.most)


async def _by_reference(
    world: World, tx: Tx, merchant_id: UUID, wanted: Wanted, number: int, on: Payment | None = None
) -> list[Paid]:
    """Payments of a reference, and the arrival whose reference it is; only the latter of one static paycode."""
    found: list[Listed] = []
    if on is None:
        named = await payments.of_reference(tx, merchant_id, wanted.reference or "")
        found = [(payment.id, False) for payment in named if not payment.static]
    if wanted.tail is not None:
        found += await lists.arrivals_by_tail(tx, merchant_id, wanted.tail)
    span = _span(wanted, Place())
    within = [(id_, arrived) for id_, arrived in found if span.low < id_ < span.high]
    paid = await _paid(world, tx, merchant_id, within)
    if on is not None:
        paid = [one for one in paid if one.payment.id == on.id]
    if wanted.status is not None:
        paid = [one for one in paid if _is(one, wanted.status)]
    paid.sort(key=lambda one: one.id, reverse=wanted.newest_first)
    return paid[(number - 1) * wanted.most : number * wanted.most]


def _is(one: Paid, status: str) -> bool:
    states, settled = STATES[status]
    state = "paid" if one.charge is not None and one.charge.static else one.payment.state
    return state in states and settled in (None, one.charge is not None and one.charge.settled_at is not None)


async def _paid(world: World, tx: Tx, merchant_id: UUID, listed: list[Listed]) -> list[Paid]:
    """The payments and charges of a merchant's list, as they are now, in its order."""
    now = world.clock.now()
    arrived = await charges.by_id(tx, [(merchant_id, id_) for id_, is_arrival in listed if is_arrival])
    asked = [id_ for id_, is_arrival in listed if not is_arrival]
    known = await payments.briefly(tx, merchant_id, [*asked, *{charge.payment_id for charge in arrived.values()}])
    newest = await charges.newest(tx, [(merchant_id, id_) for id_ in asked], most=1)
    found: list[Paid] = []
    for id_, is_arrival in listed:
        if is_arrival:
            found.append(Paid(known[arrived[id_].payment_id], arrived[id_]))
            continue
        found.append(_now(known[id_], next(iter(newest.get(id_, [])), None), now))
    return found
