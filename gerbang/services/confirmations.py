"""Confirming a payment with a way to pay, and cancelling one before it has any."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.db import Tx, charges, merchants, payments
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method, Payment, cancelled, moved
from gerbang.errors import MethodMissing, PaymentUnknown, Refused
from gerbang.services import code_plans, numbers
from gerbang.services.code_plans import Plan
from gerbang.services.events import record_events
from gerbang.services.numbers import Crowded
from gerbang.world import World


class Confirmation(msgspec.Struct, frozen=True):
    """The wish to confirm a payment; `method` None stands for the one that it was created with."""

    merchant_id: UUID
    payment_id: UUID
    method: Method | None


class Cancellation(msgspec.Struct, frozen=True):
    merchant_id: UUID
    payment_id: UUID
    reason: str


Confirmed = tuple[Payment, Charge | None]
Told = Confirmed | Refused | Crowded


async def confirm_all(world: World, code_requests: Sequence[Confirmation], *, hurried: bool = False) -> list[Told]:
    """Confirms payments: each gets its number and waits for its buyer. One commit for all.

    Refusals: PaymentUnknown, WrongState, and what the channel refuses. Of two wishes for one payment the second is judged
    after the first, as if they had come alone. Who is hurried leaves those for whom a number must be looked for, as Crowded.
    """
    answers: dict[int, Told] = {}
    waiting = list(range(len(code_requests)))
    while waiting:
        first, waiting = _apart(code_requests, waiting)
        async with world.db.transaction() as tx:
            now = world.clock.now()
            held = await payments.locked(tx, [code_requests[i].payment_id for i in first])
            known = await merchants.by_id(tx, list({code_requests[i].merchant_id for i in first}))
            plans: dict[int, Plan] = {}
            for i in first:
                try:
                    plans[i] = _decided(world, code_requests[i], held, known, now)
                except Refused as refusal:
                    answers[i] = refusal.with_traceback(None)  # it would lead back to where it is kept
            answers.update(await _confirm(world, tx, plans, now, hurried=hurried))
    return [answers[i] for i in range(len(code_requests))]


def _apart(code_requests: Sequence[Confirmation], waiting: list[int]) -> tuple[list[int], list[int]]:
    """Those up to the first one whose payment was wished for before, and that one with all that follow it."""
    seen: set[UUID] = set()
    for place, i in enumerate(waiting):
        if code_requests[i].payment_id in seen:
            return waiting[:place], waiting[place:]
        seen.add(code_requests[i].payment_id)
    return waiting, []


async def _confirm(world: World, tx: Tx, plans: dict[int, Plan], now: datetime, *, hurried: bool) -> dict[int, Told]:
    """Takes numbers for plans and writes what has become of their payments."""
    code_requests = [plan.code_request for plan in plans.values() if plan.code_request]
    taken = await numbers.take(tx, world.allocator, code_requests, now, hurried=hurried)
    answers: dict[int, Told] = {}
    for (i, plan), number in zip(plans.items(), taken, strict=True):
        answers[i] = code_plans.opened(plan, number, now) if isinstance(number, str) else number
    done = [answer for answer in answers.values() if isinstance(answer, tuple)]
    await payments.update(tx, [payment for payment, _ in done])
    await charges.insert(tx, [charge for _, charge in done if charge is not None])
    events = [
        Event(payment.merchant_id, "payment.confirmed", now, payment.id, charge.id if charge else None)
        for payment, charge in done
    ]
    await record_events(tx, events, now)
    return answers


def _decided(
    world: World, code_request: Confirmation, held: dict[UUID, Payment], known: dict[UUID, Merchant], now: datetime
) -> Plan:
    payment = own(held, code_request.merchant_id, code_request.payment_id)
    # The state is judged before the method: to a payment that is over, no method is the right one.
    moved(payment, "activate" if payment.static else "confirm", now)
    method = code_request.method or payment.method
    if method is None:
        raise MethodMissing("method")
    offer = world.offer(known[code_request.merchant_id], payment.product)
    if code_request.method is not None and payment.method != code_request.method:
        code_plans.check_number(code_request.method, offer, payment)
    return code_plans.plan(world, replace(payment, method=method), offer, now)


async def cancel(world: World, code_request: Cancellation) -> Payment:
    """Ends a payment that has no number yet. Raises PaymentUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await payments.locked(tx, [code_request.payment_id])
        payment = cancelled(own(held, code_request.merchant_id, code_request.payment_id), code_request.reason, now)
        await payments.update(tx, [payment])
        event = Event(payment.merchant_id, "payment.cancelled", now, payment.id, None, Snapshot(payment=payment))
        await record_events(tx, [event], now)
    return payment


def own(held: dict[UUID, Payment], merchant_id: UUID, payment_id: UUID) -> Payment:
    """The merchant's payment. Raises PaymentUnknown, also for another merchant's: it is not told that there is one."""
    payment = held.get(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise PaymentUnknown
    return payment
