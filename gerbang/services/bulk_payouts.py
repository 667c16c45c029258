"""Ordering many payouts by one request: all of it is written in one commit, and the banks are called afterwards.

Either the whole request is taken or nothing of it. Where the balance does not cover it, it waits; see `bulk_waiting`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.clock import midnight, wib
from gerbang.db import Tx, idempotency, wait_as_for_writing
from gerbang.db import bulk_payouts as kept
from gerbang.db import payouts as kept_payouts
from gerbang.db.changes import WriteConflict, write
from gerbang.db.money_out_tables import ACCOUNT_INQUIRIES
from gerbang.domain.account_inquiries import AccountInquiry
from gerbang.domain.bulk_payouts import (
    INVALID_ACCOUNT,
    LINE_MAX,
    NOT_ALLOWED,
    PRETENDED_SHORT,
    BulkPayout,
    State,
    Totals,
    still_short,
    totals_of,
)
from gerbang.domain.changes import Changes, KeptAnswer
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.ledger import Transfer, reserving
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import readable
from gerbang.domain.partner_requests import PartnerRequest, SendMoney, noted
from gerbang.domain.payouts import AMOUNT_MIN, FEE_NAME, Destination, Payout, ready, refused
from gerbang.errors import (
    DailyPayoutsAboveLimit,
    InquiryUnknown,
    KeyReused,
    PayoutAboveLimit,
    PayoutBelowLimit,
    PayoutReferenceTaken,
    PayoutUnknown,
    Unavailable,
)
from gerbang.services.payments.create import KEY_REMEMBERED
from gerbang.services.payout_ends import bulk_event
from gerbang.services.payouts import NewPayout, hold_balance, made, ordering
from gerbang.world import World

ATTEMPTS_MAX = 3


class NewLine(msgspec.Struct, frozen=True):
    """A payout of many. `destination` or the id of the inquiry that has it."""

    reference: str
    amount: int
    destination: Destination | None
    inquiry_id: UUID | None = None
    description: str | None = None


class Found(msgspec.Struct, frozen=True):
    """A bulk payout with its lines, in the order of their request."""

    bulk: BulkPayout
    lines: list[Payout]

    @property
    def totals(self) -> Totals:
        return totals_of(self.lines)


class NewBulk(msgspec.Struct, frozen=True):
    """An order of many payouts, with what a repeat of its request is known by."""

    merchant_id: UUID
    product: str
    lines: Sequence[NewLine]
    key: str | None
    fingerprint: bytes
    answer: Callable[[Found], bytes]
    """The answer to the request, which a repeat gets too."""


async def create(world: World, new: NewBulk) -> bytes:
    """Takes an order of many payouts and returns the answer to it.

    Raises PayoutBelowLimit, PayoutAboveLimit, PayoutReferenceTaken, InquiryUnknown, DailyPayoutsAboveLimit or KeyReused: then
    nothing is written. A line that no connection here can carry out has failed from the start, and holds up no other.
    """
    _check(new)
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _create(world, new, sure=attempt > 0)
        except WriteConflict:
            continue  # an equal request was written just now, and is seen next time
    raise Unavailable(what="is busy with equal requests")


def _check(new: NewBulk) -> None:
    """What can be said of the request alone."""
    seen: set[str] = set()
    for place, line in enumerate(new.lines):
        if line.amount < AMOUNT_MIN:
            raise PayoutBelowLimit(f"payouts[{place}].amount", minimum=readable(AMOUNT_MIN))
        if line.reference in seen:
            raise PayoutReferenceTaken(f"payouts[{place}].reference")
        seen.add(line.reference)


async def _create(world: World, new: NewBulk, *, sure: bool) -> bytes:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        if new.key is not None and (answer := await _known(tx, new, now)) is not None:
            await wait_as_for_writing(tx)
            return answer
        # Orders of one merchant wait here for each other, so what is read below stays true until the commit.
        balance = await hold_balance(tx, new.merchant_id, "payouts")
        await _check_references(tx, new, sure=sure)
        merchant = await ordering(tx, new.merchant_id)
        _check_amounts(merchant, new)
        await _check_day(tx, merchant, new, now)
        inquiries = await _inquiries(tx, new)
        bulk_id = ids.uuid7(now)
        lines = [_line(world, merchant, new, line, inquiries, bulk_id, now) for line in new.lines]
        found = _decided(new, bulk_id, lines, balance, now)
        changes, answer = _changes(found, now), new.answer(found)
        if new.key is not None:
            kept_answer = KeptAnswer(new.merchant_id, new.key, new.fingerprint, answer, now + KEY_REMEMBERED)
            changes.new_answers = [kept_answer]
        await write(tx, changes, now)
    return answer


async def _known(tx: Tx, new: NewBulk, now: datetime) -> bytes | None:
    """The answer that is kept under the request's key. Raises KeyReused."""
    asked = idempotency.Asked(new.merchant_id, "", "", new.key)
    repeated = (await idempotency.known(tx, [asked], now)).get(0)
    if repeated is None:
        return None
    if repeated.fingerprint != new.fingerprint or repeated.answer is None:
        raise KeyReused
    return repeated.answer


