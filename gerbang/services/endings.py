"""Ending payments that have a number: a merchant takes its payment back, or a wallet's buyer declines."""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx, charges, merchants, paycodes, payments
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.payments import Payment
from gerbang.errors import PaymentUnknown, WrongState
from gerbang.services.confirmations import Cancellation, own
from gerbang.services.events import record_events
from gerbang.world import World

DECLINED = "CANCELLED_BY_USER"
"""The failure of a charge that its buyer declined in a wallet (payment-session reference, 5.3)."""


class Decline(msgspec.Struct, frozen=True):
    """The word of a wallet that a charge will not be paid."""

    payment_id: UUID
    charge_id: UUID


async def withdraw(world: World, code_request: Cancellation) -> Payment:
    """Ends an unpaid payment, whether or not it has a number; money that still comes by it is set aside as late.

    Raises PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = own(
            await payments.locked(tx, [code_request.payment_id]), code_request.merchant_id, code_request.payment_id
        )
        payment = payment_rules.withdrawn(held, code_request.reason, now)
        charge = await _newest(tx, payment.id)
        if charge is not None and charge.state in charge_rules.MOVES["expire"]:
            await _end(tx, payment, charge_rules.ended(charge, now), now)
        await payments.update(tx, [payment])
        event = Event(payment.merchant_id, "payment.cancelled", now, payment.id, None, Snapshot(payment=payment))
        await record_events(tx, [event], now)
    return payment


async def decline(world: World, word: Decline) -> Payment:
    """Writes down that a charge was declined.

    A payment with a page goes back to the choice of ways to pay; any other ends with its only charge. A word about another
    charge than the newest, or a second one, changes nothing. Raises PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = (await payments.locked(tx, [word.payment_id])).get(word.payment_id)
        if held is None:
            raise PaymentUnknown
        held = payment_rules.as_of(held, now)
        charge = await _newest(tx, held.id)
        if charge is None or charge.id != word.charge_id or charge.state == "failed":
            return held
        if charge.state not in charge_rules.MOVES["fail"]:
            raise WrongState(state=held.state, verb="declined")
        page = held.details.redirect
        payment = payment_rules.reopened(held, now) if page else payment_rules.failed(held, now)
        charge = charge_rules.failed(charge, DECLINED, now)
        await _end(tx, payment, charge, now)
        await payments.update(tx, [payment])
        snapshot = None if page else Snapshot(payment=payment, charge=charge)
        kind = "payment.reopened" if page else "payment.cancelled"
        await record_events(tx, [Event(payment.merchant_id, kind, now, payment.id, charge.id, snapshot)], now)
    return payment


async def _newest(tx: Tx, payment_id: UUID) -> Charge | None:
    return next(iter((await charges.newest(tx, [payment_id], most=1)).get(payment_id, [])), None)


async def _end(tx: Tx, payment: Payment, charge: Charge, now: datetime) -> None:
    """Writes a charge that has ended, and lets its number go after the merchant's quarantine."""
    merchant = (await merchants.by_id(tx, [payment.merchant_id]))[payment.merchant_id]
    rest = now + merchant.agreement.quarantine
    await paycodes.free_after(tx, [(charge.channel, charge.instructions.number, payment.id, rest)])
    await charges.update(tx, [charge])
