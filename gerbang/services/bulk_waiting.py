"""Bulk payouts that wait for the merchant's balance: looked at again each minute, or cancelled."""

from typing import Literal
from uuid import UUID

from gerbang.db import bulk_payouts as kept
from gerbang.db import ledger
from gerbang.db.changes import write
from gerbang.domain.bulk_payouts import CANCELLED, BulkPayout, cancelled, running, still_short, totals_of
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.ledger import payable
from gerbang.domain.payouts import ready, refused
from gerbang.services.bulk_payouts import request_of, reserved_for
from gerbang.services.payout_ends import bulk_event
from gerbang.services.payouts import hold_balance
from gerbang.world import World

AT_ONCE_MAX = 100
Outcome = Literal["cancelled", "no_such_bulk_payout", "not_waiting"]


async def go_on(world: World) -> int:
    """Has the bulk payouts sent that waited for a balance which covers them now, and returns how many those are."""
    async with world.db.reading() as tx:
        due = await kept.due(tx, world.clock.now(), AT_ONCE_MAX)
        owners = [payable(bulk.merchant_id, "payouts") for bulk in due]
        balances = await ledger.balances(tx, owners) if due else {}
    gone_on = 0
    for bulk, owner in zip(due, owners, strict=True):
        if -balances.get(owner, 0) < bulk.needed:
            await _put_off(world, bulk)
        elif await _reserve(world, bulk):
            gone_on += 1
    return gone_on


async def _put_off(world: World, asked: BulkPayout) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        bulk = await kept.locked(tx, asked.merchant_id, asked.id)
        if bulk is not None and bulk.state == "waiting":
            await write(tx, Changes(bulk_payouts={bulk.id: still_short(bulk, now)}), now)


async def _reserve(world: World, asked: BulkPayout) -> bool:
    """Reserves the money of all lines, and has them sent. False where the balance does not cover them after all."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        lines = await kept.locked_lines(tx, asked.merchant_id, asked.id)
        bulk = await kept.locked(tx, asked.merchant_id, asked.id)
        if bulk is None or bulk.state != "waiting":
            return False
        if await hold_balance(tx, bulk.merchant_id, "payouts") < bulk.needed:
            await write(tx, Changes(bulk_payouts={bulk.id: still_short(bulk, now)}), now)
            return False
        started = [ready(line, now) for line in lines if line.state == "approved"]
        changes = Changes(
            payouts={line.id: line for line in started},
            new_requests=[request_of(line, now) for line in started],
            bulk_payouts={bulk.id: running(bulk, now)},
            transfers=reserved_for(started),
        )
        await write(tx, changes, now)
    return True


async def cancel(world: World, merchant_id: UUID, bulk_id: UUID) -> Outcome:
    """Ends a bulk payout whose money was not reserved yet: none of its lines is sent, and the merchant is notified."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        lines = await kept.locked_lines(tx, merchant_id, bulk_id)
        bulk = await kept.locked(tx, merchant_id, bulk_id)
        if bulk is None:
            return "no_such_bulk_payout"
        if bulk.state != "waiting":
            return "not_waiting"
        ended = [refused(line, CANCELLED, now) for line in lines if line.state == "approved"]
        others = [line for line in lines if line.state != "approved"]
        bulk = cancelled(bulk, now)
        events = [Event(merchant_id, "payout.failed", now, snapshot=Snapshot(payout=line)) for line in ended]
        events.append(bulk_event(bulk, totals_of([*others, *ended]), now))
        changes = Changes(payouts={line.id: line for line in ended}, bulk_payouts={bulk.id: bulk}, events=events)
        await write(tx, changes, now)
    return "cancelled"
