"""A partner request is something that is asked of a bank or an acquirer, written down before the partner is called."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.cards import Authentication, BillingAddress, CardDetails, ThreeDs
from gerbang.domain.paycodes import CodePlan

Operation = Literal["open", "close", "send", "authorize", "capture", "void", "refund"]
"""`open`: make a code that a buyer can pay to. `close`: end such a code before its time, or see how it ended by itself. `send`:
pay money out. `authorize`, `capture`, `void`: have the money of a card held, take it, let it go. `refund`: give a buyer money back by the
way it came.
"""
State = Literal["pending", "sending", "processing", "done", "declined"]
"""`pending`: the partner is not known to have it; money has not been sent. `sending`: the bank was or is about to be given the money's
order, and has not said what became of it. `processing`: the partner has it, and will say later how it ended.
"""

LEASE = timedelta(seconds=90)
"""Whoever is about to call the partner has the request to itself for so long: well over the longest deadline of a call."""
WAIT_FIRST: dict[Operation, timedelta] = {
    "open": timedelta(seconds=5),
    "close": timedelta(minutes=1),
    "send": timedelta(minutes=1),
    "authorize": timedelta(seconds=5),
    "capture": timedelta(seconds=30),
    "void": timedelta(minutes=1),
    "refund": timedelta(minutes=1),
}
"""When a partner is asked again after its first silence. A merchant or a buyer waits for a code."""
WAIT_MAX = timedelta(hours=1)
"""However often a partner was silent, it is asked again after so long."""
ASK_AGAIN = timedelta(minutes=5)
"""When a partner is asked how a request ended, where it does not say itself when that is worth while."""


class OpenCode(msgspec.Struct, frozen=True, tag="open"):
    """What a partner is asked in order to make a code known, or to make one."""

    payment_id: UUID
    plan: CodePlan
    number: str
    """The number that we gave; "" where the partner gives it."""
    charge_id: UUID | None
    """Under which id the charge will be written down; None for a static code."""
    created_at: datetime
    key: str | None = None
    """The idempotency key under which the payment's answer is kept as soon as there is one."""


class CloseCode(msgspec.Struct, frozen=True, tag="close"):
    """A code that nobody may pay any more, and what the partner said when it was opened."""

    opening_id: UUID
    """Our reference when it was opened."""
    channel: str
    option: str | None
    number: str
    partner_reference: str


class WatchCode(msgspec.Struct, frozen=True, tag="watch"):
    """A code that a partner made and may be paid: the partner is asked, should its own word of that be lost."""

    code_id: UUID
    """Our reference when it was opened, and the id of its charge."""
    since: datetime
    until: datetime
    """When it ends by itself."""
    soon: bool = False
    """Whether its buyer has less than a minute, so that the partner is asked after seconds."""


class SendMoney(msgspec.Struct, frozen=True, tag="send"):
    """A payout has the same id as its request, and holds all that the partner is asked."""


class AuthorizeCard(msgspec.Struct, frozen=True, tag="authorize"):
    """Money of a card that is to be held, or taken at once. The number is not in it: the partner gets that beside it."""

    payment_id: UUID
    charge_id: UUID
    plan: CodePlan
    amount: int
    """Minor units."""
    card: CardDetails
    created_at: datetime
    three_ds: ThreeDs = "automatic"
    external: Authentication | None = None
    billing: BillingAddress | None = None
    key: str | None = None
    """The idempotency key under which the payment's answer is kept as soon as there is one."""
    number: str = ""
    """Under which its money comes."""


class CaptureCard(msgspec.Struct, frozen=True, tag="capture"):
    """A part of what is held that is to be taken."""

    payment_id: UUID
    charge_id: UUID
    amount: int
    """Minor units."""
    release_rest: bool
    authorization: str
    """The partner's own name of what it holds."""


class VoidCard(msgspec.Struct, frozen=True, tag="void"):
    """What is held and will not be taken."""

    payment_id: UUID
    charge_id: UUID
    authorization: str
    """The partner's own name of what it holds; "" where it never said one."""


class GiveBack(msgspec.Struct, frozen=True, tag="refund"):
    """What a partner is asked in order to give a buyer money back by the way it came."""

    channel: str
    option: str | None
    amount: int
    """Minor units."""
    charge_id: UUID
    """Our reference of the charge, under which the partner was asked for its code where it was."""
    charge_amount: int
    """What was paid, in minor units."""
    payment_reference: str
    """The partner's own reference of the money."""
    number: str
    """The number or the code that was paid to."""
    reference: str
    """The merchant's own name for the refund."""
    account_number: str = ""
    """The account that a transfer would go to, should this not be possible; "" where none is known."""


