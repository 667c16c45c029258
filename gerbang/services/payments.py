"""Creating payments: many at a time, each with its own answer or refusal, all in one commit."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, charges, customers, idempotency, merchants, paycodes, payments
from gerbang.domain.charges import Charge
from gerbang.domain.customers import Customer, known_as
from gerbang.domain.events import Event
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details, Kind, Method, Payment, expiry
from gerbang.errors import (
    AmountMissing,
    CustomerUnknown,
    KeyReused,
    MerchantUnknown,
    ReferenceTaken,
    Refused,
    StandingNeedsApiMode,
)
from gerbang.services import news, numbers, opening
from gerbang.services.opening import Plan
from gerbang.world import World

KEY_REMEMBERED = timedelta(hours=24)
"""How long an idempotency key is remembered (payment-session reference, 1.4)."""


class NewPayment(msgspec.Struct, frozen=True):
    """A request to be paid, as any dialect may put it."""

    merchant_id: UUID
    reference: str
    kind: Kind
    amount: int | None
    method: Method | None
    details: Details
    descriptor: str | None
    expires_at: datetime | None
    answer: Callable[[Payment, Charge | None], bytes]
    """Renders the answer; its bytes are what a repetition of the request is given."""
    customer: Customer | None = None
    customer_id: str | None = None
    key: str | None = None
    fingerprint: bytes = b""


class _Made(msgspec.Struct, frozen=True):
    """A payment as it will be written, with the bytes of its answer."""

    order: NewPayment
    payment: Payment
    charge: Charge | None
    answer: bytes


async def create_all(world: World, orders: Sequence[NewPayment]) -> list[bytes | Refused]:
    """Makes payments and returns each one's rendered answer, or why it was refused. One commit for all.

    Requests of one batch that share a key, a reference or a customer are taken one after the other, as if they had come
    alone.
    """
    answers: dict[int, bytes | Refused] = {}
    waiting = list(range(len(orders)))
    while waiting:
        first, waiting = _apart(orders, waiting)
        async with world.db.transaction() as tx:
            now = world.clock.now()
            fresh = await _not_answered_yet(tx, orders, first, answers, now)
            lost = await _create(world, tx, orders, fresh, answers, now)
        # Somebody else took the key, the reference or the e-mail address in the same moment; by now it can be read.
        waiting = sorted(lost) + waiting
    return [answers[i] for i in range(len(orders))]


def _apart(orders: Sequence[NewPayment], waiting: list[int]) -> tuple[list[int], list[int]]:
    """Those up to the first one that shares a name with one before it, and that one with all that follow it."""
    seen: dict[tuple[UUID, str, str], object] = {}
    for place, i in enumerate(waiting):
        names = _names(orders[i], i)
        if any(seen.get(name, said) != said for name, said in names.items()):
            return waiting[:place], waiting[place:]
        seen |= names
    return waiting, []


def _names(order: NewPayment, i: int) -> dict[tuple[UUID, str, str], object]:
    """What only one order of a batch may bring, unless others say exactly the same of it."""
    names: dict[tuple[UUID, str, str], object] = {(order.merchant_id, "reference", order.reference): i}
    if order.key is not None:
        names[order.merchant_id, "key", order.key] = i
    if order.customer_id is not None:
        names[order.merchant_id, "customer", order.customer_id] = (order.customer, order.customer_id)
    if order.customer is not None and order.customer.email:
        names[order.merchant_id, "email", order.customer.email] = (order.customer, order.customer_id)
    return names


async def _not_answered_yet(
    tx: Tx, orders: Sequence[NewPayment], indexes: list[int], answers: dict[int, bytes | Refused], now: datetime
) -> list[int]:
    """Answers repetitions and references that are taken; returns the rest."""
    keys = [(orders[i].merchant_id, key) for i in indexes if (key := orders[i].key) is not None]
    kept = await idempotency.find(tx, keys, now) if keys else {}
    taken = await payments.references_taken(tx, [(orders[i].merchant_id, orders[i].reference) for i in indexes])
    fresh: list[int] = []
    for i in indexes:
        order = orders[i]
        known = kept.get((order.merchant_id, order.key)) if order.key is not None else None
        if known is not None:
            answers[i] = known.answer if known.fingerprint == order.fingerprint else KeyReused()
        elif (order.merchant_id, order.reference) in taken:
            answers[i] = ReferenceTaken("reference")
        else:
            fresh.append(i)
    return fresh


async def _create(
    world: World,
    tx: Tx,
    orders: Sequence[NewPayment],
    indexes: list[int],
    answers: dict[int, bytes | Refused],
    now: datetime,
) -> list[int]:
    """Makes the payments, fills in their answers, and returns those that lost a race and must be looked at again."""
    if not indexes:
        return []
    known = await merchants.by_id(tx, list({orders[i].merchant_id for i in indexes}))
    who = await _customers(tx, [orders[i] for i in indexes], now)
    plans: dict[int, Plan] = {}
    for i, customer in zip(indexes, who, strict=True):
        try:
            plans[i] = _decided(world, orders[i], known, customer, now)
        except Refused as refusal:
            answers[i] = refusal
    made = await _numbered(world, tx, orders, plans, answers, now)
    lost = await _written(tx, made, now)
    for i, one in made.items():
        if i not in lost:
            answers[i] = one.answer
    kept = [one for i, one in made.items() if i not in lost]
    await charges.insert(tx, [one.charge for one in kept if one.charge is not None])
    await _announce(tx, kept, now)
    return lost


async def _customers(
    tx: Tx, orders: Sequence[NewPayment], now: datetime
) -> list[tuple[str, Customer] | Refused | None]:
    """Who each order's customer is: (id, what is known of them). The e-mail address decides, then the id that was given."""
    by_email_wanted = [
        (order.merchant_id, email) for order in orders if order.customer and (email := order.customer.email)
    ]
    by_id_wanted = [(order.merchant_id, order.customer_id) for order in orders if order.customer_id]
    by_email = await customers.by_email(tx, by_email_wanted) if by_email_wanted else {}
    by_id = await customers.by_id(tx, by_id_wanted) if by_id_wanted else {}
    found: list[tuple[str, Customer] | Refused | None] = []
    given: dict[tuple[UUID, str], str] = {}
    for order in orders:
        if order.customer is None and order.customer_id is None:
            found.append(None)
            continue
        email = order.customer.email if order.customer else None
        row = by_email.get((order.merchant_id, email or "")) or by_id.get((order.merchant_id, order.customer_id or ""))
        if row is not None:
            found.append((row.id, known_as(order.customer, row.customer) if order.customer else row.customer))
        elif order.customer is None:
            found.append(CustomerUnknown("customer_id"))
        else:
            fresh = order.customer_id or str(ids.uuid7(now))
            customer_id = given.setdefault((order.merchant_id, email), fresh) if email else fresh
            found.append((customer_id, order.customer))
    return found


