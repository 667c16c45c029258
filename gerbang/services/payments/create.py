"""Creating payments: look up what is known, decide each order, and write all of them in one commit."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from gerbang.db import Tx, idempotency, partner_requests, wait_as_for_writing
from gerbang.domain.changes import Changes, KeptAnswer
from gerbang.domain.events import Event
from gerbang.errors import KeyReused, NotOpenYet, ReferenceTaken, Refused
from gerbang.services.payments import decide, numbers, opening
from gerbang.services.payments.attempts import each_answered
from gerbang.services.payments.codes import Plan
from gerbang.services.payments.decide import Made, NewPayment
from gerbang.services.payments.numbers import Crowded
from gerbang.services.payments.opening import Noted
from gerbang.world import World

Answer = bytes | Noted | Refused | Crowded
KEY_REMEMBERED = timedelta(hours=24)
"""How long an idempotency key is remembered (payment-session reference, 1.4)."""


async def create_all(world: World, orders: Sequence[NewPayment], *, hurried: bool = False) -> list[Answer | Exception]:
    """Creates payments and returns each one's rendered answer, or why it was refused, or what its partner must be asked.

    Orders of one batch that share a key, a reference or a customer are taken one after the other, as if they had come
    alone. Who is hurried leaves those for whom a number must be looked for, as Crowded.
    """
    return await each_answered(orders, _names, partial(_create, world, hurried))


async def _create(
    world: World, hurried: bool, orders: Mapping[int, NewPayment], sure: bool
) -> tuple[dict[int, Answer], list[int]]:
    """Answers of orders that were created, repeated or refused; and those whose refusal must be looked at again."""
    # A search for numbers and a quota hold locks until what was found is written.
    needs_locks = not hurried or any(order.kind == "static" for order in orders.values())
    async with world.db.transaction() if needs_locks else world.db.reading() as tx:
        now = world.clock.now()
        answers, fresh = await _repeated(world, tx, orders, now)
        repeated = bool(answers)
        if not fresh:
            await wait_as_for_writing(tx)
            return answers, []
        plans = await decide.plans_of(world, tx, fresh, now)
        answers |= {i: plan for i, plan in plans.items() if isinstance(plan, Refused)}
        requests = {
            i: request for i, plan in plans.items() if isinstance(plan, Plan) and (request := plan.code_request)
        }
        found = await numbers.find(tx, world.allocator, list(requests.values()), now, hurried=hurried)
        given = dict(zip(requests, found, strict=True))
        unsure = [i for i, number in given.items() if isinstance(number, Refused) and not sure]
        answers |= {i: number for i, number in given.items() if not isinstance(number, str) and i not in unsure}
        made: dict[int, Made] = {}
        for i, plan in plans.items():
            number = given.get(i)
            if isinstance(plan, Plan) and (number is None or isinstance(number, str)):
                made[i] = decide.made(world, fresh[i], plan, number, now)
        changes = Changes()
        for i, one in made.items():
            if i in requests and given[i]:
                changes.new_paycodes.append(numbers.paycode(requests[i], str(given[i]), now))
            _add(changes, one)
        await numbers.write_found(tx, world.allocator, changes, list(requests.values()), now)
        if repeated and not made:  # otherwise the commit of what was written has waited
            await wait_as_for_writing(tx)
    return answers | {i: _answer(one) for i, one in made.items()}, unsure


def _answer(one: Made) -> Answer:
    if one.answer is not None:
        return one.answer
    assert one.request is not None, "without an answer there is somebody to be asked for it"
    return Noted(one.request)


def _add(changes: Changes, one: Made) -> None:
    """Adds a payment with everything that is written with it."""
    payment, charge, order = one.payment, one.charge, one.order
    changes.new_payments.append(payment)
    if charge is not None:
        changes.new_charges.append(charge)
    if one.customer is not None:
        changes.customers.append(one.customer)
    if one.request is not None:
        changes.new_requests.append(one.request)
    changes.stored_cards += one.stored_cards
    if order.key is not None:
        request_id = one.request.id if one.request else None
        until = payment.created_at + KEY_REMEMBERED
        changes.new_answers.append(
            KeptAnswer(order.merchant_id, order.key, order.fingerprint, one.answer, until, request_id)
        )
    charge_id = charge.id if charge else None
    changes.events.append(Event(payment.merchant_id, "payment.created", payment.created_at, payment.id, charge_id))


def _names(order: NewPayment) -> dict[Hashable, object]:
    """What only one order of a batch may bring, unless others say exactly the same of it."""
    # An object of its own is the same as no other.
    names: dict[Hashable, object] = {(order.merchant_id, f"reference {order.scope}", order.reference): object()}
    if order.key is not None:
        names[order.merchant_id, "key", order.key] = object()
    if order.customer_id is not None:
        names[order.merchant_id, "customer", order.customer_id] = (order.customer, order.customer_id)
    if order.customer is not None and order.customer.email:
        names[order.merchant_id, "email", order.customer.email] = (order.customer, order.customer_id)
    return names


async def _repeated(
    world: World, tx: Tx, orders: Mapping[int, NewPayment], now: datetime
) -> tuple[dict[int, Answer], dict[int, NewPayment]]:
    """The answers of repeated requests and of references that are taken, and the orders that are new."""
    asked = [idempotency.Asked(o.merchant_id, o.scope, o.reference, o.key) for o in orders.values()]
    known = await idempotency.known(tx, asked, now)
    unanswered = [each.request_id for each in known.values() if each.answer is None and each.request_id is not None]
    asked_for = await partner_requests.by_id(tx, unanswered) if unanswered else {}
    answers: dict[int, Answer] = {}
    for place, (i, order) in enumerate(orders.items()):
        if (repeated := known.get(place)) is None:
            continue
        if repeated.fingerprint is None:
            answers[i] = ReferenceTaken("reference")
        elif repeated.fingerprint != order.fingerprint:
            answers[i] = KeyReused()
        elif repeated.answer is not None:
            answers[i] = repeated.answer
        else:
            request = asked_for.get(repeated.request_id) if repeated.request_id else None
            answers[i] = await opening.answer_to_repeat(world, tx, request) if request else NotOpenYet()
    return answers, {i: order for i, order in orders.items() if i not in answers}


async def forget_keys(world: World, most: int) -> int:
    """Forgets idempotency keys that are past their 24 hours, up to `most` of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await idempotency.forget(tx, world.clock.now(), most)
