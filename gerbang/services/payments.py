"""Creating payments: many at a time, each with its own answer or refusal, all in one commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from gerbang.db import Tx, charges, creation, customers, idempotency, paycodes, payments, wait_as_for_writing
from gerbang.db.creation import Created
from gerbang.domain.events import Event
from gerbang.errors import KeyReused, ReferenceTaken, Refused
from gerbang.services import drafts, numbers
from gerbang.services.code_plans import Plan
from gerbang.services.drafts import Made, NewPayment
from gerbang.services.events import record_events
from gerbang.services.numbers import Crowded
from gerbang.world import World

Told = bytes | Refused | Crowded
KEY_REMEMBERED = timedelta(hours=24)
"""How long an idempotency key is remembered (payment-session reference, 1.4)."""
FORGOTTEN_AT_ONCE = 10_000
"""However many a worker that was stopped has left: no command may take more than a moment."""


async def create_all(world: World, orders: Sequence[NewPayment], *, hurried: bool = False) -> list[Told]:
    """Makes payments and returns each one's rendered answer, or why it was refused.

    Requests of one batch that share a key, a reference or a customer are taken one after the other, as if they had come
    alone. What can be hoped to be new is written in one statement; only what was taken, or refused, is looked at closely.
    Who is hurried leaves those for whom a number must be looked for, as Crowded.
    """
    answers: dict[int, Told] = {}
    waiting = list(range(len(orders)))
    while waiting:
        first, waiting = _apart(orders, waiting)
        answers.update(await _hopefully(world, orders, first, hurried=hurried))
        rest = [i for i in first if i not in answers]
        if rest:
            # Those that lost a race are looked at again: by now what the winner did can be read.
            waiting = sorted(await _carefully(world, orders, rest, answers, hurried=hurried)) + waiting
    return [answers[i] for i in range(len(orders))]


async def _hopefully(
    world: World, orders: Sequence[NewPayment], indexes: list[int], *, hurried: bool
) -> dict[int, Told]:
    """Writes the orders that nothing speaks against, all in one statement, and returns their answers.

    It writes none when anything of theirs turns out to be taken. A refusal is not believed here: the order may repeat
    one that was granted, and then it is given that one's answer.
    """
    now = world.clock.now()
    async with world.db.reading() as connection:
        plans = await drafts.plans_of(world, connection, orders, indexes, now)
        crowded = {i for i, plan in plans.items() if isinstance(plan, Plan) and _is_crowded(world, plan)}
        left: dict[int, Told] = {i: Crowded() for i in crowded} if hurried else {}
        granted = {i: plan for i, plan in plans.items() if isinstance(plan, Plan) and i not in crowded}
        code_requests = {
            i: code_request for i, plan in granted.items() if (code_request := plan.code_request) is not None
        }
        guessed = numbers.guess(world.allocator, list(code_requests.values()))
        if guessed is None or not granted:
            return left
        given = dict(zip(code_requests, guessed, strict=True))
        made = {i: drafts.made(orders[i], plan, given.get(i), now) for i, plan in granted.items()}
        rows = [
            Created(
                payment=one.payment,
                charge=one.charge,
                paycode=numbers.paycode(code_requests[i], given[i], now) if i in code_requests else None,
                answer=_kept(one, now),
                customer=one.customer,
            )
            for i, one in made.items()
        ]
        written = await creation.insert(connection, rows, now)
        return left | {i: one.answer for i, one in made.items() if written}


def _is_crowded(world: World, plan: Plan) -> bool:
    """Whether a number that was guessed for it would probably fail a whole batch."""
    return plan.code_plan is not None and world.allocator.crowded(plan.code_plan.range)


async def _carefully(
    world: World,
    orders: Sequence[NewPayment],
    indexes: list[int],
    answers: dict[int, Told],
    *,
    hurried: bool,
) -> list[int]:
    """Looks first and writes then, step by step; fills in answers, and returns those that lost a race meanwhile.

    Whoever is refused is looked for again: an equal request may have been granted since, and is the reason.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        fresh = await _not_answered_yet(tx, orders, indexes, answers, now)
        if not fresh:
            return []
        plans = await drafts.plans_of(world, tx, orders, fresh, now)
        made = await _numbered(world, tx, orders, plans, answers, now, hurried=hurried)
        lost = await _written(tx, made, now)
        await _not_answered_yet(tx, orders, [i for i in fresh if isinstance(answers.get(i), Exception)], answers, now)
        kept = [one for i, one in made.items() if i not in lost]
        await charges.insert(tx, [one.charge for one in kept if one.charge is not None])
        await _announce(tx, kept, now)
    answers.update({i: one.answer for i, one in made.items() if i not in lost})
    return lost


