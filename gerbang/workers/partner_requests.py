"""Asks partners again what they have not answered, or about what they are still at work on."""

import asyncio

import structlog

from gerbang.domain.partner_requests import AuthorizeCard, CaptureCard, PartnerRequest, VoidCard, WatchCode
from gerbang.services import payout_requests, refund_requests, watching
from gerbang.services.batches import Batches
from gerbang.services.cards import asking, authorizations
from gerbang.services.partner_requests import claim_due, put_off
from gerbang.services.payments import opening
from gerbang.world import World

log = structlog.get_logger()


async def ask_due(world: World, batches: Batches, connection: str | None = None, *, money: bool | None = None) -> int:
    """Calls a partner, or all of them, about requests that are due, up to 32, and returns how many there were.

    `money`: only about money that is sent, or about everything but that.
    """
    claimed = await claim_due(world, connection, money=money)
    asked = await asyncio.gather(*(_ask_alone(world, batches, each) for each in claimed), return_exceptions=True)
    for outcome in asked:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(claimed)


async def _ask_alone(world: World, batches: Batches, request: PartnerRequest) -> None:
    """Asks about one request. An answer that cannot be written down is put off as a silence is, and holds up nobody."""
    try:
        await _ask(world, batches, request)
    except Exception:
        await put_off(world, request)
        log.exception("a partner's answer could not be written down", request=str(request.id))


async def _ask(world: World, batches: Batches, request: PartnerRequest) -> None:
    if request.operation == "send":
        await payout_requests.ask(world, request)
    elif isinstance(request.asked, AuthorizeCard):
        await authorizations.take_up(world, batches, request)
    elif isinstance(request.asked, CaptureCard | VoidCard):
        await asking.take_up(world, request)
    elif request.operation == "refund":
        await refund_requests.ask(world, request)
    elif isinstance(request.asked, WatchCode):
        await watching.ask(world, batches, request)
    elif request.operation == "open":
        await batches.open_again(request)
    else:
        await opening.close(world, request)
