"""Forgetting what has no use any more: answers kept for repetitions that can no longer come, and old walks."""

from gerbang.services import walks
from gerbang.services.payments import create
from gerbang.world import World


async def forget(world: World) -> int:
    """Forgets old answers and how far lists were read. Returns 0 once few are left, so that it keeps its slow rhythm."""
    await walks.forget(world)
    forgotten = await create.forget_keys(world)
    return forgotten if forgotten == create.FORGOTTEN_AT_ONCE else 0
