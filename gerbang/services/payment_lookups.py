"""Payments that their bank has not reported: found in its list of a day (35), or asked about one by one (26).

Not every bank repeats its word until it is answered, and some keep the money although they got no answer. What is found is booked as
the same money, under the same name, so that the bank's word may still come later.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec
import structlog
from msgspec.structs import replace

from gerbang.clock import midnight, wib
from gerbang.connections import Declined, FindsPayments, Link, Silence
from gerbang.db import payment_lookups, reports
from gerbang.domain.inquiries import Reply
from gerbang.domain.reports import Report
from gerbang.partners import Partner
from gerbang.services.batches import Batches
from gerbang.world import World

EVERY = timedelta(minutes=15)
ASKED_AT = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=20))
"""How long after an inquiry its bank is asked what came of it: its customer has paid by then, and undecided money is decided."""
OVERLAP = timedelta(hours=1)
"""What was paid before may be listed so much later."""
LISTS_LAST, INQUIRIES_LAST = timedelta(days=7), timedelta(days=2)
"""Of inquiries banks say nothing that is older than the day before."""
LIST_SECONDS = 120
MOST = 200
AT_ONCE = 8
log = structlog.get_logger()


async def look_up_all(world: World, batches: Batches) -> int:
    """Asks all banks whose turn has come, one after the other, and returns how many payments there were."""
    return sum([await look_up(world, batches, connection) for connection in world.partners.names])


async def look_up(world: World, batches: Batches, connection: str, *, most: int = MOST) -> int:
    """Asks a bank whose turn has come for payments that nobody has reported, writes them down, and returns how many there were.

    Of inquiries about `most` at a time; the others are the next time's, which is at once then.
    """
    asking = _asking(world, batches, connection, most)
    if asking is None:
        return 0
    now = world.clock.now()
    async with world.db.transaction() as tx:
        is_due, until = await payment_lookups.claim(tx, connection, now, now + EVERY)
    if not is_due:
        return 0
    earliest = now - (LISTS_LAST if asking.way == "list" else INQUIRIES_LAST)
    if until is not None and until < earliest:
        log.error(
            "a bank's payments were not looked up for too long: compare its days",
            connection=connection,
            since=str(until),
        )
    since = max(until or now - INQUIRIES_LAST, earliest)
    try:
        reached, found = await (asking.lists(since, now) if asking.way == "list" else asking.inquiries(since, now))
    except (Silence, Declined) as failed:
        log.warning("a bank's payments could not be looked up", connection=connection, why=str(failed))
        return 0
    async with world.db.transaction() as tx:
        await payment_lookups.reached(tx, connection, reached, next_at=now + EVERY if reached >= now else now)
    return found


class CannotLookUp(Exception):
    """Why a bank's payments could not be looked up, in sentences."""


async def look_up_day(world: World, batches: Batches, connection: str, day: date) -> int:
    """Asks a bank for the payments of a day, writes down what nobody has reported, and returns how many there were.

    Raises CannotLookUp.
    """
    if world.partners.named(connection) is None:
        known = ", ".join(world.partners.names) or "none"
        raise CannotLookUp(f"There is no connection {connection}; there are: {known}. Nothing was changed.")
    asking = _asking(world, batches, connection, MOST)
    if asking is None:
        raise CannotLookUp(
            f"{connection} cannot be asked: it has no list of a day's payments (35), and by its contract money that it got no answer about is "
            'with its payer, or it cannot be asked about one inquiry (26; unanswered = "kept" and a base_url are needed). Compare the day '
            "with the account's statement: gerbang reconcile."
        )
    since, until, found = midnight(day), midnight(day + timedelta(days=1)), 0
    try:
        if asking.way == "list":
            return await asking.list_of(day)
        while since < until:
            since, more = await asking.part(since, until, timedelta(0))
            found += more
    except (Silence, Declined) as failed:
        raise CannotLookUp(
            f"{connection} was asked, and {failed}. What it said before that is written down."
        ) from failed
    return found


def _asking(world: World, batches: Batches, connection: str, most: int) -> "_Asking | None":
    partner = world.partners.named(connection)
    if partner is None or partner.finder is None or "payments" not in partner.connection.serves:
        return None
    way = partner.finder.finds_by(partner.connection)
    return None if way is None else _Asking(world, batches, partner, partner.finder, way, most)


class _Asking(msgspec.Struct, frozen=True):
    """One bank, and all that is needed to ask it."""

    world: World
    batches: Batches
    partner: Partner
    finder: FindsPayments
    way: Literal["list", "inquiry"]
    most: int

    @property
    def name(self) -> str:
        return self.partner.connection.name

    async def lists(self, since: datetime, now: datetime) -> tuple[datetime, int]:
        """Writes down what the lists of the days since then have and we have not. Raises Declined or Silence."""
        today = wib(self.partner.link.clock.now())  # the bank does not know the sandbox's time
        day, found = (today - (now - since + OVERLAP)).date(), 0
        while day <= today.date():
            found += await self.list_of(day)
            day += timedelta(days=1)
        return now, found

    async def list_of(self, day: date) -> int:
        """Writes down what a day's list has and we have not. Raises Declined or Silence."""
        listed = await self.partner.call(f"payments of {day}", _reader(self.finder, day), seconds=LIST_SECONDS)
        return sum([await self._write(each) for each in await _unreported(self.world, self.name, day, listed)])

    async def inquiries(self, since: datetime, now: datetime) -> tuple[datetime, int]:
        """Asks what came of inquiries whose time to ask came since then. Returns up to where that was done.

        Raises Silence where the bank gave no answer; what it has said before that is written down.
        """
        reached, found = now, 0
        for age in ASKED_AT:
            until, more = await self.part(since, now, age)
            reached, found = min(reached, until), found + more
        return reached, found

    async def part(self, since: datetime, until: datetime, age: timedelta) -> tuple[datetime, int]:
        """Asks what came of inquiries that reached this age between two instants, or of the first ones, and up to where it did."""
        async with self.world.db.reading() as tx:
            inquiries = await payment_lookups.unpaid(tx, self.name, since - age, until - age, self.most)
        found = 0
        for first in range(0, len(inquiries), AT_ONCE):
            asked = [self._ask(each) for each in inquiries[first : first + AT_ONCE]]
            for outcome in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                found += outcome
        return (inquiries[-1].answered_at + age if len(inquiries) >= self.most else until), found

    async def _ask(self, inquiry: Reply) -> bool:
        """Writes down what was paid after an inquiry. Raises Silence."""
        try:
            money = await self.partner.call(
                f"payment after inquiry {inquiry.request_id}",
                lambda link: self.finder.paid_after(link, inquiry.number, inquiry.request_id),
            )
        except Declined as refusal:
            spec = {"connection": self.name, "inquiry": inquiry.request_id, "why": str(refusal)}
            log.warning("a bank does not say what came of an inquiry", **spec)
            return False
        return money is not None and await self._write(replace(money, paid_at=money.paid_at or inquiry.answered_at))

    async def _write(self, report: Report) -> bool:
        """Writes down money that a bank has said only because it was asked. Returns whether it was new."""
        booked = await self.batches.report(report)
        if not booked.known_before:
            spec = {"connection": self.name, "reference": report.reference, "outcome": booked.outcome}
            log.warning("a bank had money that it had not reported", **spec)
        return not booked.known_before


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
            spec = {"connection": connection, "name": each.reference}
            log.warning("a bank's list names a payment otherwise than it was reported", **spec)
    return found
