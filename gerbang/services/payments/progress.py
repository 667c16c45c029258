"""What a page or a partner says of a charge on its way: the buyer is being asked, or has agreed. `end` has how it may fail.

Each takes the payment's lock. What is said of another charge than the newest comes late, and changes nothing.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from gerbang.db import charges, payments
from gerbang.db.changes import write
from gerbang.domain import progress as rules
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.services.payments.read import own
from gerbang.world import World

Step = Callable[[Payment, Charge, datetime], Changes]


async def authenticating(world: World, merchant_id: UUID, payment_id: UUID, charge_id: UUID) -> Payment:
    """The buyer is at the page of their bank or wallet. Raises PaymentUnknown or WrongState."""
    return await take(world, merchant_id, payment_id, charge_id, rules.authenticating)


async def processing(world: World, merchant_id: UUID, payment_id: UUID, charge_id: UUID) -> Payment:
    """The buyer has agreed, and the partner is at work. Raises PaymentUnknown or WrongState."""
    return await take(world, merchant_id, payment_id, charge_id, rules.processing)


async def take(world: World, merchant_id: UUID, payment_id: UUID, charge_id: UUID, step: Step) -> Payment:
    """Takes one step of a payment's newest charge and writes it. Raises PaymentUnknown, and what the step raises."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payment = own(await payments.locked(tx, [(merchant_id, payment_id)]), merchant_id, payment_id)
        newest = await charges.newest(tx, [(merchant_id, payment_id)], most=1)
        charge = next(iter(newest.get(payment_id, [])), None)
        if charge is None or charge.id != charge_id:
            return payment
        changes = step(payment, charge, now)
        await write(tx, changes, now)
    return changes.payments.get(payment_id, payment)
