"""Writing down that payments have ended. Readers know it from the instant on; this tells the books and the merchants."""

from uuid import UUID

from gerbang.db import charges, merchants, paycodes, payments
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.payments import Payment, as_of, expired_early
from gerbang.errors import WrongState
from gerbang.services import news
from gerbang.services.confirmations import own
from gerbang.world import World

MOST_AT_ONCE = 500


async def expire_due(world: World) -> int:
    """Ends payments whose time is over, up to 500 of them, and returns how many."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        ended = [as_of(payment, now) for payment in await payments.due(tx, now, MOST_AT_ONCE)]
        await payments.update(tx, ended)
        await news.announce(tx, [_event(payment) for payment in ended], now)
    return len(ended)


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
        block = payment.method.block if payment.method else None
        for charge in (await charges.newest(tx, [payment.id], most=1)).get(payment.id, []):
            block = charge.block
        if payment.method is not None and block is not None:
            free_at = now + merchant.agreement.quarantine
            await paycodes.free_after(tx, [(payment.method.channel, block.number, payment.id, free_at)])
        await news.announce(tx, [_event(payment)], now)
    return payment


def _event(payment: Payment) -> Event:
    at = payment.updated_at
    return Event(payment.merchant_id, "payment.expired", at, payment.id, None, Snapshot(payment=payment))


async def release_numbers(world: World) -> int:
    """Lets numbers go whose quarantine is over, up to 500 of them, and returns how many."""
    async with world.db.transaction() as tx:
        return await paycodes.release_due(tx, world.clock.now(), MOST_AT_ONCE)
