"""Asking the acquirer of a card, outside of every transaction, and writing down what it says.

1. One commit notes the charge, waiting, with the request to the acquirer.
2. The acquirer is asked, holding nothing. The card is in memory alone: after a silence it is gone, and the acquirer is asked what
   became of the request, never given the card again.
3. One commit writes its answer: the buyer is sent to their bank, the money is held or taken, or the charge has failed.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from uuid import UUID

import msgspec
import structlog

from gerbang.connections import Approved, CardOutcome, NotApproved, Silence, TakesCards
from gerbang.db import Tx, charges, idempotency, merchants, payments, stored_cards
from gerbang.db import partner_requests as requests
from gerbang.db import reports as kept_reports
from gerbang.db.changes import write
from gerbang.domain import partner_requests as rules
from gerbang.domain.changes import Answered, Changes
from gerbang.domain.partner_requests import AuthorizeCard, CaptureCard, PartnerRequest, VoidCard
from gerbang.errors import NotOpenYet, Unavailable
from gerbang.partners import Partner
from gerbang.services.cards import captures, outcomes
from gerbang.services.cards.given import CardGiven
from gerbang.services.partner_requests import put_off
from gerbang.services.payments.attempts import each_answered
from gerbang.services.payments.opening import NowOpen, rendered
from gerbang.services.reports import UnitOfWork
from gerbang.world import World

log = structlog.get_logger()


class CardAnswer(msgspec.Struct, frozen=True):
    """What an acquirer has answered to a request."""

    request: PartnerRequest
    outcome: CardOutcome


def asked_of(request: PartnerRequest) -> AuthorizeCard:
    """What a request to pay by card asks."""
    assert isinstance(request.asked, AuthorizeCard), "a request to pay by card"
    return request.asked


# -- asking -----------------------------------------------------------------------------------------------------------


async def ask(world: World, request: PartnerRequest, given: CardGiven) -> CardAnswer:
    """Gives the acquirer a card that was just noted, and forgets it. Raises NotOpenYet where it is silent."""
    card = given.card
    try:
        partner, acquirer = _acquirer(world, request) or (None, None)
        if partner is None or acquirer is None:
            raise NotOpenYet
        asked, now = asked_of(request), world.clock.now()
        try:
            outcome = await partner.call(
                f"card {request.id}", lambda link: acquirer.authorize(link, request.id, asked, card, now)
            )
        except Silence:
            await put_off(world, request)
            raise NotOpenYet from None
    finally:
        card.forget()
    return CardAnswer(request, outcome)


async def ask_again(world: World, request: PartnerRequest) -> CardAnswer | None:
    """Asks the acquirer what became of a card; None where it is silent.

    One that never got it will not be given it again: nobody has the card any more.
    """
    found = _acquirer(world, request)
    if found is None:
        await put_off(world, request)
        return None
    partner, acquirer = found
    asked, now = asked_of(request), world.clock.now()
    try:
        outcome = await partner.call(
            f"card {request.id}", lambda link: acquirer.authorized(link, request.id, asked, now)
        )
    except Silence:
        await put_off(world, request)
        return None
    return CardAnswer(request, outcome or NotApproved("unavailable"))


async def take_up(world: World, request: PartnerRequest) -> None:
    """Takes up a capture, or the letting go of what is held, that is due."""
    found = _acquirer(world, request)
    if found is None:
        await put_off(world, request)
        return
    partner, acquirer = found
    asked, now = request.asked, world.clock.now()

    try:
        if isinstance(asked, CaptureCard):
            said = await partner.call(
                f"capture {request.id}", lambda link: acquirer.capture(link, request.id, asked, now)
            )
            await captures.record(world, request, said)
        elif isinstance(asked, VoidCard):
            await partner.call(f"release {request.id}", lambda link: acquirer.void(link, request.id, asked, now))
            await _released(world, request)
    except Silence:
        await put_off(world, request)


async def _released(world: World, request: PartnerRequest) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = (await requests.locked(tx, [request.id])).get(request.id)
        if locked is not None and not locked.ended:
            await write(tx, Changes(requests={locked.id: rules.done(locked, locked.partner_reference, now)}), now)


def _acquirer(world: World, request: PartnerRequest) -> tuple[Partner, TakesCards] | None:
    partner = world.partners.named(request.connection)
    if partner is not None and partner.acquirer is not None:
        return partner, partner.acquirer
    log.error("a card's connection is not there any more", request=str(request.id), connection=request.connection)
    return None


# -- writing the answers ----------------------------------------------------------------------------------------------


async def write_all(world: World, answers: Sequence[CardAnswer]) -> list[NowOpen | Exception]:
    """Writes what acquirers have answered, all in one commit, and says how each payment is after it."""
    return await each_answered(answers, _names, partial(_write, world))


def _names(answer: CardAnswer) -> dict[Hashable, object]:
    """Answers about one payment are written one after the other: each decides by what the one before it left."""
    return {asked_of(answer.request).payment_id: object()}


async def _write(world: World, given: Mapping[int, CardAnswer], sure: bool) -> tuple[dict[int, NowOpen], list[int]]:
    answers: dict[int, NowOpen] = {}
    async with world.db.transaction() as tx:
        work = await opened(world, tx, [one.request for one in given.values()])
        taken = [
            outcomes.money_of(one.request, one.outcome) for one in given.values() if isinstance(one.outcome, Approved)
        ]
        work.known |= await kept_reports.known(tx, {report.name for report in taken})
        kept = await stored_cards.pending_of(tx, [(one.request.merchant_id, one.request.id) for one in given.values()])
        for i, one in given.items():
            request = work.requests[one.request.id]
            before = request.state
            done = outcomes.apply(world, work, request, one.outcome, kept.get(request.id))
            answers[i] = done
            key = asked_of(request).key
            if key is not None and before == "pending":
                work.changes.answered.append(Answered(request.merchant_id, key, rendered(world, done)))
        await write(tx, work.changes, work.now)
    return answers, []


async def opened(world: World, tx: Tx, asked: Sequence[PartnerRequest]) -> UnitOfWork:
    """Loads and locks everything that answers to these requests may change. Raises Unavailable for what the database has lost."""
    now = world.clock.now()
    spec = {request.id: asked_of(request) for request in asked}
    await idempotency.hold(tx, [(r.merchant_id, key) for r in asked if (key := spec[r.id].key)])
    payments_ = await payments.locked(tx, [(r.merchant_id, spec[r.id].payment_id) for r in asked])
    requests_ = await requests.locked(tx, [request.id for request in asked])
    known = await merchants.by_id(tx, list({request.merchant_id for request in asked}))
    charges_ = await charges.by_id(tx, [(request.merchant_id, spec[request.id].charge_id) for request in asked])
    if not all(_is_there(spec[r.id], r.id, payments_, requests_, charges_) for r in asked):
        log.error("a payment by card was lost by the database after its acquirer was asked")
        raise Unavailable
    return UnitOfWork(now, {}, requests_, payments=payments_, charges=charges_, merchants=known)


def _is_there(asked: AuthorizeCard, id_: UUID, *found: Mapping[UUID, object]) -> bool:
    payments_, requests_, charges_ = found
    return asked.payment_id in payments_ and id_ in requests_ and asked.charge_id in charges_
