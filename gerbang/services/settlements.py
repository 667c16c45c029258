"""Settling: paid money becomes the merchant's to withdraw, less its fee, on the day that its channel's schedule says."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from msgspec.structs import replace

from gerbang import ids
from gerbang.clock import wib
from gerbang.db import Tx, charges, payments
from gerbang.db import settlements as kept
from gerbang.db.changes import write
from gerbang.domain.changes import Changes, Settled
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import Fee
from gerbang.domain.ledger import settling
from gerbang.domain.settlements import Settlement, parts_of
from gerbang.errors import PaymentUnknown, SettlementUnknown, WrongState
from gerbang.services import shared_commits
from gerbang.world import World

log = structlog.get_logger()
MOST_AT_ONCE = 1_000
"""Charges of one commit: many share it, and memory stays the same however many are due."""


TRIED_AGAIN_AFTER = timedelta(hours=1)


async def settle_due(world: World) -> int:
    """Settles charges whose day has come, up to 1,000 of them, and returns how many.

    All in one commit: the transfers, the settlement of each merchant's day, the charges and the events. A charge is locked
    and looked at again by it, so nothing is settled twice, whoever else is at work and whenever a process dies. One that
    cannot be settled is left for an hour, with a line in the log that names it, and holds up nobody else.
    """

    async def leave_out(failure: Exception) -> bool:
        async with world.db.transaction() as tx:
            now = world.clock.now()
            charge_id = await charges.postpone(tx, now, now + TRIED_AGAIN_AFTER)
        log.error("a charge could not be settled, and waits for an hour", charge=str(charge_id), exc_info=failure)
        return charge_id is not None

    return await shared_commits.take(MOST_AT_ONCE, partial(_settle_some, world), leave_out)


async def _settle_some(world: World, most: int) -> int:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        due = await charges.to_settle(tx, now, most)
        if due:
            about = [(charge.merchant_id, charge.payment_id) for charge in due]
            due = due[: await payments.fitting(tx, about, shared_commits.BYTES_MAX)]
            await _settle(world, tx, due, now)
    return len(due)


async def settle_now(world: World, merchant_id: UUID, charge_id: UUID) -> Charge:
    """Settles one paid charge before its day, as the sandbox may. Raises PaymentUnknown or WrongState."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        charge = await charges.locked(tx, merchant_id, charge_id)
        if charge is None:
            raise PaymentUnknown
        if charge.state != "succeeded" or charge.settled_at is not None:
            payment = (await payments.by_id(tx, [(merchant_id, charge.payment_id)]))[charge.payment_id]
            state = "settled" if charge.settled_at else payment.state
            raise WrongState(state=state, verb="settled")
        return (await _settle(world, tx, [charge], now))[0]


async def _settle(world: World, tx: Tx, due: Sequence[Charge], now: datetime) -> list[Charge]:
    day = wib(now).date()
    parts = parts_of((charge, day) for charge in due)
    named = await kept.add(tx, [(ids.uuid7(now), part) for part in parts], now)
    settled = [replace(charge, settled_at=now, settlement_id=named[charge.merchant_id, day]) for charge in due]
    about = await payments.by_id(tx, {(charge.merchant_id, charge.payment_id) for charge in due})
    transfers = [
        transfer
        for charge in due
        for transfer in settling(
            charge.merchant_id,
            charge.taken,
            Fee(charge.fee, charge.vat),
            payment_id=charge.payment_id,
            charge_id=charge.id,
        )
    ]
    events = [
        Event(
            charge.merchant_id,
            "charge.settled",
            now,
            charge.payment_id,
            charge.id,
            Snapshot(payment=about[charge.payment_id], charge=charge),
        )
        for charge in settled
    ]
    rows = [Settled(charge.merchant_id, charge.id, named[charge.merchant_id, day], now) for charge in due]
    await write(tx, Changes(settled=rows, transfers=transfers, events=events), now)
    return settled


async def newest(world: World, merchant_id: UUID, most: int) -> list[Settlement]:
    """A merchant's settlements, newest first."""
    async with world.db.reading() as tx:
        return await kept.newest(tx, merchant_id, most)


async def one(
    world: World, merchant_id: UUID, settlement_id: UUID, after: UUID | None, most: int
) -> tuple[Settlement, list[Charge]]:
    """A settlement with a part of its charges, from the one after `after` on. Raises SettlementUnknown."""
    async with world.db.reading() as tx:
        found = await kept.one(tx, merchant_id, settlement_id)
        if found is None:
            raise SettlementUnknown
        return found, await charges.of_settlement(tx, merchant_id, settlement_id, after, most)