Asked = OpenCode | CloseCode | WatchCode | SendMoney | AuthorizeCard | CaptureCard | VoidCard | GiveBack


class PartnerRequest(msgspec.Struct, frozen=True):
    id: UUID
    """Our reference, by which the partner knows a request that it is given twice: the id of the charge or the static
    payment that a code is opened for, or of the payout; one of its own for what is closed.
    """
    merchant_id: UUID
    connection: str
    operation: Operation
    asked: Asked
    state: State
    created_at: datetime
    updated_at: datetime
    partner_reference: str = ""
    """The partner's own name for it, once known."""
    reason: str = ""
    """Why it was declined, or why money has not been sent yet; "" if neither is so."""
    tries: int = 0
    """How often the partner was silent about it."""
    next_at: datetime | None = None
    """When the partner must next be called about it; None once it has ended."""
    way: str = ""
    """By which way money goes, in the provider's own word; chosen before the bank is called."""
    account: str = ""
    """From which account of ours money goes; "" where the provider knows none."""
    sending_at: datetime | None = None
    """When the right to send the money was taken, which is given once."""
    not_found: int = 0
    """How often the bank has said that it does not know it."""

    @property
    def ended(self) -> bool:
        """Whether the partner has nothing more to say."""
        return self.state in ("done", "declined")


def noted(
    id_: UUID, merchant_id: UUID, connection: str, operation: Operation, asked: Asked, now: datetime
) -> PartnerRequest:
    """A new request, in the hands of whoever makes it."""
    return PartnerRequest(
        id=id_,
        merchant_id=merchant_id,
        connection=connection,
        operation=operation,
        asked=asked,
        state="pending",
        created_at=now,
        updated_at=now,
        next_at=now + LEASE,
    )


def under_way(
    request: PartnerRequest, partner_reference: str, next_at: datetime | None, now: datetime
) -> PartnerRequest:
    """The request while the partner is at work; `next_at` is the partner's own word on when to ask again."""
    return replace(
        request,
        state="processing",
        partner_reference=partner_reference,
        not_found=0,
        next_at=next_at or now + ASK_AGAIN,
        updated_at=now,
    )


def done(request: PartnerRequest, partner_reference: str, now: datetime) -> PartnerRequest:
    """The request once the partner has done it."""
    return replace(request, state="done", partner_reference=partner_reference, next_at=None, updated_at=now)


def declined(request: PartnerRequest, reason: str, now: datetime) -> PartnerRequest:
    """The request once it is known that the partner will not do it."""
    return replace(request, state="declined", reason=reason, next_at=None, updated_at=now)


def unanswered(request: PartnerRequest, now: datetime) -> PartnerRequest:
    """The request after a silence. Each one doubles the wait, up to an hour."""
    wait = min(WAIT_FIRST[request.operation] * 2 ** min(request.tries, 10), WAIT_MAX)
    return replace(request, tries=request.tries + 1, next_at=now + wait)


# -- codes whose partner is asked whether they were paid --------------------------------------------------------------

WATCHED_FIRST = timedelta(minutes=2)
WATCHED_SOON = timedelta(seconds=3)
WATCHED_AFTER = timedelta(minutes=1)
"""After its end a code is asked about in any case, so that what was paid in its last seconds is known."""
WATCHED_LAST = timedelta(days=1)
"""So long after its end a code is asked about."""


def watching(opening: PartnerRequest, id_: UUID, until: datetime, now: datetime) -> PartnerRequest:
    """The request to see whether the code that another request has opened was paid."""
    assert isinstance(opening.asked, OpenCode), "a code that was opened"
    watch = WatchCode(opening.id, now, until, opening.asked.plan.pushed)
    made = noted(id_, opening.merchant_id, opening.connection, "close", watch, now)
    return replace(
        made, state="processing", partner_reference=opening.partner_reference, next_at=_watched_at(watch, now)
    )


def still_waiting(request: PartnerRequest, now: datetime) -> PartnerRequest:
    """The request after the partner has said that nothing was paid yet: asked again later, until the code is long over."""
    assert isinstance(request.asked, WatchCode), "a code that is watched"
    next_at = _watched_at(request.asked, now)
    if next_at is None:
        return done(request, request.partner_reference, now)
    return replace(request, tries=0, next_at=next_at, updated_at=now)


