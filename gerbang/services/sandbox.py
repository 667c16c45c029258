"""What a sandbox can do and a live gateway cannot: move time and receive callbacks itself. Buyers and banks are played by
`gerbang.services.simulations`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from gerbang.clock import MovableClock, SystemClock
from gerbang.db import charges, deliveries, ledger, merchants, partner_requests
from gerbang.db import sandbox as kept
from gerbang.db.sandbox import Received
from gerbang.domain.deliveries import LEASE, ON_ITS_WAY_MAX
from gerbang.errors import (
    ClockBackwards,
    MerchantUnknown,
    NotInLiveMode,
)
from gerbang.world import World

THE_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


def sandbox_clock(world: World) -> MovableClock:
    """The clock that can be moved. Raises NotInLiveMode."""
    if world.live or not isinstance(world.clock, MovableClock):
        raise NotInLiveMode
    return world.clock


async def move_clock(world: World, to: datetime) -> None:
    """Moves the clock forward for every process of this sandbox. Raises ClockBackwards."""
    clock = sandbox_clock(world)
    now = clock.now()
    if to < now:
        raise ClockBackwards("to", now=now)
    clock.move_to(to)
    await keep_clock(world)


async def keep_clock(world: World) -> None:
    """Writes down how far the clock is ahead of the machine's, so that it goes on there after a restart."""
    async with world.db.transaction() as tx:
        await kept.set_clock_offset(tx, sandbox_clock(world).offset.total_seconds())


async def kept_offset(world: World) -> float | None:
    async with world.db.reading() as tx:
        return await kept.clock_offset(tx)


async def next_due_at(world: World, after: datetime = THE_BEGINNING) -> datetime | None:
    """The nearest instant after this one at which something falls due: a delivery, a settlement, something to ask a partner.

    What is on its way just now is not due again. Expiries carry their own instant, whenever they are written down.
    """
    async with world.db.reading() as tx:
        due = [
            await deliveries.next_due_at(tx, after, SystemClock().now() - ON_ITS_WAY_MAX),
            await charges.next_settles_at(tx, after),
            await partner_requests.next_due_at(tx, after),
        ]
    return min((at for at in due if at is not None), default=None)


async def on_its_way(world: World, taken_until: datetime) -> bool:
    """Whether some process is sending a callback that it took up to this instant of the machine's clock.

    One that died has had it in hand for longer than any sending takes.
    """
    async with world.db.reading() as tx:
        since, due_until = SystemClock().now() - ON_ITS_WAY_MAX, world.clock.now() + LEASE
        return await deliveries.in_hand(tx, since, taken_until, due_until)


async def receive(world: World, merchant_id: UUID, path: str, headers: str, body: bytes) -> None:
    """Puts a request into a merchant's inbox. Raises MerchantUnknown: nobody may fill what no merchant empties."""
    async with world.db.transaction() as tx:
        if not await merchants.by_id(tx, [merchant_id]):
            raise MerchantUnknown
        await kept.receive(tx, merchant_id, world.clock.now(), path, headers, body)


async def received(world: World, merchant_id: UUID, most: int) -> Sequence[Received]:
    """What a merchant's inbox holds, newest first."""
    async with world.db.reading() as tx:
        return await kept.received(tx, merchant_id, most)


async def empty_inbox(world: World, merchant_id: UUID) -> int:
    """Empties a merchant's inbox and returns how much was in it."""
    async with world.db.transaction() as tx:
        return await kept.empty_inbox(tx, merchant_id)


async def balances_of(world: World, merchant_id: UUID) -> dict[str, int]:
    """What a merchant's own transfers have done to each account, in minor units."""
    async with world.db.reading() as tx:
        return await ledger.balances_of(tx, merchant_id)
