"""How a bank is instructed to pay out, once, and asked what became of it.

Whoever calls the bank has written `sending` down before, in a commit of its own, and nobody gets that right a second time: after a
silence, a cut answer or the death of a process the bank is only asked. What a bank does not know has not failed for that; see
`payout_statements`. (docs/decisions/0071-money-out-is-sent-once.md)
"""

from datetime import datetime
from uuid import UUID

import structlog

from gerbang.connections import Declined, Later, NeverSays, NotNow, NotSent, Sent, Silence, TransferOrder, Transfers
from gerbang.db import Tx
from gerbang.db import partner_requests as requests
from gerbang.db import payouts as kept
from gerbang.db.changes import write as write_changes
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import Fee
from gerbang.domain.ledger import paying_out, releasing
from gerbang.domain.partner_requests import (
    PartnerRequest,
    declined,
    delayed,
    done,
    is_delayed,
    may_have_failed,
    not_known,
    not_sent,
    not_taken_now,
    postponed,
    sending,
    under_way,
)
from gerbang.domain.payouts import Payout, completed, failed, sent
from gerbang.errors import Unavailable
from gerbang.partners import Partner
from gerbang.services import payout_ends, payout_statements, refund_transfers
from gerbang.services.partner_requests import put_off
from gerbang.world import World

log = structlog.get_logger()
NOT_CARRIED_OUT = "The bank did not carry it out"
"""Why a payout failed that its bank does not know and that never left the account."""
NOT_GIVEN = "It could not be given to a bank"
"""Why a payout failed that an operator has ended before its bank was given it."""


def planned(world: World, carrier: Partner, payout: Payout, request: PartnerRequest, now: datetime) -> PartnerRequest:
    """The request with the right to send its money now, by a way that was chosen; or put off until one is open.

    One that no way ever takes stays as it is: `instruct` ends it.
    """
    assert carrier.sender is not None, "it sends money"
    try:
        plan = carrier.sender.plan(carrier.connection, order_of(payout, request), now, world.calendar)
    except Declined:
        return request
    if isinstance(plan, Later):
        return postponed(request, plan.at, now)
    return sending(request, plan.way, plan.account, now)


async def instruct(world: World, payout: Payout, request: PartnerRequest) -> Payout:
    """Gives the bank the order that it surely does not have yet, where the request has the right to."""
    carrier = world.partners.named(request.connection)
    if carrier is None or carrier.sender is None:
        return await _without_bank(world, payout, request)
    now, order, bank = world.clock.now(), order_of(payout, request), carrier.sender
    if request.state == "pending":
        try:
            bank.plan(carrier.connection, order, now, world.calendar)
        except Declined as refusal:
            return await write(world, payout, Sent("failed", "", reason=str(refusal)), now)
        return payout  # no way is open yet
    try:
        said = await carrier.call(f"payout {payout.id}", lambda link: bank.send(link, order, now))
    except Declined as refusal:
        said = Sent("failed", request.partner_reference, reason=str(refusal))
    except NotSent as unsent:
        await _give_right_back(world, request, unsent)
        return payout
    except Silence:
        await put_off(world, request)
        return payout
    return await write(world, payout, said, now)


async def ask(world: World, request: PartnerRequest) -> None:
    """Takes up a payout that is due: sends what was never sent, or asks the bank what became of it."""
    async with world.db.reading() as tx:
        payout = await kept.by_id(tx, request.merchant_id, request.id)
    if payout is None:
        raise lost(request.id)
    carrier = world.partners.named(request.connection)
    if carrier is None or carrier.sender is None:
        await _without_bank(world, payout, request)
    elif request.state != "pending":
        await _ask_bank(world, carrier, carrier.sender, payout, request)
        await _note_delay(world, request)
    elif (claimed := await _claim(world, carrier, payout, request)) is not None:
        await instruct(world, payout, claimed)


async def _without_bank(world: World, payout: Payout, request: PartnerRequest) -> Payout:
    log.error("a payout's connection is not there any more", payout=str(payout.id), connection=request.connection)
    await put_off(world, request)
    return payout


