"""Taking what is held of a card: in one part or in several, and letting the rest go."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import channels, ids
from gerbang.connections import CaptureOutcome
from gerbang.db import Tx, charges, merchants, payments, stored_cards
from gerbang.db import partner_requests as requests
from gerbang.db.changes import write
from gerbang.domain import charges as charge_rules
from gerbang.domain import partner_requests as rules
from gerbang.domain.calendars import settles_at
from gerbang.domain.cards import Capture, CardDetails
from gerbang.domain.changes import BookedReport, Changes, Freed
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import fee_out_of
from gerbang.domain.ledger import money_in
from gerbang.domain.money import readable
from gerbang.domain.partner_requests import CaptureCard, PartnerRequest, noted
from gerbang.domain.payments import Payment, moved
from gerbang.domain.reports import Booked, Report
from gerbang.errors import CaptureTooMuch, PaymentUnknown, WrongState
from gerbang.services.cards.given import activated
from gerbang.services.cards.outcomes import releasing
from gerbang.world import World

SERVICE = "capture"
"""Of money that is taken in parts: one charge has several reports of it."""


class CaptureOrder(msgspec.Struct, frozen=True):
    """A merchant wants a part of what is held, or all that is left."""

    merchant_id: UUID
    payment_id: UUID
    amount: int | None
    """Minor units; None: all that is left."""
    release_rest: bool


class Held(msgspec.Struct, frozen=True):
    """A payment by card whose money is held, locked."""

    payment: Payment
    charge: Charge
    card: CardDetails
    request: PartnerRequest


async def order(world: World, wanted: CaptureOrder) -> tuple[Payment, Capture]:
    """Notes that a part of what is held is to be taken; the acquirer is asked at once, and says how it ended later.

    Raises PaymentUnknown, WrongState where nothing is held or the rest was let go, and CaptureTooMuch (field "amount").
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await _held(tx, wanted.merchant_id, wanted.payment_id)
        card = held.card
        if any(each.release_rest and each.state != "failed" for each in card.captures):
            raise WrongState(state="captured, and its rest let go", verb="captured again")
        left = held.charge.amount - card.asked_for
        amount = left if wanted.amount is None else wanted.amount
        if left <= 0 or amount > left:
            raise CaptureTooMuch("amount.value", left=readable(max(left, 0)))
        made = Capture(ids.uuid7(now), amount, wanted.release_rest, "pending", now, now)
        charge = replace(held.charge, card=replace(card, captures=(*card.captures, made)), updated_at=now)
        asked = CaptureCard(held.payment.id, charge.id, amount, wanted.release_rest, held.request.partner_reference)
        request = noted(made.id, wanted.merchant_id, held.request.connection, "capture", asked, now)
        changes = Changes(charges={charge.id: charge}, new_requests=[replace(request, next_at=now)])
        await write(tx, changes, now)
    return held.payment, made


async def record(world: World, request: PartnerRequest, said: CaptureOutcome) -> None:
    """Writes what the acquirer says of a capture, unless that was written before."""
    asked = request.asked
    assert isinstance(asked, CaptureCard), "a capture"
    async with world.db.transaction() as tx:
        now = world.clock.now()
        payment = (await payments.locked(tx, [(request.merchant_id, asked.payment_id)]))[asked.payment_id]
        locked = await requests.locked(tx, [request.id, asked.charge_id])
        charge = (await charges.by_id(tx, [(request.merchant_id, asked.charge_id)]))[asked.charge_id]
        capture = locked[request.id]
        if capture.ended or charge.card is None:
            return
        if said.done is None:
            await write(tx, Changes(requests={capture.id: rules.under_way(capture, said.reference, None, now)}), now)
            return
        if not said.done:
            changes = Changes(requests={capture.id: rules.declined(capture, said.why, now)})
            changes.charges[charge.id] = _marked(charge, capture.id, "failed", now)
            await write(tx, changes, now)
            return
        changes = Changes(requests={capture.id: rules.done(capture, said.reference, now)})
        charge = _marked(charge, capture.id, "succeeded", now)
        _book(changes, payment, charge, asked, said.reference, request.connection, now)
        held = Held(payment, charge, _card(charge), locked[asked.charge_id])
        if _is_complete(held):
            await _finish(world, tx, changes, held, now)
        else:
            changes.charges[charge.id] = charge
        await write(tx, changes, now)


async def lapse(world: World, request: PartnerRequest) -> None:
    """Ends a payment whose money is held no more: with what was captured of it, or unpaid."""
    asked = request.asked
    assert isinstance(asked, rules.AuthorizeCard), "an authorization"
    async with world.db.transaction() as tx:
        now = world.clock.now()
        held = await _locked(tx, request.merchant_id, asked.payment_id)
        if held is None or held.request.ended:
            return
        changes = Changes()
        if any(each.state == "pending" for each in held.card.captures):
            later = rules.under_way(held.request, held.request.partner_reference, None, now)
            await write(tx, Changes(requests={later.id: later}), now)
            return
        if held.card.taken:
            await _finish(world, tx, changes, held, now)
        else:
            await _expire(tx, changes, held, now)
        await write(tx, changes, now)


# -- what is written --------------------------------------------------------------------------------------------------


