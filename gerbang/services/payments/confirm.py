"""Confirming a payment with a way to pay: it gets its number, and waits for its buyer."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.db import merchants, payments
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method, Payment, as_of, moved
from gerbang.errors import MethodMissing, NotOpenYet, Refused
from gerbang.services.cards.given import CardGiven, stored
from gerbang.services.payments import codes, numbers
from gerbang.services.payments.attempts import each_answered
from gerbang.services.payments.codes import Plan
from gerbang.services.payments.numbers import Crowded
from gerbang.services.payments.opening import Noted
from gerbang.services.payments.read import own
from gerbang.world import World


class Confirmation(msgspec.Struct, frozen=True):
    """A request to confirm a payment; `method` None stands for the one that it was created with."""

    merchant_id: UUID
    payment_id: UUID
    method: Method | None
    card: CardGiven | None = None
    """The card that is to pay, in memory alone."""


Confirmed = tuple[Payment, Charge | None]
Answer = Confirmed | Noted | Refused | Crowded


async def confirm_all(
    world: World, requests: Sequence[Confirmation], *, hurried: bool = False
) -> list[Answer | Exception]:
    """Confirms payments, all in one commit.

    Refusals: PaymentUnknown, WrongState, and what the channel refuses. Of two requests for one payment the second is
    decided after the first, as if they had come alone. Who is hurried leaves those for whom a number must be looked for,
    as Crowded.
    """
    return await each_answered(requests, _names, partial(_confirm, world, hurried))


def _names(request: Confirmation) -> dict[Hashable, object]:
    """Of two requests for one payment the second comes after the first."""
    return {request.payment_id: object()}


async def _confirm(
    world: World, hurried: bool, requests: Mapping[int, Confirmation], sure: bool
) -> tuple[dict[int, Answer], list[int]]:
    """Answers of requests that were confirmed or refused; and those whose refusal must be looked at again."""
    answers: dict[int, Answer] = {}
    changes = Changes()
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = await payments.locked(tx, [(request.merchant_id, request.payment_id) for request in requests.values()])
        known = await merchants.by_id(tx, list({request.merchant_id for request in requests.values()}))
        plans: dict[int, Plan] = {}
        for i, request in requests.items():
            try:
                plans[i] = _plan(world, request, locked, known, now)
            except Refused as refusal:
                answers[i] = refusal.with_traceback(None)  # it would lead back to where it is kept
        wanted = {i: request for i, plan in plans.items() if (request := plan.code_request)}
        found = await numbers.find(tx, world.allocator, list(wanted.values()), now, hurried=hurried)
        unsure: list[int] = []
        for (i, request), number in zip(wanted.items(), found, strict=True):
            if isinstance(number, str):
                if number:
                    changes.new_paycodes.append(numbers.paycode(request, number, now))
                answers[i] = _add(world, changes, plans[i], number, now)
            elif isinstance(number, Refused) and not sure:
                unsure.append(i)
            else:
                answers[i] = number
        await numbers.write_found(tx, world.allocator, changes, list(wanted.values()), now)
    return answers, unsure


def _add(world: World, changes: Changes, plan: Plan, number: str, now: datetime) -> Confirmed | Noted:
    """Adds a payment with its number, or with what a partner must be asked before it can be paid."""
    request = plan.partner_request(number, None, now)
    if request is not None:
        changes.new_requests.append(request)
    if request is not None and plan.card is None:
        payment, charge = plan.payment, None
    else:
        payment, charge = codes.opened(plan, number, now)
    changes.payments[payment.id] = payment
    if charge is not None:
        changes.new_charges.append(charge)
    if plan.card is not None and plan.given is not None and charge is not None:
        changes.stored_cards += stored(world.vault, payment, plan.card, plan.given, charge.id, now)
    charge_id = charge.id if charge else None
    changes.events.append(Event(payment.merchant_id, "payment.confirmed", payment.updated_at, payment.id, charge_id))
    return (payment, charge) if request is None else Noted(request)


def _plan(
    world: World, request: Confirmation, locked: Mapping[UUID, Payment], known: Mapping[UUID, Merchant], now: datetime
) -> Plan:
    payment = own(locked, request.merchant_id, request.payment_id)
    if as_of(payment, now).state == "opening":
        raise NotOpenYet
    # The state is checked before the method: to a payment that is over, no method is the right one.
    moved(payment, "activate" if payment.static else "confirm", now)
    method = request.method or payment.method
    if method is None:
        raise MethodMissing("method")
    offer = world.offer(known[request.merchant_id], payment.product)
    if request.method is not None and payment.method != request.method:
        codes.check_number(request.method, offer, payment)
    payment = replace(payment, method=method)
    return codes.plan(world, payment, codes.channel_for(world, method, offer, payment), offer, now, request.card)
