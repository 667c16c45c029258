"""Payments by card that nobody has come back to: the acquirer is asked what became of them, and what is held ends by time."""

from gerbang.db import charges
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.services.batches import Batches
from gerbang.services.cards import captures
from gerbang.world import World


async def take_up(world: World, batches: Batches, request: PartnerRequest) -> None:
    """Takes up a request to pay by card that is due: its answer was lost, its buyer is at their bank, or its money is held no more."""
    async with world.db.reading() as tx:
        charge = (await charges.by_id(tx, [(request.merchant_id, request.id)])).get(request.id)
    if charge is not None and charge.state == "authorized":
        await captures.lapse(world, request)
    else:
        await batches.ask_again_about_card(request)
