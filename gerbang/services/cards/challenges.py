"""The page on which a card's bank asks who pays: in a sandbox it is played here, and anywhere its buyers come back from it."""

from contextlib import suppress

from gerbang.connections import BankAnswer, PlaysBanks
from gerbang.db import partner_requests
from gerbang.domain.charges import Charge
from gerbang.domain.partner_requests import AuthorizeCard, PartnerRequest
from gerbang.errors import PaymentUnknown, WrongState
from gerbang.services.batches import Batches
from gerbang.services.cards import asking
from gerbang.services.cards.asking import CardAnswer
from gerbang.services.payments import progress
from gerbang.world import World


async def begun(world: World, charge: Charge) -> None:
    """Writes down that the buyer is at their bank's page. Changes nothing for a charge that does not wait for that."""
    with suppress(PaymentUnknown, WrongState):
        await progress.authenticating(world, charge.merchant_id, charge.payment_id, charge.id)


async def answered(world: World, batches: Batches, charge: Charge, answer: BankAnswer) -> None:
    """Plays the buyer at their bank's page. A second answer, as from another tab, changes nothing."""
    assert not world.live, "a live gateway plays nobody's bank"
    request = await _request(world, charge)
    partner = world.partners.named(request.connection) if request is not None else None
    if request is None or partner is None or not isinstance(partner.provider, PlaysBanks):
        return
    asked, now = request.asked, world.clock.now()
    assert isinstance(asked, AuthorizeCard), "a request to pay by card"
    outcome = partner.provider.challenged(request.id, asked, answer, now)
    await batches.card_answered(CardAnswer(request, outcome))


async def came_back(world: World, batches: Batches, charge: Charge) -> None:
    """Asks the acquirer what became of a card whose buyer has come back from their bank."""
    request = await _request(world, charge)
    said = await asking.ask_again(world, request) if request is not None else None
    if said is not None:
        await batches.card_answered(said)


async def _request(world: World, charge: Charge) -> PartnerRequest | None:
    """The request to pay by card, if its acquirer still waits for the buyer."""
    async with world.db.reading() as tx:
        request = (await partner_requests.by_id(tx, [charge.id])).get(charge.id)
    return request if request is not None and request.state == "processing" else None
