"""Whether the gateway can work."""

from gerbang.db import health, reason_of
from gerbang.errors import Unavailable
from gerbang.world import World


async def complaint(world: World) -> str | None:
    """Why nothing can be written just now; None where a small write was committed within two seconds."""
    try:
        await world.db.promptly(health.write_a_little)
    except Unavailable as gone:
        return reason_of(gone)
    return None