async def _check_references(tx: Tx, new: NewBulk, *, sure: bool) -> None:
    """Raises PayoutReferenceTaken, or WriteConflict the first time: an equal request may have been written meanwhile."""
    taken = await kept.taken_references(tx, new.merchant_id, [line.reference for line in new.lines])
    for place, line in enumerate(new.lines):
        if line.reference in taken:
            if not sure and new.key is not None:
                raise WriteConflict("payouts_reference")
            raise PayoutReferenceTaken(f"payouts[{place}].reference")


def _check_amounts(merchant: Merchant, new: NewBulk) -> None:
    most = merchant.agreement.amount_max.get(FEE_NAME, LINE_MAX)
    for place, line in enumerate(new.lines):
        if line.amount > most:
            raise PayoutAboveLimit(f"payouts[{place}].amount", maximum=readable(most))


async def _check_day(tx: Tx, merchant: Merchant, new: NewBulk, now: datetime) -> None:
    """Raises DailyPayoutsAboveLimit: days are those of Jakarta."""
    limit = merchant.agreement.payouts_day_max
    if limit is None:
        return
    before = await kept.ordered_since(tx, merchant.id, midnight(wib(now).date()))
    together = before + sum(line.amount for line in new.lines)
    if together > limit:
        raise DailyPayoutsAboveLimit(sum=readable(together), limit=readable(limit))


async def _inquiries(tx: Tx, new: NewBulk) -> dict[UUID, AccountInquiry]:
    """The inquiries that lines name. Raises InquiryUnknown, also for another merchant's."""
    asked = {line.inquiry_id for line in new.lines if line.inquiry_id is not None}
    found = await ACCOUNT_INQUIRIES.find(tx, [(new.merchant_id, id_) for id_ in asked])
    for place, line in enumerate(new.lines):
        if line.inquiry_id is not None and line.inquiry_id not in found:
            raise InquiryUnknown(f"payouts[{place}].inquiry_id")
    return found


def _line(
    world: World,
    merchant: Merchant,
    new: NewBulk,
    line: NewLine,
    inquiries: dict[UUID, AccountInquiry],
    bulk_id: UUID,
    now: datetime,
) -> Payout:
    """The payout of a line. It has failed already where nobody can be asked to carry it out."""
    inquiry = inquiries.get(line.inquiry_id) if line.inquiry_id is not None else None
    destination = inquiry.destination if inquiry is not None else line.destination
    assert destination is not None, "a line says where its money goes"
    carrier = world.partners.serving(merchant.id, None, destination.bank_code, "payouts")
    sent_by = carrier.connection.name if carrier is not None and carrier.sender is not None else ""
    order = NewPayout(
        merchant_id=merchant.id,
        product=new.product,
        reference=line.reference,
        amount=line.amount,
        destination=destination,
        description=line.description,
        source="payouts",
        cause_id=bulk_id,
    )
    payout = made(merchant, order, sent_by, now, state="approved")
    if inquiry is not None and inquiry.state == "invalid":
        return refused(payout, inquiry.reason or INVALID_ACCOUNT, now)
    return payout if sent_by else refused(payout, NOT_ALLOWED, now)


