"""What moved a merchant's balance, page by page."""

from uuid import UUID

from gerbang.db import balance_history as kept
from gerbang.domain.balance_history import Asked, Movement
from gerbang.services import page_positions
from gerbang.services.page_positions import Page, Place
from gerbang.world import World


async def page(world: World, merchant_id: UUID, asked: Asked, number: int, size: int) -> tuple[list[Movement], int]:
    """A page of what moved a balance, the newest first, and how many movements there are in the whole span."""
    async with world.db.reading() as tx:

        async def read(place: Place) -> list[Movement]:
            below = None if place.seen is None else place.seen.int + place.with_it
            return await kept.page(tx, merchant_id, asked, below=below, skip=place.skip, most=size)

        found = await page_positions.read_page(
            world, tx, Page(merchant_id, ("movements", asked), number, size), read, _place
        )
        return found, await kept.count(tx, merchant_id, asked)


def _place(movement: Movement) -> UUID:
    """Where a movement stands in its list, in the form in which positions are kept."""
    return UUID(int=movement.number)
