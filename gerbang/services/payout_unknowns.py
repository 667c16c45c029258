"""Payouts that do not end by themselves: of unknown end, under way for long, or never sent. An operator lists and ends them.

The bank is asked once more and its statement is read, so that nobody's word goes against either.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from gerbang.connections import Declined, NeverSays, Sent, Silence, remark_of
from gerbang.db import partner_requests as requests
from gerbang.db import payouts as kept
from gerbang.domain.partner_requests import UNKNOWN_FOR, PartnerRequest
from gerbang.domain.payouts import Payout
from gerbang.partners import Partner
from gerbang.services.payout_requests import NOT_CARRIED_OUT, end_unsent, order_of, write
from gerbang.services.payout_statements import Verdict, statement_says
from gerbang.world import World

log = structlog.get_logger()
SHOWN_AFTER = timedelta(minutes=2)
"""Until then the bank has hardly been asked."""
WAITS_AFTER = timedelta(minutes=5)
"""Until then a bank that could not be reached has hardly been tried again."""
LONG_UNDER_WAY = timedelta(days=1)
"""A transfer that its bank is at work on for so long has perhaps been forgotten there."""
MOST = 1_000

Outcome = Literal[
    "sent",
    "not_sent",
    "bank_said",
    "no_such_payout",
    "ended_before",
    "never_given_to_the_bank",
    "bank_gives_no_answer",
    "still_under_way",
    "too_early",
    "left_the_account",
    "did_not_leave_the_account",
    "statement_must_be_seen",
]
"""What came of resolving one; the first three have changed it."""


class UnknownPayout(msgspec.Struct, frozen=True):
    """A payout whose bank has not said what became of it."""

    payout: Payout
    sending_at: datetime
    tries: int
    """How often the bank gave no answer, or said that it does not know it."""
    not_found: int
    is_under_way: bool = False
    """Whether the bank says that it is at work on it, and has for long."""


class WaitingPayout(msgspec.Struct, frozen=True):
    """A payout that no bank was given yet."""

    payout: Payout
    tries: int
    """How often it could not be given."""
    next_at: datetime | None
    """When that is tried again."""
    why: str


def code_of(payout_id: UUID) -> str:
    """The code by which a payout is found on its account's statement."""
    return remark_of(payout_id)


async def every(world: World) -> list[UnknownPayout]:
    """All of them, the oldest first, up to a thousand of each kind: those of unknown end, and those that are under way for long."""
    now = world.clock.now()
    async with world.db.reading() as tx:
        found = await requests.unknown(tx, now - SHOWN_AFTER, MOST)
        found += await requests.long_under_way(tx, now - LONG_UNDER_WAY, MOST)
        payouts = await kept.by_ids(tx, [(each.merchant_id, each.id) for each in found])
    shown = [
        UnknownPayout(payouts[each.id], each.sending_at, each.tries, each.not_found, _is_under_way(each))
        for each in found
        if each.id in payouts and each.sending_at is not None
    ]
    return sorted(shown, key=lambda each: each.sending_at)


def _is_under_way(request: PartnerRequest) -> bool:
    return request.state == "processing" and not request.not_found


async def waiting(world: World) -> list[WaitingPayout]:
    """Payouts that have waited for minutes to be given to a bank, the oldest first, up to a thousand."""
    async with world.db.reading() as tx:
        found = await requests.waiting(tx, world.clock.now() - WAITS_AFTER, MOST)
        payouts = await kept.by_ids(tx, [(each.merchant_id, each.id) for each in found])
    return [
        WaitingPayout(payouts[each.id], each.tries, each.next_at, _why(world, each))
        for each in found
        if each.id in payouts
    ]


def _why(world: World, request: PartnerRequest) -> str:
    carrier = world.partners.named(request.connection)
    if carrier is None:
        return "its connection is not in the connections file"
    return request.reason if carrier.sender is not None else "its connection sends no money"


async def resolve(world: World, payout_id: UUID, *, sent: bool, statement_seen: bool) -> tuple[Outcome, Payout | None]:
    """Ends a payout by an operator's word that its money left or not, where neither the bank nor its statement says otherwise.

    `statement_seen`: the operator has looked at the account, which is needed where no statement can be read here.
    """
    async with world.db.reading() as tx:
        request = (await requests.by_id(tx, [payout_id])).get(payout_id)
        payout = await kept.by_id(tx, request.merchant_id, payout_id) if request is not None else None
    if request is None or payout is None:
        return "no_such_payout", None
    if payout.ended_at is not None:
        return "ended_before", payout
    if request.state == "pending" or request.sending_at is None:
        return ("never_given_to_the_bank", payout) if sent else await _give_up(world, payout)
    carrier, now = world.partners.named(request.connection), world.clock.now()
    answer = await _asked(carrier, payout, request, now)
    if isinstance(answer, Sent):
        payout = await write(world, payout, answer, now)
        if payout.ended_at is not None:
            return "bank_said", payout
        if not sent and now - request.sending_at < LONG_UNDER_WAY:
            return "still_under_way", payout
    if not sent and answer == "no answer":
        return "bank_gives_no_answer", payout
    if not sent and now - request.sending_at < UNKNOWN_FOR:
        return "too_early", payout
    verdict: Verdict = "none" if carrier is None else await statement_says(world, carrier, request, payout)
    if verdict == ("absent" if sent else "present"):
        return ("did_not_leave_the_account" if sent else "left_the_account"), payout
    if verdict in ("unclear", "none") and not statement_seen:
        return "statement_must_be_seen", payout
    said = (
        Sent("completed", request.partner_reference)
        if sent
        else Sent("failed", request.partner_reference, reason=NOT_CARRIED_OUT)
    )
    log.warning("an operator ends an unknown payout", payout=str(payout_id), sent=sent, statement=verdict)
    return ("sent" if sent else "not_sent"), await write(world, payout, said, now)


async def _give_up(world: World, payout: Payout) -> tuple[Outcome, Payout]:
    """Ends what was never given to a bank, unless it is being given to one just now."""
    ended, payout = await end_unsent(world, payout)
    if ended:
        log.warning("an operator ends a payout that was never sent", payout=str(payout.id))
        return "not_sent", payout
    return ("ended_before" if payout.ended_at is not None else "too_early"), payout


async def _asked(
    carrier: Partner | None, payout: Payout, request: PartnerRequest, now: datetime
) -> Sent | Literal["not known", "no answer", "nobody"]:
    """What the bank says of it now. A transfer at work is no end, but it is an answer."""
    if carrier is None or carrier.sender is None:
        return "nobody"
    bank, order = carrier.sender, order_of(payout, request)
    try:
        said = await carrier.call(f"payout {payout.id}", lambda link: bank.ask(link, order, now))
    except NeverSays:
        return "nobody"
    except (Silence, Declined):
        return "no answer"
    return "not known" if said is None else said
