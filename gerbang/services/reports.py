"""Money arriving: the only door from a bank's word to the batch, however the word came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from gerbang import channels as channel_rules
from gerbang import ids
from gerbang.connections import Opened
from gerbang.db import Tx, charges, merchants, partner_requests, paycodes, payments, wait_as_for_writing
from gerbang.db import reports as kept
from gerbang.db.changes import write
from gerbang.domain import charges as charge_rules
from gerbang.domain.calendars import BANK_CLOCK_TOLERANCE, settles_at
from gerbang.domain.changes import BookedReport, Changes, Freed
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import fee_out_of
from gerbang.domain.ledger import money_held, money_in
from gerbang.domain.merchants import PLATFORM, Merchant
from gerbang.domain.partner_requests import OpenCode
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment, as_of, honoured, moved
from gerbang.domain.reports import ENDED_BY_TIME, Booked, Report, classify
from gerbang.services.payments import opening
from gerbang.world import World


@dataclass
class _Batch:
    """What a batch of reports has found and changed so far. A later report is classified by what an earlier one did."""

    now: datetime
    owners: dict[tuple[str, str, datetime], Paycode]
    payments: dict[UUID, Payment]
    charges: dict[UUID, Charge]
    merchants: dict[UUID, Merchant]
    changes: Changes = field(default_factory=Changes)


async def book_all(world: World, reports: Sequence[Report]) -> list[Booked]:
    """Records each report exactly once, on (bank, reference), and says what became of it. One commit for all.

    What is owed pays its charge; what is not (late, double, too much, too little, to nobody's number) is held in
    suspense, and the merchant is notified. Nothing is ever refused here: it has arrived.
    """
    answers: dict[int, Booked] = {}
    async with world.db.transaction() as tx:
        now = world.clock.now()
        batch = await _opened(world, tx, reports, now)
        named, known = await _known(tx, reports)
        if known:
            await wait_as_for_writing(tx)
        for i, renamed in enumerate(named):
            report = _named_apart(renamed, known)
            name = (report.bank, report.reference)
            if name in known:
                answers[i] = replace(known[name].booked, known_before=True)
            else:
                booked = _book(world, batch, report, renamed=report.reference != reports[i].reference)
                known[name] = kept.KnownReport(booked, report.channel, report.number)
                answers[i] = booked
        await write(tx, batch.changes, now)
    return [answers[i] for i in range(len(reports))]


async def _known(tx: Tx, reports: Sequence[Report]) -> tuple[list[Report], dict[tuple[str, str], kept.KnownReport]]:
    """The reports under names that are theirs, and what is known of all names that were looked at on the way."""
    named, asked = list(reports), set[tuple[str, str]]()
    known: dict[tuple[str, str], kept.KnownReport] = {}
    while fresh := {(report.bank, report.reference) for report in named} - asked:
        known |= await kept.known(tx, list(fresh))
        asked |= fresh
        named = [_named_apart(report, known) for report in named]
    return named, known


def _named_apart(report: Report, known: Mapping[tuple[str, str], kept.KnownReport]) -> Report:
    """The report, renamed if its reference was used for other money: a bank that repeats itself must not lose any."""
    before = known.get((report.bank, report.reference))
    if before is None or (before.channel, before.number, before.booked.amount) == (
        report.channel,
        report.number,
        report.amount,
    ):
        return report
    return replace(report, reference=f"{report.reference}#{report.channel}:{report.number}:{report.amount}")


def asked_at(paid_at: datetime | None, now: datetime) -> datetime:
    """The instant at which a number's owner is asked for: a bank's clock may be a little off."""
    return min(paid_at or now, now) + BANK_CLOCK_TOLERANCE


def _asked(report: Report, now: datetime) -> tuple[str, str, datetime]:
    """Whose number it was when the money was paid."""
    return report.channel, report.number, asked_at(report.paid_at, now)


async def _opened(world: World, tx: Tx, reports: Sequence[Report], now: datetime) -> _Batch:
    """Loads and locks everything that these reports may change, with the codes that a partner has made meanwhile."""
    owners = await paycodes.owners(tx, list({_asked(report, now) for report in reports}))
    owners |= await _by_our_reference(tx, [report for report in reports if report.request_id is not None], now)
    # Reports of money to somebody go in turn, by the lock on the payment; money to nobody needs a lock of its own.
    await kept.claim(tx, [(r.bank, r.reference) for r in reports if _asked(r, now) not in owners])
    held = await payments.locked(tx, {owner.payment_id for owner in owners.values()})
    charge_ids = [owner.charge_id for owner in owners.values() if owner.charge_id is not None]
    open_charges = await charges.by_id(tx, charge_ids) if charge_ids else {}
    known = await merchants.by_id(tx, list({owner.merchant_id for owner in owners.values()}))
    batch = _Batch(now, owners, held, open_charges, known)
    if any(payment.state == "opening" for payment in held.values()):
        await _open(world, tx, batch)
    return batch


async def _by_our_reference(
    tx: Tx, reports: Sequence[Report], now: datetime
) -> dict[tuple[str, str, datetime], Paycode]:
    """Who is paid by codes that a partner has made, even where their numbers are not written down yet."""
    named = {report.request_id: report for report in reports if report.request_id is not None}
    found: dict[tuple[str, str, datetime], Paycode] = {}
    for id_, request in (await partner_requests.by_id(tx, named) if named else {}).items():
        report, asked = named[id_], request.asked
        if isinstance(asked, OpenCode) and asked.plan.channel == report.channel:
            found[_asked(report, now)] = Paycode(
                channel=report.channel,
                number=report.number,
                merchant_id=request.merchant_id,
                payment_id=asked.payment_id,
                charge_id=asked.charge_id,
                static=asked.plan.static,
                free_at=None,
                created_at=now,
            )
    return found


async def _open(world: World, tx: Tx, batch: _Batch) -> None:
    """Opens the payments that money has come for before their partner has said that it can."""
    wanted = {o.charge_id or o.payment_id: o for o in batch.owners.values() if _is_opening(batch, o)}
    for id_, request in (await partner_requests.by_id(tx, wanted)).items():
        owner = wanted[id_]
        if _is_opening(batch, owner):
            payment, merchant = batch.payments[owner.payment_id], batch.merchants[owner.merchant_id]
            opened = Opened(owner.number, request.partner_reference)
            payment, charge = opening.open_payment(world, batch.changes, request, payment, merchant, opened, batch.now)
            batch.payments[payment.id] = payment
            if charge is not None:
                batch.charges[charge.id] = charge


def _is_opening(batch: _Batch, owner: Paycode) -> bool:
    return as_of(batch.payments[owner.payment_id], batch.now).state == "opening"


def _book(world: World, batch: _Batch, report: Report, *, renamed: bool) -> Booked:
    """Decides one report, and notes what it changes."""
    owner = batch.owners.get(_asked(report, batch.now))
    payment = batch.payments.get(owner.payment_id) if owner else None
    charge = batch.charges.get(owner.charge_id) if owner and owner.charge_id else None
    outcome = classify(payment, charge, report.amount, batch.now, _paid_at(report, payment, charge, batch.now))
    if renamed and outcome == "booked":
        outcome = "double"  # one reference batch at most once: what else comes under it is for a person to look at
    merchant_id = payment.merchant_id if payment else PLATFORM
    booked = Booked(
        id=ids.uuid7(batch.now),
        outcome=outcome,
        amount=report.amount,
        merchant_id=merchant_id,
        payment_id=payment.id if payment else None,
        charge_id=charge.id if charge else None,
    )
    if outcome == "booked" and payment is not None:
        booked = _pay(world, batch, report, payment, charge, booked)
    else:
        batch.changes.transfers += money_held(
            report.bank, merchant_id, report.amount, payment_id=booked.payment_id, report_id=booked.id
        )
        snapshot = Snapshot(payment=payment, charge=charge, report=booked, reported_number=report.number)
        batch.changes.events.append(
            Event(merchant_id, "money.in_suspense", batch.now, booked.payment_id, booked.charge_id, snapshot)
        )
    batch.changes.new_reports.append(BookedReport(report, booked, batch.now))
    return booked


def _pay(
    world: World, batch: _Batch, report: Report, payment: Payment, charge: Charge | None, booked: Booked
) -> Booked:
    """Money that was owed: the charge succeeds, and a one-time payment is paid."""
    now = batch.now
    merchant = batch.merchants[payment.merchant_id]
    offer = world.offer(merchant, payment.product)
    paid_at = _paid_at(report, payment, charge, now) or (charge or payment).created_at
    in_time = as_of(payment, now).state not in ENDED_BY_TIME
    payment = moved(payment, "pay", now) if in_time else honoured(payment, now)
    arrived = charge or _arrival(payment, report, now)
    spec, option = world.channels[report.channel].spec, arrived.instructions.option
    fee = fee_out_of(channel_rules.rate(spec, option, offer), report.amount, now)
    arrived = replace(
        charge_rules.paid(arrived, paid_at, now),
        instructions=replace(arrived.instructions, issuer=report.issuer, retrieval_reference=report.reference),
        fee=fee.total,
        vat=fee.vat,
        settles_at=settles_at(channel_rules.settling(spec, option, offer), paid_at, world.calendar),
    )
    if charge is None:
        batch.changes.new_charges.append(arrived)
        kind = "charge.succeeded"
    else:
        payment = replace(payment, paid_at=arrived.paid_at)
        batch.charges[arrived.id] = arrived
        batch.changes.put_charge(arrived)
        free_at = now + merchant.agreement.quarantine
        batch.changes.freed.append(Freed(report.channel, report.number, payment.id, free_at))
        kind = "payment.paid"
    batch.payments[payment.id] = batch.changes.payments[payment.id] = payment
    batch.changes.transfers += money_in(
        report.bank, merchant.id, report.amount, payment_id=payment.id, report_id=booked.id
    )
    snapshot = Snapshot(payment=payment, charge=arrived)
    batch.changes.events.append(Event(merchant.id, kind, now, payment.id, arrived.id, snapshot))
    return replace(booked, charge_id=arrived.id)


def _paid_at(report: Report, payment: Payment | None, charge: Charge | None, now: datetime) -> datetime | None:
    """When the buyer paid; None where the bank's clock is plainly wrong: nobody pays before they are asked to."""
    paid_at, asked_for = min(report.paid_at or now, now), charge or payment
    if asked_for is not None and paid_at < asked_for.created_at - BANK_CLOCK_TOLERANCE:
        return None
    return paid_at


def _arrival(payment: Payment, report: Report, now: datetime) -> Charge:
    """The charge that an arrival of money on a static paycode is."""
    assert payment.method is not None and payment.method.instructions is not None
    return Charge(
        id=ids.uuid7(now),
        payment_id=payment.id,
        merchant_id=payment.merchant_id,
        payment_reference=payment.reference,
        amount=report.amount,
        state="waiting",
        channel=payment.method.channel,
        instructions=payment.method.instructions,
        descriptor="",
        static=True,
        created_at=now,
        updated_at=now,
    )