def _watched_at(watch: WatchCode, now: datetime) -> datetime | None:
    """Each wait is as long as the code's age, counted anew from its end; None once it is long over."""
    end = watch.until + WATCHED_AFTER
    first = WATCHED_SOON if watch.soon else WATCHED_FIRST
    if now < end:
        return min(now + max(now - watch.since, first), end)
    if now >= watch.until + WATCHED_LAST:
        return None
    return min(now + max(now - watch.until, WATCHED_FIRST), watch.until + WATCHED_LAST)


# -- money, which is sent once ----------------------------------------------------------------------------------------

UNKNOWN_FOR = timedelta(hours=1)
"""A bank that does not know a transfer may still come to know it in this time."""
NOT_FOUND_MIN = 3
"""So often a bank must have said that it does not know a transfer before anything is concluded from it."""


CLOSED_FOR = timedelta(hours=1)
"""A bank that takes no order at this hour is tried again after so long."""
NO_WAY_OPEN = "no way to the bank is open now"


def sending(request: PartnerRequest, way: str, account: str, now: datetime) -> PartnerRequest:
    """The request of whoever sends the money now: nobody else may."""
    assert request.state == "pending", "money is sent once"
    return replace(
        request,
        state="sending",
        way=way,
        account=account,
        sending_at=now,
        next_at=now + LEASE,
        reason="",
        updated_at=now,
    )


def not_sent(request: PartnerRequest, why: str, now: datetime) -> PartnerRequest:
    """The request after the bank surely got nothing: the right to send is given back, for later."""
    return unanswered(_given_back(request, why, now), now)


def not_taken_now(request: PartnerRequest, why: str, now: datetime) -> PartnerRequest:
    """The request after the bank has said that it takes no such order at this hour: the right to send is given back.

    Its hours are not those that we know of, so nobody knows when it opens: it is tried again each hour in which ours are open.
    """
    return replace(_given_back(request, why, now), next_at=now + CLOSED_FOR)


def _given_back(request: PartnerRequest, why: str, now: datetime) -> PartnerRequest:
    return replace(request, state="pending", way="", account="", sending_at=None, reason=why, updated_at=now)


def postponed(request: PartnerRequest, until: datetime, now: datetime) -> PartnerRequest:
    """The request of money that no way is open for before an instant."""
    return replace(request, next_at=max(until, now), reason=NO_WAY_OPEN, updated_at=now)


def not_known(request: PartnerRequest, now: datetime) -> PartnerRequest:
    """The request after the bank has said that it does not know it, which proves nothing alone."""
    return replace(unanswered(request, now), not_found=request.not_found + 1, updated_at=now)


DELAYED_AFTER = timedelta(hours=1)
NO_END_YET = "the bank has not said what became of it"


def is_delayed(request: PartnerRequest, now: datetime) -> bool:
    """Whether the bank has not said for an hour what became of money, and nobody was notified of that yet."""
    return (
        request.state == "sending"
        and request.sending_at is not None
        and now - request.sending_at >= DELAYED_AFTER
        and request.reason != NO_END_YET
    )


def delayed(request: PartnerRequest, now: datetime) -> PartnerRequest:
    """The request once the merchant is notified that its money takes long."""
    return replace(request, reason=NO_END_YET, updated_at=now)


def may_have_failed(request: PartnerRequest, now: datetime, *, never_says: bool = False) -> bool:
    """Whether the bank's word that it does not know it is old and repeated enough to look at the account's statement.

    `never_says`: the bank cannot be asked, so that only the age counts.
    """
    return (
        request.state == "sending"
        and request.sending_at is not None
        and now - request.sending_at >= UNKNOWN_FOR
        and (never_says or request.not_found >= NOT_FOUND_MIN)
    )


# -- money that is given back by the way it came ----------------------------------------------------------------------

LOOK_AGAIN_MIN, LOOK_AGAIN_MAX = timedelta(hours=1), timedelta(days=1)


def account_missing(request: PartnerRequest, why: str, now: datetime) -> PartnerRequest:
    """The request of a refund that its channel does not carry out, while no account is known that it could go to.

    Each wait is as long as the refund's age, from an hour to a day.
    """
    wait = min(max(now - request.created_at, LOOK_AGAIN_MIN), LOOK_AGAIN_MAX)
    return replace(request, state="pending", reason=why, tries=0, next_at=now + wait, updated_at=now)
