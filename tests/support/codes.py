"""Payments whose codes a partner must know of or makes: a process with such a partner, and what became of a payment."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from gerbang.clock import MovableClock
from gerbang.connections import CodeKind
from gerbang.connections.simulator import Simulator
from tests.support.partners import asking
from tests.support.services import START, Services, forget_power_cuts, services


@asynccontextmanager
async def process(url: str, kind: CodeKind, simulator: Simulator | None = None) -> AsyncGenerator[Services]:
    """A process in whose database nothing of an earlier test is due; at the end all that must be true of it is."""
    await forget_power_cuts(url)
    async with services(url, clock=MovableClock(START, ticking=False)) as here:
        async with here.world.db.transaction() as tx:
            await tx.execute(
                "UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL", START + timedelta(999)
            )
        yield asking(here, kind, simulator)
        assert await here.faults() == []


async def states(here: Services, payment: UUID) -> tuple[str, list[str]]:
    """The state of a payment and of its charges."""
    (row,) = await here.rows("SELECT state FROM payments WHERE id = $1", payment)
    listed = await here.rows("SELECT state FROM charges WHERE payment_id = $1 ORDER BY id", payment)
    return row["state"], [each["state"] for each in listed]


async def the_only_payment(here: Services, merchant: UUID) -> UUID:
    (row,) = await here.rows("SELECT id FROM payments WHERE merchant_id = $1", merchant)
    return row["id"]


async def settle_openings(here: Services) -> None:
    """Lets some minutes pass in which workers ask again."""
    for _ in range(6):
        here.pass_time(minutes=2)
        await here.workers.catch_up()