def _card(charge: Charge) -> CardDetails:
    assert charge.card is not None, "a charge that is paid by card"
    return charge.card


async def _locked(tx: Tx, merchant_id: UUID, payment_id: UUID) -> Held | None:
    payment = (await payments.locked(tx, [(merchant_id, payment_id)])).get(payment_id)
    if payment is None:
        raise PaymentUnknown
    newest = (await charges.newest(tx, [(merchant_id, payment_id)], most=1)).get(payment_id, [])
    charge = newest[0] if newest else None
    if charge is None or charge.state != "authorized" or charge.card is None or payment.state != "processing":
        return None
    request = (await requests.locked(tx, [charge.id]))[charge.id]
    return Held(payment, charge, charge.card, request)


async def _held(tx: Tx, merchant_id: UUID, payment_id: UUID) -> Held:
    """A payment by card whose money is held, locked. Raises PaymentUnknown or WrongState."""
    found = await _locked(tx, merchant_id, payment_id)
    if found is None:
        payment = (await payments.by_id(tx, [(merchant_id, payment_id)]))[payment_id]
        raise WrongState(state=payment.state, verb="captured: nothing is held for it")
    return found


def _marked(charge: Charge, capture_id: UUID, state: Literal["succeeded", "failed"], now: datetime) -> Charge:
    card = _card(charge)
    parts = tuple(
        replace(each, state=state, updated_at=now) if each.id == capture_id else each for each in card.captures
    )
    card = replace(card, captures=parts)
    return replace(charge, card=card, captured=card.taken, updated_at=now)


def _is_complete(held: Held) -> bool:
    """Whether nothing more will be taken: it is all taken, or the rest is let go and nothing is under way."""
    if held.card.taken >= held.charge.amount:
        return True
    released = any(each.release_rest and each.state == "succeeded" for each in held.card.captures)
    return released and all(each.state != "pending" for each in held.card.captures)


def _book(
    changes: Changes,
    payment: Payment,
    charge: Charge,
    asked: CaptureCard,
    reference: str,
    connection: str,
    now: datetime,
) -> None:
    """Adds money that was taken: it is owed, since it was held for this payment."""
    booked = Booked(ids.uuid7(now), "booked", asked.amount, payment.merchant_id, payment.id, charge.id)
    report = Report(
        connection=connection,
        reference=reference,
        channel=charge.channel,
        number=charge.instructions.number,
        amount=asked.amount,
        paid_at=now,
        service=SERVICE,
    )
    changes.new_reports.append(BookedReport(report, booked, now))
    changes.transfers += money_in(
        connection, payment.merchant_id, asked.amount, payment_id=payment.id, report_id=booked.id
    )


async def _finish(world: World, tx: Tx, changes: Changes, held: Held, now: datetime) -> None:
    """Adds that a payment is paid by what was captured; what else is held is let go."""
    payment, charge, taken = held.payment, held.charge, held.card.taken
    merchant = (await merchants.by_id(tx, [payment.merchant_id]))[payment.merchant_id]
    offer = world.offer(merchant, payment.product)
    spec, option = world.channels[charge.channel].spec, charge.instructions.option
    fee = fee_out_of(channels.rate(spec, option, offer), taken, now)
    charge = replace(
        charge_rules.paid(charge, now, now),
        captured=taken,
        fee=fee.total,
        vat=fee.vat,
        settles_at=settles_at(channels.settling(spec, option, offer), now, world.calendar),
    )
    payment = replace(moved(payment, "pay", now), paid_at=now)
    changes.payments[payment.id], changes.charges[charge.id] = payment, charge
    changes.events.append(
        Event(payment.merchant_id, "payment.paid", now, payment.id, charge.id, Snapshot(payment=payment, charge=charge))
    )
    changes.requests[held.request.id] = rules.done(held.request, held.request.partner_reference, now)
    if taken < charge.amount:
        changes.new_requests.append(releasing(held.request, held.request.partner_reference, now))
    await _free(tx, changes, charge, now)
    kept = (await stored_cards.pending_of(tx, [(charge.merchant_id, charge.id)])).get(charge.id)
    if kept is not None:
        changes.stored_cards.append(activated(kept, now))


async def _expire(tx: Tx, changes: Changes, held: Held, now: datetime) -> None:
    """Adds that nobody captured what was held: the payment has expired."""
    charge = replace(
        held.charge, state=charge_rules.MOVES["lapse"][held.charge.state], failure="expired", updated_at=now
    )
    payment = moved(held.payment, "lapse", now)
    changes.payments[payment.id], changes.charges[charge.id] = payment, charge
    changes.events.append(
        Event(payment.merchant_id, "payment.expired", now, payment.id, charge.id, Snapshot(payment=payment))
    )
    changes.requests[held.request.id] = rules.done(held.request, held.request.partner_reference, now)
    changes.new_requests.append(releasing(held.request, held.request.partner_reference, now))
    await _free(tx, changes, charge, now)


async def _free(tx: Tx, changes: Changes, charge: Charge, now: datetime) -> None:
    merchant = (await merchants.by_id(tx, [charge.merchant_id]))[charge.merchant_id]
    code = charge.instructions
    free_at = now + merchant.agreement.quarantine
    changes.freed.append(Freed(code.connection, charge.channel, code.number, charge.payment_id, free_at))
