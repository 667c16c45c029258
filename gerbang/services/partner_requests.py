"""What partners are asked: taken up again when nobody has come back with an answer, and put off after a silence."""

from datetime import datetime

from msgspec.structs import replace

from gerbang import ids
from gerbang.db import partner_requests
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.charges import Charge
from gerbang.domain.partner_requests import LEASE, CloseCode, OpenCode, PartnerRequest, noted, unanswered, watching
from gerbang.world import World

AT_ONCE_MAX = 32


async def claim_due(world: World, connection: str | None = None, *, money: bool | None = None) -> list[PartnerRequest]:
    """Requests about which a partner must be called, up to 32, of one connection or of all; only money, or all but money.

    They are the caller's for one lease, then due again.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        return await partner_requests.claim(tx, now, now + LEASE, AT_ONCE_MAX, connection, money=money)


async def put_off(world: World, request: PartnerRequest) -> None:
    """Has a silent partner asked again later, unless it has answered somebody else meanwhile."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = (await partner_requests.locked(tx, [request.id])).get(request.id)
        if locked is not None and not locked.ended and locked.tries == request.tries:
            await write(tx, Changes(requests={locked.id: unanswered(locked, now)}), now)


def closing(opening: PartnerRequest, number: str, now: datetime) -> PartnerRequest:
    """The request to end the code that another request has opened; due at once."""
    assert isinstance(opening.asked, OpenCode), "a request to open a code"
    plan = opening.asked.plan
    asked = CloseCode(opening.id, plan.channel, plan.option, number, opening.partner_reference)
    made = noted(ids.uuid7(now), opening.merchant_id, opening.connection, "close", asked, now)
    return replace(made, next_at=now)


def watched(
    world: World, opening: PartnerRequest, charge: Charge | None, ends_at: datetime | None, now: datetime
) -> list[PartnerRequest]:
    """The request to see whether a code that its partner made was paid, where the partner can be asked: its own word may be lost."""
    partner, asked = world.partners.named(opening.connection), opening.asked
    if partner is None or partner.watcher is None or charge is None or not isinstance(asked, OpenCode) or asked.number:
        return []
    ends = [end for end in (charge.expires_at, ends_at) if end is not None]
    return [watching(opening, ids.uuid7(now), min(ends, default=now), now)]
