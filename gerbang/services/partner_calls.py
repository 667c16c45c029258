"""Calls by which partners reach us: read by their provider, decided or written down here, and answered in time."""

import asyncio

import structlog

from gerbang.connections import CALLS_REFUSED, Call, CallAnswer, CallRefused, CodeEnded, PayoutReturn
from gerbang.domain.inquiries import Acceptance, Inquiry
from gerbang.domain.money import readable
from gerbang.domain.reports import Report
from gerbang.domain.reversals import Reversal
from gerbang.errors import Refused, Unavailable
from gerbang.logs import Seldom
from gerbang.partners import Partner
from gerbang.services import payouts, reversals, watching
from gerbang.services.batches import Batches
from gerbang.world import World

log = structlog.get_logger()
ON_THE_WAY_SECONDS = 0.5
"""Of the deadline, for the way there and back."""
__all__ = ["Call", "CallAnswer", "Partner", "answer", "not_allowed", "unread"]
_seldom: dict[tuple[str, str], Seldom] = {}
"""One for each event of a connection, so that whoever calls without a key fills no log, and hides no other event from it."""


async def answer(world: World, batches: Batches, partner: Partner, call: Call) -> CallAnswer:
    """The answer to a partner's call, before its deadline.

    A question is decided, and a report booked, before it is answered. Where that cannot be done in time the answer is the
    partner's own form of "not known", and never a refusal.
    """
    assert partner.server is not None and partner.connection.inbound is not None, (
        "only such a partner has addresses here"
    )
    connection, seconds = partner.connection.name, partner.connection.inbound.deadline_seconds - ON_THE_WAY_SECONDS
    try:
        asked = partner.server.read(partner.link, call)
    except CallRefused as refusal:
        _log(partner, refusal, call.address)
        return refusal.answer
    except Exception:
        log.exception("a partner's call could not be read", connection=connection, address=call.address[:200])
        return unread(partner, 500, "something went wrong on our side")
    if isinstance(asked, CallAnswer):
        return asked
    try:
        if isinstance(asked.what, Inquiry | Acceptance):
            return asked.answered(await batches.answer(asked.what, seconds))
        async with asyncio.timeout(seconds):
            await _write(world, batches, asked.what)
        return asked.answered(None)
    except Refused as refusal:
        if isinstance(refusal, Unavailable):
            _log_unanswered(partner, asked.what)
        return asked.refused(refusal)
    except TimeoutError:
        _log_unanswered(partner, asked.what)
        return asked.refused(Unavailable(what="cannot answer in time"))
    except Exception:
        log.exception("a partner's call could not be answered", connection=connection, address=call.address)
        _log_unanswered(partner, asked.what)
        return asked.refused(Unavailable())


async def _write(world: World, batches: Batches, what: Report | Reversal | PayoutReturn | CodeEnded | None) -> None:
    """Writes down what a partner says has happened. It is never refused."""
    if isinstance(what, Report):
        await batches.report(what)
    elif isinstance(what, Reversal):
        await reversals.reverse(world, what)
    elif isinstance(what, CodeEnded):
        await watching.ended(world, what)
    elif what is not None:
        await payouts.returned_by_reference(
            world, what.connection, ours=what.reference, theirs=what.partner_reference, reason=what.reason
        )


def unread(partner: Partner, status: int, why: str) -> CallAnswer:
    """The answer to what came to a partner's address and is no call."""
    assert partner.server is not None, "only such a partner has addresses here"
    return partner.server.unread(partner.link, status, why)


def not_allowed(partner: Partner, address: str) -> CallAnswer:
    """The answer to somebody who calls from an address that is not the partner's."""
    event = "a call was refused: it is from no address of the partner's"
    _limited(partner, event).warning(event, connection=partner.connection.name, caller=address)
    return unread(partner, 403, "not from here")


def _log_unanswered(partner: Partner, what: object) -> None:
    """Logs each payment that its bank got no answer about, and all else that was not written down, so that somebody can look for it."""
    if isinstance(what, Acceptance):
        spec = {"request": what.request_id, "number": what.money.number, "amount": readable(what.money.amount)}
        event = "a bank's payment was not answered in time: compare its day"
    elif isinstance(what, Report):
        spec = {"reference": what.reference, "number": what.number, "amount": readable(what.amount)}
        event = "money that a partner has reported was not written down: compare its day"
    elif isinstance(what, Reversal):
        spec = {"original": what.original, "amount": readable(what.amount)}
        event = "a reversal was not written down: compare its day"
    elif isinstance(what, PayoutReturn):
        spec = {"ours": what.reference, "theirs": what.partner_reference}
        event = "a transfer that came back was not written down"
    else:
        return  # an inquiry moves nothing, and a code that has ended is asked about
    log.error(event, connection=partner.connection.name, **spec)


def _log(partner: Partner, refusal: CallRefused, address: str) -> None:
    connection = partner.connection.name
    spec = {"connection": connection, "address": address[:200], "why": str(refusal), "status": refusal.answer.status}
    if refusal.alarm:
        partner.link.alarm(CALLS_REFUSED)
        event = "a partner's call was refused for its key or its clock: its buyers cannot pay"
        _limited(partner, event).error(event, **spec)
    elif refusal.lost is not None:
        event = "what a partner reports could not be read, and may not be said again: compare its day"
        log.error(event, said=dict(refusal.lost), **spec)
    else:
        event = "a partner's call was refused"
        _limited(partner, event).warning(event, **spec)


def _limited(partner: Partner, event: str) -> Seldom:
    return _seldom.setdefault((partner.connection.name, event), Seldom())
