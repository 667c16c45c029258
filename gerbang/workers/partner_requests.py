"""Asks partners again what they have not answered, or about what they are still at work on."""

import asyncio

from gerbang.domain.partner_requests import PartnerRequest
from gerbang.services import payouts
from gerbang.services.batches import Batches
from gerbang.services.partner_requests import claim_due
from gerbang.services.payments import opening
from gerbang.world import World


async def ask_due(world: World, batches: Batches, connection: str | None = None) -> int:
    """Calls a partner, or all of them, about requests that are due, up to 32, and returns how many there were."""
    claimed = await claim_due(world, connection)
    # One that could not be written down must not keep the others from it.
    asked = await asyncio.gather(*(_ask(world, batches, request) for request in claimed), return_exceptions=True)
    for outcome in asked:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(claimed)


async def _ask(world: World, batches: Batches, request: PartnerRequest) -> None:
    if request.operation == "send":
        await payouts.ask(world, request)
    elif request.operation == "open":
        await batches.open_again(request)
    else:
        await opening.close(world, request)