async def _note_delay(world: World, asked: PartnerRequest) -> None:
    """Notifies the merchant, once, of a payout whose bank has not said for an hour what became of it."""
    if not is_delayed(asked, world.clock.now()):
        return
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        payout = await kept.by_id(tx, asked.merchant_id, asked.id)
        if request is None or payout is None or payout.kind != "payout" or not is_delayed(request, now):
            return
        event = Event(payout.merchant_id, "payout.delayed", now, snapshot=Snapshot(payout=payout))
        await write_changes(tx, Changes(requests={request.id: delayed(request, now)}, events=[event]), now)


async def _claim(world: World, carrier: Partner, payout: Payout, asked: PartnerRequest) -> PartnerRequest | None:
    """Takes the right to send, in a commit before the call. None where somebody else has it, or it was put off."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        if request is None or request.state != "pending":
            return None
        claimed = planned(world, carrier, payout, request, now)
        if claimed == request:
            return request  # no way ever takes it
        await write_changes(tx, Changes(requests={request.id: claimed}), now)
    return claimed if claimed.state == "sending" else None


async def _give_right_back(world: World, asked: PartnerRequest, unsent: NotSent) -> None:
    """Writes that the bank surely has nothing, unless somebody has learned better meanwhile."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        if request is not None and request.state == "sending" and request.sending_at == asked.sending_at:
            again = not_taken_now if isinstance(unsent, NotNow) else not_sent
            await write_changes(tx, Changes(requests={request.id: again(request, str(unsent), now)}), now)


def _alarm_never_says(payout: Payout, request: PartnerRequest) -> None:
    log.error("a bank never says what became of a payout", payout=str(payout.id), connection=request.connection)


async def _ask_bank(world: World, carrier: Partner, bank: Transfers, payout: Payout, request: PartnerRequest) -> None:
    """Asks what became of a transfer that the bank may have, and writes the answer."""
    now, order = world.clock.now(), order_of(payout, request)
    try:
        said = await carrier.call(f"payout {payout.id}", lambda link: bank.ask(link, order, now))
    except Declined as refusal:
        # It does not answer the question; of the transfer it says nothing.
        log.warning("a bank does not say what became of a payout", payout=str(payout.id), why=str(refusal))
        await put_off(world, request)
        return
    except NeverSays:
        await put_off(world, request)
        _alarm_never_says(payout, request)
        await _look_at_statement(world, carrier, payout, request.id, now, never_says=True)
        return
    except Silence:
        await put_off(world, request)
        return
    if said is not None:
        await write(world, payout, said, now)
        return
    log.error(
        "a bank does not know a payout that it may have been sent",
        payout=str(payout.id),
        connection=request.connection,
        times=request.not_found + 1,
    )
    await _note_not_known(world, request)
    await _look_at_statement(world, carrier, payout, request.id, now)


async def _look_at_statement(
    world: World, carrier: Partner, payout: Payout, request_id: UUID, now: datetime, *, never_says: bool = False
) -> None:
    """Ends a payout that has been unknown for long enough, where its money surely did not leave the account."""
    async with world.db.reading() as tx:
        request = (await requests.by_id(tx, [request_id])).get(request_id)
    if (
        request is not None
        and may_have_failed(request, now, never_says=never_says)
        and await payout_statements.statement_says(world, carrier, request, payout) == "absent"
    ):
        said = Sent("failed", request.partner_reference, reason=NOT_CARRIED_OUT)
        await write(world, payout, said, now, only_if=request)


async def _note_not_known(world: World, asked: PartnerRequest) -> None:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        if request is not None and request.state == asked.state and request.tries == asked.tries:
            await write_changes(tx, Changes(requests={request.id: not_known(request, now)}), now)


