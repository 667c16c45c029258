"""Whether the gateway can work, and what an operator must see although it can."""

from datetime import datetime, timedelta

import msgspec

from gerbang.db import health, partner_requests, reason_of
from gerbang.errors import Unavailable
from gerbang.world import World

UNKNOWN_AFTER = timedelta(hours=1)
"""A payout whose bank has not said what became of it for so long is worth a look."""
COUNTED_MAX = 1_000


class Remark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that works otherwise than it should."""

    what: str
    since: datetime
    times: int
    connection: str = ""


class State(msgspec.Struct, frozen=True):
    """What a look has found."""

    complaint: str | None
    """Why nothing can be written just now."""
    remarks: list[Remark]


async def state(world: World) -> State:
    """Whether a small write is committed within two seconds, and what is wrong with partners, as this process has seen it."""
    remarks = [
        Remark(what, alarm.since, alarm.times, connection=partner.connection.name)
        for partner in world.partners.all
        for what, alarm in partner.link.alarmed().items()
    ]
    try:
        await world.db.promptly(health.write_a_little)
        async with world.db.reading() as tx:
            unknown = await partner_requests.unknown(tx, world.clock.now() - UNKNOWN_AFTER, COUNTED_MAX)
    except Unavailable as gone:
        return State(reason_of(gone), remarks)
    if unknown:
        oldest = unknown[0].sending_at or unknown[0].created_at
        what = "nobody knows what became of payouts: gerbang payouts list --unknown"
        remarks.append(Remark(what, oldest, len(unknown)))
    return State(None, remarks)
