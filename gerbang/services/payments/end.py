"""Ending payments: a merchant cancels, a wallet's buyer declines, a buyer goes back to choose again, or time is over.

Readers know an expiry from its instant on; `expire_due` writes it down and notifies the merchant.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx, charges, merchants, partner_requests, paycodes, payments
from gerbang.db.changes import write
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.changes import Changes, Freed
from gerbang.domain.charges import Charge, Failure
from gerbang.domain.events import Event, Kind, Snapshot
from gerbang.domain.partner_requests import OpenCode
from gerbang.domain.payments import Payment, as_of
from gerbang.errors import WrongState
from gerbang.logs import Seldom
from gerbang.services import shared_commits
from gerbang.services.partner_requests import closing
from gerbang.services.payments.read import own
from gerbang.world import World

MOST_AT_ONCE = 500


class Cancellation(msgspec.Struct, frozen=True):
    merchant_id: UUID
    payment_id: UUID
    reason: str


class Decline(msgspec.Struct, frozen=True):
    """A wallet or a bank says that a charge will not be paid, and why."""

    merchant_id: UUID
    payment_id: UUID
    charge_id: UUID
    failure: Failure = "declined"


class Lapse(msgspec.Struct, frozen=True):
    """A partner says that a charge's time is over, although its buyer may have agreed to it."""

    merchant_id: UUID
    payment_id: UUID
    charge_id: UUID


class Reopening(msgspec.Struct, frozen=True):
    """A buyer wants to leave a charge and choose another way to pay."""

    merchant_id: UUID
    payment_id: UUID
    charge_id: UUID


# -- by the merchant --------------------------------------------------------------------------------------------------


async def cancel(world: World, request: Cancellation) -> Payment:
    """Ends a payment that has no number yet. Raises PaymentUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = await _locked(tx, request.merchant_id, request.payment_id)
        payment = payment_rules.cancelled(locked, request.reason, now)
        await write(tx, _ended(payment, "payment.cancelled", now), now)
    return payment


async def withdraw(world: World, request: Cancellation) -> Payment:
    """Ends an unpaid payment, whether or not it has a number; money that still comes by it is late, and held in suspense.

    Raises PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = await _locked(tx, request.merchant_id, request.payment_id)
        payment = payment_rules.withdrawn(locked, request.reason, now)
        changes = _ended(payment, "payment.cancelled", now)
        charge = await _newest(tx, payment)
        if charge is not None and charge.state in charge_rules.MOVES["expire"]:
            await _let_go(tx, changes, charge_rules.ended(charge, now), now)
        await write(tx, changes, now)
    return payment


# -- by the buyer -----------------------------------------------------------------------------------------------------


async def decline(world: World, said: Decline) -> Payment:
    """Fails a charge that was declined.

    A payment with a page goes back to the choice of ways to pay; any other ends with its only charge. What is said of
    another charge than the newest, or said again, changes nothing. Raises PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = as_of(await _locked(tx, said.merchant_id, said.payment_id), now)
        charge = await _newest(tx, locked)
        if charge is None or charge.id != said.charge_id or charge.state == "failed":
            return locked
        if charge.state not in charge_rules.MOVES["fail"]:
            raise WrongState(state=locked.state, verb="declined")
        charge = charge_rules.failed(charge, said.failure, now)
        if locked.details.redirect:
            payment = payment_rules.reopened(locked, now)
            changes = _reopened(payment, charge, now)
        else:
            payment = payment_rules.failed(locked, now)
            changes = _ended(payment, "payment.failed", now, charge)
        await _let_go(tx, changes, charge, now)
        await write(tx, changes, now)
    return payment


async def reopen(world: World, request: Reopening) -> Payment:
    """Ends a charge so that its buyer can choose again; money that still comes by it is late, and held in suspense.

    A request about another charge than the newest, or one that was left before, comes from a page that is out of date, and
    changes nothing. Raises
    PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = await _locked(tx, request.merchant_id, request.payment_id)
        charge = await _newest(tx, locked)
        if charge is None or charge.id != request.charge_id or charge.state in ("expired", "failed"):
            return as_of(locked, now)
        over = charge.expires_at is not None and charge.expires_at <= now
        if not over and not (locked.method and locked.method.left_to_buyer):
            raise WrongState(state=locked.state, verb="opened again: the merchant chose how it is paid")
        payment = payment_rules.reopened(locked, now)
        changes = _reopened(payment, charge, now)
        await _let_go(tx, changes, charge_rules.given_up(charge, now), now)
        await write(tx, changes, now)
    return payment


# -- by time ----------------------------------------------------------------------------------------------------------


async def expire_due(world: World, log: Seldom | None = None) -> int:
    """Ends payments whose time is over, up to 500 of them, and returns how many.

    One that cannot be ended is left out and holds up nobody else. A line of `log` names it, and an audit names all.
    """
    broken = 0

    async def end_some(most: int) -> int:
        async with world.db.transaction() as tx:
            now = world.clock.now()
            due = await payments.due(tx, now, most, skip=broken)
            if due:
                due = due[: await payments.fitting(tx, due, shared_commits.BYTES_MAX)]
                locked = await payments.by_id(tx, due)
                await write(tx, _expired([as_of(locked[id_], now) for _, id_ in due]), now)
        return len(due)

    async def leave_out(failure: Exception) -> bool:
        nonlocal broken
        async with world.db.transaction() as tx:
            due = await payments.due(tx, world.clock.now(), 1, skip=broken)
        broken += 1
        (log or Seldom()).error("a payment could not be ended", payments=[str(id_) for _, id_ in due], exc_info=failure)
        return bool(due)

    # Those left out are the first to be due next time too, and must not make it look as if there were always more.
    return max(0, await shared_commits.take(MOST_AT_ONCE, end_some, leave_out) - broken)


