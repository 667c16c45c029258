"""Money going back: a bank reverses what had arrived. It is never refused, and taken from the merchant once."""

from datetime import datetime
from uuid import UUID

from gerbang import ids
from gerbang.db import Tx, reversals, wait_as_for_writing
from gerbang.db import reports as reports_kept
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Kind
from gerbang.domain.ledger import money_back
from gerbang.domain.merchants import PLATFORM
from gerbang.domain.reversals import Reversal, Reversed
from gerbang.services import late_money
from gerbang.world import World

AT_ONCE_MAX = 100


async def reverse(world: World, reversal: Reversal) -> Reversed:
    """Records a reversal once, and takes the money from where it is.

    What was booked comes out of the merchant's available balance, which may go below zero: the merchant then owes it. What
    was held in suspense comes out of suspense. A reversal of money that went back before moves nothing, and one of money
    that is not known waits for it.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        await reports_kept.claim(tx, [reversal.original_name])
        before = await reversals.known(tx, reversal)
        if before is not None:
            await wait_as_for_writing(tx)
            return before
        done, changes = await _decide(tx, reversal, ids.uuid7(now), now)
        await write(tx, changes, now)
    return done


async def reverse_overtaken(world: World) -> int:
    """Takes back money that has arrived after its reversal, up to 100 times, and returns how often."""
    async with world.db.reading() as tx:
        waiting = await reversals.overtaken(tx, AT_ONCE_MAX)
    count = 0
    for reversal in waiting:
        async with world.db.transaction() as tx:
            now = world.clock.now()
            await reports_kept.claim(tx, [reversal.original_name])
            before = await reversals.known(tx, reversal)
            if before is not None and before.outcome == "unknown_money":
                done, changes = await _decide(tx, reversal, before.id, now)
                if done.outcome == "reversed":
                    await write(tx, changes, now)
                    count += 1
    return count


async def _decide(tx: Tx, reversal: Reversal, id_: UUID, now: datetime) -> tuple[Reversed, Changes]:
    """What becomes of a reversal, and what it changes."""
    found = (await reports_kept.known(tx, [reversal.original_name])).get(reversal.original_name, [])
    booked = [known.booked for known in found if known.booked.amount == reversal.amount]
    gone = await reversals.reversed_reports(tx, [(one.merchant_id, one.id) for one in booked])
    taken = next((one for one in booked if one.id not in gone), None)
    # One name may have money of two merchants: whose it was is said by the money that goes back.
    merchant_id = (taken or booked[0]).merchant_id if booked else PLATFORM
    outcome = "reversed" if taken else "reversed_before" if booked else "unknown_money"
    done = Reversed(id_, reversal, outcome, merchant_id, taken.id if taken else None)
    kind: Kind = "reversal.unknown"
    changes = Changes(new_reversals=[done])
    if taken is not None:
        was_booked = taken.outcome == "booked"
        is_credited = was_booked or await late_money.has_left_suspense(tx, taken)
        kind = "charge.reversed" if was_booked else "money.reversed"
        changes.transfers += money_back(
            reversal.connection,
            taken.merchant_id,
            taken.amount,
            payment_id=taken.payment_id,
            report_id=taken.id,
            was_booked=is_credited,
        )
    payment_id, charge_id = (taken.payment_id, taken.charge_id) if taken else (None, None)
    changes.events.append(Event(done.merchant_id, kind, now, payment_id, charge_id))
    return done, changes
