"""Writing down that payments have ended. Readers know it from the instant on; this tells the books and the merchants."""

from uuid import UUID

from gerbang.db import charges, merchants, paycodes, payments
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.payments import Payment, as_of, expired_early
from gerbang.errors import WrongState
from gerbang.logs import Seldom
from gerbang.services import shared_commits
from gerbang.services.confirmations import own
from gerbang.services.events import record_events
from gerbang.world import World

MOST_AT_ONCE = 500


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
                held = await payments.by_id(tx, due)
                ended = [as_of(held[id_], now) for id_ in due]
                await payments.update(tx, ended)
                await record_events(tx, [_event(payment) for payment in ended], now)
        return len(due)

    async def leave_out(failure: Exception) -> bool:
        nonlocal broken
        async with world.db.transaction() as tx:
            due = await payments.due(tx, world.clock.now(), 1, skip=broken)
        broken += 1
        (log or Seldom()).error("a payment could not be ended", payments=[str(id_) for id_ in due], exc_info=failure)
        return bool(due)

    # Those left out are the first to be due next time too, and must not make it look as if there were always more.
    return max(0, await shared_commits.take(MOST_AT_ONCE, end_some, leave_out) - broken)


async def expire_now(world: World, merchant_id: UUID, payment_id: UUID) -> Payment:
    """Ends a payment before its time, for the sandbox. Raises PaymentUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payment = as_of(own(await payments.locked(tx, [payment_id]), merchant_id, payment_id), now)
        if payment.state not in ("awaiting", "active"):
            raise WrongState(state=payment.state, verb="expired")
        payment = expired_early(payment, now)
        await payments.update(tx, [payment])
        merchant = (await merchants.by_id(tx, [merchant_id]))[merchant_id]
        instructions = payment.method.instructions if payment.method else None
        for charge in (await charges.newest(tx, [payment.id], most=1)).get(payment.id, []):
            instructions = charge.instructions
        if payment.method is not None and instructions is not None:
            free_at = now + merchant.agreement.quarantine
            await paycodes.free_after(tx, [(payment.method.channel, instructions.number, payment.id, free_at)])
        await record_events(tx, [_event(payment)], now)
    return payment


def _event(payment: Payment) -> Event:
    at = payment.updated_at
    return Event(payment.merchant_id, "payment.expired", at, payment.id, None, Snapshot(payment=payment))


async def release_numbers(world: World) -> int:
    """Lets numbers go whose quarantine is over, up to 500 of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await paycodes.release_due(tx, world.clock.now(), MOST_AT_ONCE)
