"""Forgetting what has no use any more: answers kept for repetitions that can no longer come."""

from gerbang.services import payments
from gerbang.world import World


async def forget(world: World) -> int:
    """Forgets old idempotency keys. Returns 0 once few are left, so that it keeps its slow rhythm."""
    forgotten = await payments.forget_keys(world)
    return forgotten if forgotten == payments.FORGOTTEN_AT_ONCE else 0
