"""Payments that their bank has not reported: found in its list of a day (35), or asked about one by one (26).

Not every bank repeats its word until it is answered, and some keep the money although they got no answer. What is found is booked as
the same money, under the same name, so that the bank's word may still come later.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta

import structlog
from msgspec.structs import replace

from gerbang.clock import midnight, wib
from gerbang.connections import Declined, FindsPayments, Link, Silence
from gerbang.db import payment_lookups, reports
from gerbang.domain.reports import Report
from gerbang.partners import Partner
from gerbang.services.batches import Batches
from gerbang.world import World

EVERY = timedelta(minutes=15)
PAYS_WITHIN = timedelta(minutes=15)
"""So long after a bank has asked about a number its customer may still be about to pay."""
OVERLAP = timedelta(hours=1)
"""What was paid before may be listed so much later."""
LAST = timedelta(days=2)
"""Banks say nothing of what is older than the day before."""
LIST_SECONDS = 60
ASKED_MAX = 200
log = structlog.get_logger()


async def look_up(world: World, batches: Batches) -> int:
    """Asks each bank whose turn has come for payments that nobody has reported, writes them down, and returns how many there were."""
    found = 0
    for name in world.partners.names:
        partner = world.partners.named(name)
        finder = partner.finder if partner is not None else None
        if partner is not None and finder is not None and "payments" in partner.connection.serves:
            found += await _look_up(world, batches, partner, finder)
    return found


async def _look_up(world: World, batches: Batches, partner: Partner, finder: FindsPayments) -> int:
    way = finder.finds_by(partner.connection)
    if way is None:
        return 0
    name, now = partner.connection.name, world.clock.now()
    async with world.db.transaction() as tx:
        is_due, until = await payment_lookups.claim(tx, name, now, now + EVERY)
    if not is_due:
        return 0
    since = max(until or now - LAST, now - LAST)
    try:
        if way == "list":
            reached, found = now, await _from_list(world, batches, partner, finder, now - since + OVERLAP)
        else:
            reached, found = await _one_by_one(world, batches, partner, finder, since)
    except (Silence, Declined) as failed:
        log.warning("a bank's payments could not be looked up", connection=name, why=str(failed))
        return 0
    async with world.db.transaction() as tx:
        await payment_lookups.reached(tx, name, reached)
    return found


# -- by its list ------------------------------------------------------------------------------------------------------


async def _from_list(world: World, batches: Batches, partner: Partner, finder: FindsPayments, behind: timedelta) -> int:
    """Writes down what the lists of the days in this time have and we have not. Raises Declined or Silence."""
    today = wib(partner.link.clock.now())  # the bank does not know the sandbox's time
    day, found = (today - behind).date(), 0
    while day <= today.date():
        listed = await partner.call(f"payments of {day}", _reader(finder, day), seconds=LIST_SECONDS)
        for report in await _unreported(world, partner.connection.name, day, listed):
            found += await _write(batches, report)
        day += timedelta(days=1)
    return found


def _reader(finder: FindsPayments, day: date) -> Callable[[Link], Awaitable[list[Report]]]:
    async def read(link: Link) -> list[Report]:
        return [each async for each in finder.listed(link, day)]

    return read


async def _unreported(world: World, connection: str, day: date, listed: list[Report]) -> list[Report]:
    """What of a day's list was never reported.

    A bank may name a payment otherwise in its list than in its word of it, so there must also be more of the amount to the number
    on the list than was reported on the day.
    """
    listed = list({(each.name, each.number, each.amount): each for each in listed}.values())
    async with world.db.reading() as tx:
        known = await reports.known(tx, {each.name for each in listed})
        unknown = [each for each in listed if not any(each.is_money_of(one.report) for one in known.get(each.name, []))]
        if not unknown:
            return []
        begin = midnight(day)
        since, until = begin - OVERLAP, begin + timedelta(days=1) + OVERLAP
        ours = await reports.counted(tx, connection, {each.number for each in unknown}, since, until)
    missing, found = Counter((each.number, each.amount) for each in listed) - ours, list[Report]()
    for each in unknown:
        if missing[each.number, each.amount]:
            missing[each.number, each.amount] -= 1
            found.append(each)
        else:
            log.warning(
                "a bank's list names a payment otherwise than it was reported",
                connection=connection,
                name=each.reference,
            )
    return found


# -- one by one -------------------------------------------------------------------------------------------------------


async def _one_by_one(
    world: World, batches: Batches, partner: Partner, finder: FindsPayments, since: datetime
) -> tuple[datetime, int]:
    """Asks what became of numbers that the bank asked about and that nobody has paid since. Returns up to where that was done.

    Raises Silence where nothing could be asked.
    """
    name, until = partner.connection.name, world.clock.now() - PAYS_WITHIN
    async with world.db.reading() as tx:
        inquiries = await payment_lookups.unpaid(tx, name, since, until, ASKED_MAX)
    reached, found = since, 0
    for each in inquiries:
        try:
            money = await partner.call(
                f"payment after inquiry {each.request_id}",
                lambda link, each=each: finder.paid_after(link, each.number, each.request_id),
            )
        except Declined as refusal:
            log.warning(
                "a bank does not say what came of an inquiry",
                connection=name,
                inquiry=each.request_id,
                why=str(refusal),
            )
            money = None
        except Silence:
            if reached == since:
                raise
            return reached, found
        if money is not None:
            found += await _write(batches, replace(money, paid_at=money.paid_at or each.answered_at))
        reached = each.answered_at
    return (reached if len(inquiries) >= ASKED_MAX else max(until, since)), found


async def _write(batches: Batches, report: Report) -> bool:
    """Writes down money that a bank has said only because it was asked. Returns whether it was new."""
    booked = await batches.report(report)
    if not booked.known_before:
        log.warning(
            "a bank had money that it had not reported",
            connection=report.connection,
            reference=report.reference,
            outcome=booked.outcome,
        )
    return not booked.known_before
