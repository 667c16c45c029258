"""Whether the house stands."""

from gerbang.world import World


async def check(world: World) -> None:
    """Raises Unavailable when the database does not answer."""
    await world.db.ping()
