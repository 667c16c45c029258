"""Deletes what is no longer needed: expired idempotency keys, old list positions, and what banks called their requests."""

from gerbang.services import inquiries, page_positions
from gerbang.services.payments import create
from gerbang.world import World


async def forget(world: World) -> int:
    """Deletes what has expired. Returns 0 after less than a full batch of answers, so that it pauses."""
    await page_positions.forget(world)
    await inquiries.forget_calls(world)
    forgotten = await create.forget_keys(world)
    return forgotten if forgotten == create.FORGOTTEN_AT_ONCE else 0