def _kept(one: Made, now: datetime) -> idempotency.Kept | None:
    """The answer, to be given again to whoever comes with the same key."""
    order = one.order
    if order.key is None:
        return None
    return idempotency.Kept(order.merchant_id, order.key, order.fingerprint, one.answer, now + KEY_REMEMBERED)


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
    names: dict[tuple[UUID, str, str], object] = {(order.merchant_id, f"reference {order.scope}", order.reference): i}
    if order.key is not None:
        names[order.merchant_id, "key", order.key] = i
    if order.customer_id is not None:
        names[order.merchant_id, "customer", order.customer_id] = (order.customer, order.customer_id)
    if order.customer is not None and order.customer.email:
        names[order.merchant_id, "email", order.customer.email] = (order.customer, order.customer_id)
    return names


async def _not_answered_yet(
    tx: Tx, orders: Sequence[NewPayment], indexes: list[int], answers: dict[int, Told], now: datetime
) -> list[int]:
    """Answers repetitions and references that are taken; returns the rest.

    References come first: who sees that an equal request has taken one must see its answer too.
    """
    if not indexes:
        return []
    taken = await payments.references_taken(tx, [_name(orders[i]) for i in indexes])
    keys = [(orders[i].merchant_id, key) for i in indexes if (key := orders[i].key) is not None]
    kept = await idempotency.find(tx, keys, now) if keys else {}
    if taken or kept:
        await wait_as_for_writing(tx)
    fresh: list[int] = []
    for i in indexes:
        order = orders[i]
        known = kept.get((order.merchant_id, order.key)) if order.key is not None else None
        if known is not None:
            answers[i] = known.answer if known.fingerprint == order.fingerprint else KeyReused()
        elif _name(order) in taken:
            answers[i] = ReferenceTaken("reference")
        else:
            fresh.append(i)
    return fresh


def _name(order: NewPayment) -> tuple[UUID, str, str]:
    return order.merchant_id, order.scope, order.reference


async def _numbered(
    world: World,
    tx: Tx,
    orders: Sequence[NewPayment],
    plans: dict[int, Plan | Refused],
    answers: dict[int, Told],
    now: datetime,
    *,
    hurried: bool,
) -> dict[int, Made]:
    """Gives those plans a number that need one, and renders the answers; refusals are filled in."""
    granted = {i: plan for i, plan in plans.items() if isinstance(plan, Plan)}
    code_requests = {i: code_request for i, plan in granted.items() if (code_request := plan.code_request) is not None}
    taken = (
        await numbers.take(tx, world.allocator, list(code_requests.values()), now, hurried=hurried)
        if code_requests
        else []
    )
    given = dict(zip(code_requests, taken, strict=True))
    made: dict[int, Made] = {}
    for i, plan in plans.items():
        number = given.get(i)
        if isinstance(plan, Refused):
            answers[i] = plan
        elif number is not None and not isinstance(number, str):
            answers[i] = number
        else:
            made[i] = drafts.made(orders[i], plan, number, now)
    return made


async def _written(tx: Tx, made: dict[int, Made], now: datetime) -> list[int]:
    """Writes answers, payments and customers; returns those of which the key, the reference or the e-mail address had
    just been taken.
    """
    answers = {i: answer for i, one in made.items() if (answer := _kept(one, now)) is not None}
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


def _held(one: Made) -> tuple[str, str, UUID] | None:
    """The number that a payment was given: channel, number, payment."""
    payment, charge = one.payment, one.charge
    if charge is not None:
        return charge.channel, charge.instructions.number, payment.id
    if payment.method is not None and payment.method.instructions is not None:
        return payment.method.channel, payment.method.instructions.number, payment.id
    return None


async def _keep_customers(tx: Tx, made: dict[int, Made], now: datetime) -> list[int]:
    """Writes what was said of customers; returns those whose e-mail address somebody else has just written."""
    rows = {i: row for i, one in made.items() if (row := one.customer) is not None}
    if not rows:
        return []
    said = list({(row.merchant_id, row.id): row for row in rows.values()}.values())
    await customers.insert(tx, said, now)
    known = await customers.update(tx, said, now)
    return [i for i, row in rows.items() if (row.merchant_id, row.id) not in known]


async def _announce(tx: Tx, made: Sequence[Made], now: datetime) -> None:
    counts: dict[UUID, int] = {}
    events: list[Event] = []
    for one in made:
        payment = one.payment
        counts[payment.merchant_id] = counts.get(payment.merchant_id, 0) + 1
        charge_id = one.charge.id if one.charge else None
        events.append(Event(payment.merchant_id, "payment.created", now, payment.id, charge_id))
    await record_events(tx, events, now, counts)


async def forget_keys(world: World) -> int:
    """Forgets idempotency keys that are past their 24 hours, up to 10,000 of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await idempotency.forget(tx, world.clock.now(), FORGOTTEN_AT_ONCE)