def _decided(
    world: World,
    order: NewPayment,
    known: dict[UUID, Merchant],
    customer: tuple[str, Customer] | Refused | None,
    now: datetime,
) -> Plan:
    """Judges one order. Raises its refusal."""
    if isinstance(customer, Refused):
        raise customer
    merchant = known.get(order.merchant_id)
    if merchant is None:
        raise MerchantUnknown
    if order.kind == "single" and order.amount is None:
        raise AmountMissing("amount")
    if order.kind == "multiple" and order.details.redirect:
        raise StandingNeedsApiMode("mode")
    payment = Payment(
        id=ids.uuid7(now),
        merchant_id=merchant.id,
        reference=order.reference,
        kind=order.kind,
        amount=order.amount,
        state="needs_method" if order.details.auto_confirm else "needs_confirmation",
        created_at=now,
        updated_at=now,
        expires_at=expiry(order.expires_at, order.kind, order.amount, now),
        descriptor=order.descriptor if order.descriptor is not None else merchant.short_name,
        details=replace(order.details, customer=customer[1]) if customer else order.details,
        method=order.method,
        customer_id=customer[0] if customer else None,
    )
    if order.method is None:
        return Plan(payment, merchant)
    channel = opening.channel_for(world, order.method, merchant, standing=payment.standing)
    option_open = bool(channel.options(merchant)) and order.method.option is None
    if option_open and (order.details.redirect or not order.details.auto_confirm):
        return Plan(payment, merchant)
    if not order.details.auto_confirm:
        channel.open(payment, merchant, now)  # so that a wrong method is told now and not at the confirmation
        return Plan(payment, merchant)
    return opening.plan(world, payment, merchant, now)


