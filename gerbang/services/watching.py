"""Codes that partners made: asked about while they may be paid and some time after, and ended where the partner says so.

A partner's word that a code was paid may be lost, and not every partner repeats it. What it answers when it is asked is booked as the same
money, under the same name, so that its word may still come later.
"""

from contextlib import suppress
from uuid import UUID

import structlog

from gerbang.connections import CodeEnded, Declined, InProcess, Silence
from gerbang.db import charges, partner_requests
from gerbang.db.changes import write
from gerbang.domain import partner_requests as rules
from gerbang.domain.changes import Changes
from gerbang.domain.partner_requests import OpenCode, PartnerRequest, WatchCode
from gerbang.domain.reports import Report
from gerbang.errors import WrongState
from gerbang.services.batches import Batches
from gerbang.services.partner_requests import put_off
from gerbang.services.payments import end, progress
from gerbang.services.payments.end import Decline, Lapse
from gerbang.world import World

log = structlog.get_logger()


async def ask(world: World, batches: Batches, request: PartnerRequest) -> None:
    """Asks a partner whether a code was paid, and writes down what it says."""
    watch = request.asked
    assert isinstance(watch, WatchCode), "a code that is watched"
    async with world.db.reading() as tx:
        opening = (await partner_requests.by_id(tx, [watch.code_id])).get(watch.code_id)
        charge = (await charges.by_id(tx, [(request.merchant_id, watch.code_id)])).get(watch.code_id)
    paid = charge is not None and charge.state == "succeeded"
    if opening is None or paid:
        await _over(world, request)
        return
    found = await _answer(world, request, opening)
    if isinstance(found, Silence) and world.clock.now() >= watch.until + 2 * rules.WATCHED_LAST:
        log.error("a partner never said whether a code was paid", code=str(watch.code_id), why=str(found))
        await _over(world, request)
    elif isinstance(found, Silence):
        await put_off(world, request)
    elif isinstance(found, Report):
        await batches.report(found)
        await _over(world, request)
    elif isinstance(found, InProcess):
        await in_process(world, found)
        await _later(world, request)
    elif found is not None:
        await ended(world, found)
        await _over(world, request)
    else:
        await _later(world, request)


async def _answer(
    world: World, request: PartnerRequest, opening: PartnerRequest
) -> Report | CodeEnded | InProcess | Silence | None:
    partner, asked, now = world.partners.named(request.connection), opening.asked, world.clock.now()
    watcher = partner.watcher if partner is not None else None
    if partner is None or watcher is None or not isinstance(asked, OpenCode):
        return Silence("its connection is not there any more")
    try:
        return await partner.call(
            f"payment of code {opening.id}",
            lambda link: watcher.paid(link, opening.id, asked, opening.partner_reference, now),
        )
    except Silence as silence:
        return silence
    except Declined as refusal:
        return Silence(str(refusal))


async def ended(world: World, word: CodeEnded) -> None:
    """Ends the charge of a wallet's payment that nobody will pay any more. What is paid, or has ended, stays as it is.

    A QR code is paid by any bank and any wallet: one that could not says nothing of the others, so it ends by its time.
    """
    where = await _wallets_charge(world, word)
    if where is None:
        return
    with suppress(WrongState):
        if word.failure == "expired":
            await end.lapse(world, Lapse(*where))
        else:
            await end.decline(world, Decline(*where, word.failure))


async def in_process(world: World, word: InProcess) -> None:
    """Moves the charge of a wallet's payment whose buyer has agreed. What is paid, or has ended, stays as it is."""
    where = await _wallets_charge(world, word)
    if where is not None:
        with suppress(WrongState):
            await progress.processing(world, *where)


async def _wallets_charge(world: World, word: CodeEnded | InProcess) -> tuple[UUID, UUID, UUID] | None:
    """The merchant, payment and charge that a partner speaks of; None where it is no wallet's."""
    async with world.db.reading() as tx:
        opening = (await partner_requests.by_id(tx, [word.request_id])).get(word.request_id)
    asked = opening.asked if opening is not None else None
    if opening is None or opening.connection != word.connection or not isinstance(asked, OpenCode):
        return None
    if asked.charge_id is None or world.channels[asked.plan.channel].spec.shows != "wallet":
        return None
    return opening.merchant_id, asked.payment_id, asked.charge_id


async def _over(world: World, request: PartnerRequest) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = (await partner_requests.locked(tx, [request.id])).get(request.id)
        if locked is not None and not locked.ended:
            await write(tx, Changes(requests={locked.id: rules.done(locked, locked.partner_reference, now)}), now)


async def _later(world: World, request: PartnerRequest) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = (await partner_requests.locked(tx, [request.id])).get(request.id)
        if locked is not None and not locked.ended:
            await write(tx, Changes(requests={locked.id: rules.still_waiting(locked, now)}), now)