async def expire_now(world: World, merchant_id: UUID, payment_id: UUID) -> Payment:
    """Ends a payment before its time, for the sandbox. Raises PaymentUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = as_of(await _locked(tx, merchant_id, payment_id), now)
        if locked.state not in ("opening", "awaiting", "authenticating", "processing", "active"):
            raise WrongState(state=locked.state, verb="expired")
        payment = payment_rules.lapsed(locked, now)
        changes = _expired([payment])
        charge = await _newest(tx, payment)
        if charge is not None and charge.state in charge_rules.MOVES["lapse"]:  # no time of ours ends it
            changes.charges[charge.id] = charge_rules.lapsed(charge, now)
        instructions = charge.instructions if charge else payment.method.instructions if payment.method else None
        if payment.method is not None and instructions is not None:
            free_at = await _free_at(tx, merchant_id, now)
            changes.freed.append(
                Freed(instructions.connection, payment.method.channel, instructions.number, payment.id, free_at)
            )
            await _close(tx, changes, charge.id if charge else payment.id, instructions.number, now)
        await write(tx, changes, now)
    return payment


async def lapse(world: World, said: Lapse) -> Payment:
    """Ends a payment whose newest charge ran out of time at its partner, also one that is in process, which no time of ours ends.

    What is said of another charge, or said again, changes nothing. Raises PaymentUnknown or WrongState.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = as_of(await _locked(tx, said.merchant_id, said.payment_id), now)
        charge = await _newest(tx, locked)
        if charge is None or charge.id != said.charge_id or charge.state in ("expired", "failed"):
            return locked
        if charge.state not in charge_rules.MOVES["expire"] | charge_rules.MOVES["lapse"]:
            raise WrongState(state=locked.state, verb="expired")
        payment = payment_rules.lapsed(locked, now)
        changes = _expired([payment])
        await _let_go(tx, changes, charge_rules.lapsed(charge, now), now)
        await write(tx, changes, now)
    return payment


async def release_numbers(world: World) -> int:
    """Lets numbers go whose quarantine is over, up to 500 of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await paycodes.release_due(tx, world.clock.now(), MOST_AT_ONCE)


# -- what is written --------------------------------------------------------------------------------------------------


def _ended(payment: Payment, kind: Kind, now: datetime, charge: Charge | None = None) -> Changes:
    """A payment that has ended, and the event of it."""
    snapshot = Snapshot(payment=payment, charge=charge)
    event = Event(payment.merchant_id, kind, now, payment.id, charge.id if charge else None, snapshot)
    return Changes(payments={payment.id: payment}, events=[event])


def _reopened(payment: Payment, charge: Charge, now: datetime) -> Changes:
    event = Event(payment.merchant_id, "payment.reopened", now, payment.id, charge.id)
    return Changes(payments={payment.id: payment}, events=[event])


def _expired(ended: Sequence[Payment]) -> Changes:
    events = [
        Event(payment.merchant_id, "payment.expired", payment.updated_at, payment.id, None, Snapshot(payment=payment))
        for payment in ended
    ]
    return Changes(payments={payment.id: payment for payment in ended}, events=events)


async def _locked(tx: Tx, merchant_id: UUID, payment_id: UUID) -> Payment:
    """A merchant's payment, locked until the commit. Raises PaymentUnknown."""
    return own(await payments.locked(tx, [(merchant_id, payment_id)]), merchant_id, payment_id)


async def _newest(tx: Tx, payment: Payment) -> Charge | None:
    newest = await charges.newest(tx, [(payment.merchant_id, payment.id)], most=1)
    return next(iter(newest.get(payment.id, [])), None)


async def _let_go(tx: Tx, changes: Changes, charge: Charge, now: datetime) -> None:
    """Adds a charge that has ended; its number is free again after the merchant's quarantine, and closed at its partner."""
    changes.charges[charge.id] = charge
    free_at = await _free_at(tx, charge.merchant_id, now)
    code = charge.instructions
    changes.freed.append(Freed(code.connection, charge.channel, code.number, charge.payment_id, free_at))
    await _close(tx, changes, charge.id, code.number, now)


async def _close(tx: Tx, changes: Changes, opened_by: UUID, number: str, now: datetime) -> None:
    """Adds that the partner must end a code before its time, where a partner has opened it."""
    opening = (await partner_requests.by_id(tx, [opened_by])).get(opened_by)
    if opening is not None and opening.state == "done" and isinstance(opening.asked, OpenCode):
        changes.new_requests.append(closing(opening, number, now))


async def _free_at(tx: Tx, merchant_id: UUID, now: datetime) -> datetime:
    merchant = (await merchants.by_id(tx, [merchant_id]))[merchant_id]
    return now + merchant.agreement.quarantine