async def _numbered(
    world: World,
    tx: Tx,
    orders: Sequence[NewPayment],
    plans: dict[int, Plan],
    answers: dict[int, bytes | Refused],
    now: datetime,
) -> dict[int, _Made]:
    """Gives those plans a number that need one, and renders the answers."""
    wishes = {i: wish for i, plan in plans.items() if (wish := plan.wish) is not None}
    taken = await numbers.take(tx, world.cursors, list(wishes.values()), now) if wishes else []
    given = dict(zip(wishes, taken, strict=True))
    made: dict[int, _Made] = {}
    for i, plan in plans.items():
        number = given.get(i)
        if isinstance(number, Refused):
            answers[i] = number
            continue
        payment, charge = (plan.payment, None) if number is None else opening.opened(plan, number, now)
        made[i] = _Made(orders[i], payment, charge, orders[i].answer(payment, charge))
    return made


async def _written(tx: Tx, made: dict[int, _Made], now: datetime) -> list[int]:
    """Writes answers, payments and customers; returns those of which the key, the reference or the e-mail address had
    just been taken.
    """
    answers = {
        i: idempotency.Kept(
            one.order.merchant_id, one.order.key, one.order.fingerprint, one.answer, now + KEY_REMEMBERED
        )
        for i, one in made.items()
        if one.order.key is not None
    }
    kept = await idempotency.keep(tx, list(answers.values()), now)
    lost = [i for i, answer in answers.items() if (answer.merchant_id, answer.key) not in kept]
    written = await payments.insert(tx, [one.payment for i, one in made.items() if i not in lost])
    late = [i for i, one in made.items() if i not in lost and one.payment.id not in written]
    strangers = await _keep_customers(tx, {i: one for i, one in made.items() if i not in lost + late}, now)
    if strangers:
        await payments.delete(tx, [made[i].payment.id for i in strangers])
    late += strangers
    if lost or late:
        await paycodes.delete(tx, [held for i in lost + late if (held := _held(made[i])) is not None])
        await idempotency.delete(tx, [(answers[i].merchant_id, answers[i].key) for i in late if i in answers])
    return lost + late


def _held(one: _Made) -> tuple[str, str, UUID] | None:
    """The number that a payment was given: channel, number, payment."""
    payment, charge = one.payment, one.charge
    if charge is not None:
        return charge.channel, charge.block.number, payment.id
    if payment.method is not None and payment.method.block is not None:
        return payment.method.channel, payment.method.block.number, payment.id
    return None


async def _keep_customers(tx: Tx, made: dict[int, _Made], now: datetime) -> list[int]:
    """Writes what was said of customers; returns those whose e-mail address somebody else has just written."""
    rows: dict[int, customers.Row] = {}
    for i, one in made.items():
        payment = one.payment
        if one.order.customer is not None and payment.customer_id is not None and payment.details.customer is not None:
            rows[i] = customers.Row(payment.merchant_id, payment.customer_id, payment.details.customer)
    if not rows:
        return []
    said = list({(row.merchant_id, row.id): row for row in rows.values()}.values())
    await customers.insert(tx, said, now)
    known = await customers.update(tx, said, now)
    return [i for i, row in rows.items() if (row.merchant_id, row.id) not in known]


async def _announce(tx: Tx, made: Sequence[_Made], now: datetime) -> None:
    counts: dict[UUID, int] = {}
    events: list[Event] = []
    for one in made:
        payment = one.payment
        counts[payment.merchant_id] = counts.get(payment.merchant_id, 0) + 1
        charge_id = one.charge.id if one.charge else None
        events.append(Event(payment.merchant_id, "payment.created", now, payment.id, charge_id))
    await news.announce(tx, events, now, counts)


async def forget_keys(world: World) -> int:
    """Forgets idempotency keys that are past their 24 hours, and returns how many."""
    async with world.db.transaction() as tx:
        return await idempotency.forget(tx, world.clock.now())
