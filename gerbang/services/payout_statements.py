"""Money of which nobody knows whether it left: what the account's statement says of it.

A bank that does not know a transfer may come to know it later, so its word alone ends nothing. The statement is believed where it
reaches beyond the sending: the code in each remark of ours is in it, or it is not.
"""

import asyncio
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import structlog

from gerbang.clock import wib
from gerbang.connections import BankMovement, Declined, Link, Silence, Statements, remark_of
from gerbang.db import partner_requests as requests
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import UNKNOWN_FOR, PartnerRequest
from gerbang.domain.payouts import Payout
from gerbang.partners import Partner
from gerbang.world import World

Verdict = Literal["absent", "present", "unclear", "none"]
"""Of a statement: the money did not leave; it did; the statement cannot say yet; there is no statement to be had."""
STATEMENT_SECONDS = 45
"""The call before it and this are longer than the lease of a request, so a statement is read only for one that was put off before, which
is for a minute at least.
"""
FEE_MAX = rupiah(30_000)
"""So much more than its amount a debit may be and still be ours: some banks take their fee in one sum with the money."""
PREFIX_LENGTH = 6
"""So many letters of our code are taken for a code that was cut."""
BOOKED_LATE = timedelta(days=7)
"""So long after its order a debit of somebody else's may stand on a statement."""
_LIKE_A_CODE = re.compile("(?=(GB[A-Z2-7]{12}))")
"""As `remark_of` makes it, and as ordinary words look without their blanks: BANG BOY SANTOSO."""
_NO_LETTERS = re.compile("[^A-Z0-9]+")
log = structlog.get_logger()


@dataclass
class _Reading:
    """A statement that is being read, and how many wait for it."""

    task: asyncio.Task[list[BankMovement]]
    waiting: int = 0


async def statement_says(world: World, carrier: Partner, request: PartnerRequest, payout: Payout) -> Verdict:
    """Whether the money of a payout's request left its account."""
    bank, now = carrier.provider, world.clock.now()
    if not isinstance(bank, Statements) or not request.account or request.sending_at is None:
        return "none"
    # The bank's clock may be behind ours, so that it has booked what we sent after midnight on the day before.
    since, today = wib(request.sending_at).date() - timedelta(days=1), wib(now).date()

    try:
        movements = await _read_for_all(carrier, bank, request.account, since, today)
    except (Silence, Declined) as failed:
        log.warning("a statement that is needed could not be read", request=str(request.id), why=str(failed))
        return "unclear"
    others = await _codes_of_others(world, movements, request, payout)
    found = verdict(movements, request, payout.amount, now, others)
    if found != "absent":
        log.error("a payout that its bank does not know is not cleared up", request=str(request.id), statement=found)
    return found


async def _read_for_all(
    carrier: Partner, bank: Statements, account: str, since: date, today: date
) -> list[BankMovement]:
    """The movements of these days, read once for all who ask meanwhile: after a bad hour of a bank's they are many, and a statement
    is large. Raises Silence or Declined.
    """

    async def read(link: Link) -> list[BankMovement]:
        return [each async for each in bank.statement(link, account, since, today)]

    kept, name = carrier.link.kept, f"statement of {account} from {since} to {today}"
    if name not in kept:
        kept[name] = _Reading(asyncio.create_task(carrier.call(f"the {name}", read, seconds=STATEMENT_SECONDS)))
    reading: _Reading = kept[name]
    reading.waiting += 1
    try:
        # One that gives up waiting takes the statement from nobody else.
        return await asyncio.shield(reading.task)
    finally:
        reading.waiting -= 1
        if not reading.waiting:
            reading.task.cancel()
            del kept[name]


async def _codes_of_others(
    world: World, movements: list[BankMovement], request: PartnerRequest, payout: Payout
) -> set[str]:
    """The codes in debits that might be ours, so far as they are of other money that went over the same connection.

    A code that its merchant wrote into its own description says nothing of a remark that has lost its beginning.
    """
    assert request.sending_at is not None, "it was sent"
    amount, ours = payout.amount, _NO_LETTERS.sub("", f"{remark_of(request.id)}{payout.description or ''}".upper())
    wanted = {
        code
        for each in movements
        if _may_be(each, amount)
        for code in _LIKE_A_CODE.findall(_letters(each))
        if code not in ours
    }
    if not wanted:
        return set()
    async with world.db.reading() as tx:
        sent = await requests.sent_since(
            tx, request.connection, request.sending_at - BOOKED_LATE, amount - FEE_MAX, amount + FEE_MAX
        )
    return wanted.intersection(remark_of(each) for each in sent if each != request.id)


def verdict(
    movements: list[BankMovement], request: PartnerRequest, amount: int, now: datetime, others: Container[str]
) -> Verdict:
    """What these movements say of a request's money; `others` are codes that are known to be of other money. Pure."""
    assert request.sending_at is not None, "it was sent"
    code, sent_on, today = remark_of(request.id), wib(request.sending_at).date(), wib(now).date()
    went_out = [(each, _letters(each)) for each in movements if each.direction == "out"]
    if any(code in letters or request.id.hex.upper() in letters for _, letters in went_out):
        return "present"
    if any(code[:PREFIX_LENGTH] in letters for _, letters in went_out):
        return "unclear"
    # A remark may have been cut or replaced on its way: what left by nobody's code may be it.
    if any(
        _may_be(each, amount) and not any(found in others for found in _LIKE_A_CODE.findall(letters))
        for each, letters in went_out
    ):
        return "unclear"
    # A statement of today's morning says nothing about the afternoon, and some banks date what they book on a holiday on the next
    # working day.
    until = request.sending_at + UNKNOWN_FOR
    covered = any(until < each.at <= now if each.at else sent_on < each.booked_on <= today for each in movements)
    return "absent" if covered else "unclear"


def _may_be(movement: BankMovement, amount: int) -> bool:
    """Whether a movement may be money of so much that was sent, by its amount alone."""
    return movement.direction == "out" and amount <= movement.amount <= amount + FEE_MAX


def _letters(movement: BankMovement) -> str:
    """The letters and digits of a movement, without the blanks, line ends and signs that banks put anywhere among them."""
    return _NO_LETTERS.sub("", f"{movement.text}{movement.reference}".upper())