def _decided(new: NewBulk, bulk_id: UUID, lines: Sequence[Payout], balance: int, now: datetime) -> Found:
    """The bulk payout with its lines, their money reserved where the balance covers it all."""
    open_lines = [line for line in lines if line.ended_at is None]
    needed = sum(line.reserved for line in open_lines)
    pretended = any(_is_pretended_short(line) for line in open_lines)
    covered = needed <= balance and not pretended
    state: State = "done" if not open_lines else "running" if covered else "waiting"
    bulk = BulkPayout(
        id=bulk_id,
        merchant_id=new.merchant_id,
        product=new.product,
        state=state,
        lines=len(lines),
        open_lines=len(open_lines),
        needed=needed,
        created_at=now,
        updated_at=now,
    )
    if state == "waiting":
        return Found(bulk if pretended else still_short(bulk, now), list(lines))
    return Found(bulk, [line if line.ended_at is not None else ready(line, now) for line in lines])


def _is_pretended_short(line: Payout) -> bool:
    return line.connection == SIMULATOR and line.destination.account_number == PRETENDED_SHORT


def _changes(found: Found, now: datetime) -> Changes:
    """What a new bulk payout writes. Its merchant is notified of lines that have failed already, and of waiting."""
    bulk = found.bulk
    failed = [line for line in found.lines if line.ended_at is not None]
    events = [Event(bulk.merchant_id, "payout.failed", now, snapshot=Snapshot(payout=line)) for line in failed]
    if bulk.state != "running":
        events.append(bulk_event(bulk, found.totals, now))
    pending = [line for line in found.lines if line.state == "pending"]
    return Changes(
        new_bulk_payouts=[bulk],
        new_payouts=found.lines,
        new_requests=[request_of(line, now) for line in pending],
        transfers=reserved_for(pending),
        events=events,
    )


def request_of(line: Payout, now: datetime) -> PartnerRequest:
    """What its bank must be asked about a line, at once and by whoever comes first."""
    return replace(noted(line.id, line.merchant_id, line.connection, "send", SendMoney(), now), next_at=now)


def reserved_for(lines: Sequence[Payout]) -> list[Transfer]:
    """The money of lines, fees included, reserved."""
    return [
        transfer
        for line in lines
        for transfer in reserving(line.merchant_id, line.reserved, payout_id=line.id, source=line.source)
    ]


async def read(world: World, merchant_id: UUID, bulk_id: UUID) -> Found:
    """A merchant's bulk payout with its lines. Raises PayoutUnknown."""
    async with world.db.reading() as tx:
        bulk = await kept.by_id(tx, merchant_id, bulk_id)
        if bulk is None:
            raise PayoutUnknown
        return Found(bulk, await kept.lines(tx, merchant_id, bulk_id))


async def read_line(world: World, merchant_id: UUID, reference: str, bulk_id: UUID | None = None) -> Found:
    """The line of this reference with its bulk payout; of the one that is named, where one is. Raises PayoutUnknown."""
    async with world.db.reading() as tx:
        line = await kept_payouts.by_reference(tx, merchant_id, reference)
        if line is None or line.cause_id is None or bulk_id not in (None, line.cause_id):
            raise PayoutUnknown
        bulk = await kept.by_id(tx, merchant_id, line.cause_id)
        if bulk is None:
            raise PayoutUnknown
        return Found(bulk, [line])
