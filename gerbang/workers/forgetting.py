"""Forgetting what has no use any more: answers kept for repetitions that can no longer come, and old walks."""

from gerbang.services import payments, walks
from gerbang.world import World


async def forget(world: World) -> int:
    """Forgets old idempotency keys, and how far lists were read. Returns 0, so that it keeps its slow rhythm."""
    await payments.forget_keys(world)
    await walks.forget(world)
    return 0