def order_of(payout: Payout, request: PartnerRequest) -> TransferOrder:
    """What the bank is asked."""
    return TransferOrder(
        reference=request.id,
        amount=payout.amount,
        destination=payout.destination,
        description=payout.description or "",
        ordered_at=payout.created_at,
        sent_at=payout.sent_at,
        way=request.way,
        account=request.account,
        bank_reference=request.partner_reference,
        sending_at=request.sending_at,
        kind=payout.kind,
    )


def lost(payout_id: UUID) -> Unavailable:
    """Payouts are never deleted, so the database has lost this one since, in a failover."""
    log.error("a payout was lost by the database after its bank was asked", payout=str(payout_id))
    return Unavailable()


async def write(
    world: World, asked: Payout, said: Sent, called_at: datetime, *, only_if: PartnerRequest | None = None
) -> Payout:
    """Writes what the bank has said, unless the payout has ended meanwhile.

    `only_if`: and unless its request is another than this one by now.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        payout = await kept.locked(tx, asked.merchant_id, asked.id)
        if payout is None or request is None:
            raise lost(asked.id)
        if payout.ended_at is not None:
            _compare(payout, said)
            return payout
        if only_if not in (None, request):
            return payout
        if payout.state == "pending":
            # The bank may be asked days after it was given the order, and its statement has the day of the order.
            payout = sent(payout, said.reference, said.account_name, request.sending_at or called_at, called_at)
        if said.state == "processing":
            request = under_way(request, said.reference, said.ask_at, now)
            await write_changes(tx, Changes(payouts={payout.id: payout}, requests={request.id: request}), now)
            return payout
        payout = completed(payout, now) if said.state == "completed" else failed(payout, said.reason, now)
        await end(tx, payout, request, now)
    return payout


async def end_unsent(world: World, asked: Payout) -> tuple[bool, Payout]:
    """Ends a payout that no bank was given, and says whether it did: nobody can send it any more then."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        request = (await requests.locked(tx, [asked.id])).get(asked.id)
        payout = await kept.locked(tx, asked.merchant_id, asked.id)
        if payout is None or request is None:
            raise lost(asked.id)
        # Whoever sends it takes the right to under the same lock: one of the two comes first.
        if payout.ended_at is not None or request.state != "pending":
            return False, payout
        payout = failed(sent(payout, "", "", now, now), NOT_GIVEN, now)
        await end(tx, payout, request, now)
    return True, payout


def _compare(payout: Payout, said: Sent) -> None:
    """Reports a bank that says another end of a payout than the one that was written: somebody has the money twice, or nobody has."""
    if payout.returned_at is None and said.state in ("completed", "failed") and said.state != payout.state:
        log.error("a bank says another end of a payout", payout=str(payout.id), ended=payout.state, said=said.state)


async def end(tx: Tx, payout: Payout, request: PartnerRequest, now: datetime) -> None:
    """Writes that a payout has ended, moves its money on or back, and notifies the merchant."""
    if payout.kind == "refund":
        await _end_refund(tx, payout, request, now)
        return
    if payout.state == "completed":
        fee = Fee(payout.fee, payout.vat)
        transfers = paying_out(payout.connection, payout.merchant_id, payout.amount, fee, payout_id=payout.id)
        request = done(request, payout.bank_reference, now)
    else:
        transfers = releasing(payout.merchant_id, payout.reserved, payout_id=payout.id, source=payout.source)
        request = declined(request, payout.failure_reason or "", now)
    changes = Changes(payouts={payout.id: payout}, requests={request.id: request}, transfers=transfers)
    await payout_ends.conclude(tx, payout, changes, now)
    await write_changes(tx, changes, now)


async def _end_refund(tx: Tx, payout: Payout, request: PartnerRequest, now: datetime) -> None:
    """Writes that the transfer of a refund has ended, and the refund with it, whose money it is."""
    changes = await refund_transfers.ended(tx, payout, now)
    changes.payouts[payout.id] = payout
    completed = payout.state == "completed"
    reason = payout.failure_reason or ""
    changes.requests[request.id] = (
        done(request, payout.bank_reference, now) if completed else declined(request, reason, now)
    )
    await write_changes(tx, changes, now)
