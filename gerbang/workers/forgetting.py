"""Deletes what is no longer needed: answers kept under idempotency keys that have expired, and old list positions."""

from gerbang.services import page_positions
from gerbang.services.payments import create
from gerbang.world import World


async def forget(world: World) -> int:
    """Deletes expired answers and list positions. Returns 0 after less than a full batch, so that it pauses."""
    await page_positions.forget(world)
    forgotten = await create.forget_keys(world)
    return forgotten if forgotten == create.FORGOTTEN_AT_ONCE else 0
