"""Money of which nobody knows whether it left: what the account's statement says of it.

A bank that does not know a transfer may come to know it later, so its word alone ends nothing. The statement is believed where it
reaches beyond the sending: the code in each remark of ours is in it, or it is not.
"""

import re
from datetime import datetime
from typing import Literal

import structlog

from gerbang.clock import wib
from gerbang.connections import BankMovement, Declined, Link, Silence, Statements, remark_of
from gerbang.domain.partner_requests import UNKNOWN_FOR, PartnerRequest
from gerbang.partners import Partner

Verdict = Literal["absent", "present", "unclear", "none"]
"""Of a statement: the money did not leave; it did; the statement cannot say yet; there is no statement to be had."""
STATEMENT_SECONDS = 45
"""With the call before it this is less than the lease of a request."""
_ANY_CODE = re.compile("GB[A-Z2-7]{12}")
"""As `remark_of` makes it."""
log = structlog.get_logger()


async def statement_says(carrier: Partner, request: PartnerRequest, amount: int, now: datetime) -> Verdict:
    """Whether the money of a request left its account."""
    bank = carrier.provider
    if not isinstance(bank, Statements) or not request.account or request.sending_at is None:
        return "none"
    since, today = wib(request.sending_at).date(), wib(now).date()

    async def read(link: Link) -> list[BankMovement]:
        return [each async for each in bank.statement(link, request.account, since, today)]

    try:
        movements = await carrier.call(f"the statement for {request.id}", read, seconds=STATEMENT_SECONDS)
    except (Silence, Declined) as failed:
        log.warning("a statement that is needed could not be read", request=str(request.id), why=str(failed))
        return "unclear"
    found = verdict(movements, request, amount)
    if found != "absent":
        log.error("a payout that its bank does not know is not cleared up", request=str(request.id), statement=found)
    return found


def verdict(movements: list[BankMovement], request: PartnerRequest, amount: int) -> Verdict:
    """What these movements say of a request's money. Pure."""
    assert request.sending_at is not None, "it was sent"
    code, sent_on = remark_of(request.id), wib(request.sending_at).date()
    went_out = [(each, _letters(each)) for each in movements if each.direction == "out"]
    if any(code in letters or request.id.hex.upper() in letters for _, letters in went_out):
        return "present"
    # A remark may have been cut or replaced on its way: as much as this that left by nobody's code may be it.
    if any(each.amount == amount and not _ANY_CODE.search(letters) for each, letters in went_out):
        return "unclear"
    # A statement of today's morning says nothing about the afternoon.
    until = request.sending_at + UNKNOWN_FOR
    covered = any(each.at > until if each.at is not None else each.booked_on > sent_on for each in movements)
    return "absent" if covered else "unclear"


def _letters(movement: BankMovement) -> str:
    """What a movement says, without the blanks and line ends that banks put anywhere into it."""
    return "".join(f"{movement.text}{movement.reference}".split()).upper()
