"""Money arriving: every report of it, and every acceptance of it (`inquiries`), is booked here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from gerbang import channels as channel_rules
from gerbang import ids
from gerbang.connections import Opened
from gerbang.db import Tx, charges, merchants, partner_requests, paycodes, payments, wait_as_for_writing
from gerbang.db import reports as kept
from gerbang.db.changes import WriteConflict, write
from gerbang.db.paycodes import NumberAt
from gerbang.db.reports import KnownReport
from gerbang.domain import charges as charge_rules
from gerbang.domain.calendars import BANK_CLOCK_TOLERANCE, settles_at
from gerbang.domain.changes import BookedReport, Changes, Freed
from gerbang.domain.charges import Charge, is_written
from gerbang.domain.customers import RefundPreference
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import fee_out_of
from gerbang.domain.ledger import money_held, money_in
from gerbang.domain.merchants import PLATFORM, Merchant
from gerbang.domain.partner_requests import AuthorizeCard, OpenCode, PartnerRequest
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment, as_of, honoured, moved
from gerbang.domain.reports import ENDED_BY_TIME, Booked, Name, Outcome, Report, classify
from gerbang.services import late_money
from gerbang.services.payments import opening
from gerbang.services.payments.opening import Code, asked_of
from gerbang.world import World

Answer = TypeVar("Answer")


@dataclass
class UnitOfWork:
    """What some reports may change, locked, and what they have changed so far: a later one sees what an earlier one did."""

    now: datetime
    owners: dict[NumberAt, Paycode]
    requests: dict[UUID, PartnerRequest]
    """Those by which partners made the codes that they name."""
    payments: dict[UUID, Payment] = field(default_factory=dict[UUID, Payment])
    charges: dict[UUID, Charge] = field(default_factory=dict[UUID, Charge])
    merchants: dict[UUID, Merchant] = field(default_factory=dict[UUID, Merchant])
    preferences: dict[UUID, RefundPreference] = field(default_factory=dict[UUID, RefundPreference])
    """How buyers want to be refunded, by payment, where their merchants may send money back that was not owed."""
    known: dict[Name, list[KnownReport]] = field(default_factory=dict[Name, list[KnownReport]])
    """What was received before, by name, in the order of its occurrences."""
    changes: Changes = field(default_factory=Changes)

    def owner(self, report: Report) -> Paycode | None:
        """Whose code was paid to: the one that the partner names, or whoever had the number when the money was paid."""
        return _named(self.requests, report) or self.owners.get(_asked(report, self.now))

    def payment(self, report: Report) -> Payment | None:
        """The payment whose code was paid to."""
        owner = self.owner(report)
        return self.payments.get(owner.payment_id) if owner else None

    def charge(self, report: Report) -> Charge | None:
        """Its open charge; None for a static paycode, where each arrival is a charge of its own."""
        owner = self.owner(report)
        return self.charges.get(owner.charge_id) if owner and owner.charge_id else None

    def _is_to_anothers_number(self, report: Report) -> bool:
        """Whether the number that was paid to is in use by another payment than the one that the partner names."""
        named, holder = _named(self.requests, report), self.owners.get(_asked(report, self.now))
        if named is None or holder is None or holder.payment_id == named.payment_id:
            return False
        return holder.free_at is None or holder.free_at > self.now

    def received(self, report: Report) -> Booked | None:
        """What became of this money, if it was reported before."""
        for before in self.known.get(report.name, []):
            if before.report.is_money_of(report):
                return replace(before.booked, known_before=True)
        return None

    def outcome(self, report: Report) -> Outcome:
        """What becomes of money that was not received before, by the state of what it is for."""
        payment, charge = self.payment(report), self.charge(report)
        outcome = classify(payment, charge, report.amount, self.now, _paid_at(report, payment, charge, self.now))
        if outcome == "booked" and self._is_to_anothers_number(report):
            return "late"  # the partner names one payment and the number of another: a person must see whose it is
        if outcome == "booked" and self.known.get(report.name):
            return "double"  # one reference pays at most once: what else comes under it is for a person to look at
        return outcome


async def book_all(world: World, reports: Sequence[Report]) -> list[Booked]:
    """Records each report exactly once, by its name and what it says, and says what became of it. One commit for all.

    What is owed pays its charge; what is not (late, double, too much, too little, to nobody's number) is held in
    suspense, and the merchant is notified. Nothing is ever refused here: it has arrived.
    """
    return await in_turn(partial(_book_all, world, reports))


async def in_turn(work: Callable[[bool], Awaitable[list[Answer]]]) -> list[Answer]:
    """Does work that writes new names; a second time, claiming them all, where another has just taken one of them."""
    for claim_all in (False, True):
        with suppress(WriteConflict):
            return await work(claim_all)
    return await work(True)


async def _book_all(world: World, reports: Sequence[Report], claim_all: bool) -> list[Booked]:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        work = await opened(tx, reports, now, claim_all=claim_all)
        await _open(world, tx, work, reports)
        if work.known:
            await wait_as_for_writing(tx)
        answers = [work.received(report) or book(world, work, report, work.outcome(report)) for report in reports]
        await write(tx, work.changes, now)
    return answers


def asked_at(paid_at: datetime | None, now: datetime) -> datetime:
    """The instant at which a number's owner is asked for: a bank's clock may be a little off."""
    return min(paid_at or now, now) + BANK_CLOCK_TOLERANCE


def _asked(report: Report, now: datetime) -> NumberAt:
    """Whose number it was when the money was paid."""
    return report.connection, report.channel, report.number, asked_at(report.paid_at, now)


async def opened(tx: Tx, reports: Sequence[Report], now: datetime, *, claim_all: bool) -> UnitOfWork:
    """Loads and locks everything that these reports may change."""
    owners = await paycodes.owners(tx, list({_asked(report, now) for report in reports}))
    named = {report.request_id for report in reports if report.request_id is not None}
    work = UnitOfWork(now, owners, await partner_requests.by_id(tx, named) if named else {})
    # Reports of money to somebody go in turn, by the lock on the payment; money to nobody needs a lock of its own.
    await kept.claim(tx, [r.name for r in reports if claim_all or work.owner(r) is None])
    found = [owner for report in reports if (owner := work.owner(report)) is not None]
    work.payments |= await payments.locked(tx, [(owner.merchant_id, owner.payment_id) for owner in found])
    paid_for = [(owner.merchant_id, owner.charge_id) for owner in found if owner.charge_id is not None]
    work.charges |= await charges.by_id(tx, paid_for)
    work.merchants |= await merchants.by_id(tx, list({owner.merchant_id for owner in found}))
    work.preferences |= await late_money.preferences(tx, work.merchants, work.payments.values())
    work.known |= await kept.known(tx, {report.name for report in reports})
    return work


def _named(requests: Mapping[UUID, PartnerRequest], report: Report) -> Paycode | None:
    """The code that its partner says was paid to, even where its number is not written down yet."""
    request = requests.get(report.request_id) if report.request_id is not None else None
    if request is None or request.connection != report.connection:
        return None
    asked = request.asked
    if not isinstance(asked, OpenCode | AuthorizeCard) or asked.plan.channel != report.channel:
        return None
    return Paycode(
        connection=report.connection,
        channel=report.channel,
        number=report.number,
        merchant_id=request.merchant_id,
        payment_id=asked.payment_id,
        charge_id=asked.charge_id,
        static=asked.plan.static,
        free_at=None,
        created_at=asked.created_at,
    )


async def _open(world: World, tx: Tx, work: UnitOfWork, reports: Sequence[Report]) -> None:
    """Writes codes down that money has come by before their partner has said that they are open.

    Also those of payments that ended by time meanwhile: what was paid before the end is honoured. A code whose number belongs
    to another payment that may be paid is not opened, so its money is held in suspense.
    """
    wanted: dict[UUID, str] = {}
    for report in reports:
        owner = work.owner(report)
        if owner is not None and _opens(work, owner, report):
            wanted.setdefault(owner.charge_id or owner.payment_id, owner.number)  # the first one opens it
    if not wanted:
        return
    requests = await partner_requests.by_id(tx, wanted)
    given = await opening.given_numbers(tx, [(request, wanted[id_]) for id_, request in requests.items()], work.now)
    for report in reports:
        owner = work.owner(report)
        request = requests.get(owner.charge_id or owner.payment_id) if owner is not None else None
        if owner is None or request is None or not _opens(work, owner, report):
            continue
        if request.state == "declined" and request.reason != opening.NOT_NEEDED:
            continue
        code = Code(request, work.payments[owner.payment_id], None, work.merchants[owner.merchant_id])
        number = asked_of(request).number or owner.number
        if request.state == "done" or given.keep(work.changes, code, number):
            code = opening.open_payment(world, work.changes, code, Opened(number, request.partner_reference), work.now)
            work.payments[code.payment.id] = code.payment
            if code.charge is not None:
                work.charges[code.charge.id] = code.charge


def _opens(work: UnitOfWork, owner: Paycode, report: Report) -> bool:
    """Whether money says that a code is open of which nothing else does, and in time."""
    payment = work.payments[owner.payment_id]
    charge = work.charges.get(owner.charge_id) if owner.charge_id else None
    if is_written(payment, charge):
        return False
    state, paid_at = as_of(payment, work.now).state, _paid_at(report, payment, None, work.now) or work.now
    return state == "opening" or (state in ENDED_BY_TIME and (payment.expires_at or paid_at) > paid_at)


def book(world: World, work: UnitOfWork, report: Report, outcome: Outcome) -> Booked:
    """Notes money that arrived, and what it changes: the only way for money into a payment or into suspense."""
    payment, charge = work.payment(report), work.charge(report)
    merchant_id = payment.merchant_id if payment else PLATFORM
    booked = Booked(
        id=ids.uuid7(work.now),
        outcome=outcome,
        amount=report.amount,
        merchant_id=merchant_id,
        payment_id=payment.id if payment else None,
        charge_id=charge.id if charge else None,
    )
    if outcome == "booked" and payment is not None:
        booked = _pay(world, work, report, payment, charge, booked)
    else:
        work.changes.transfers += money_held(
            report.connection, merchant_id, report.amount, payment_id=booked.payment_id, report_id=booked.id
        )
        snapshot = Snapshot(payment=payment, charge=charge, report=booked, reported_number=report.number)
        work.changes.events.append(
            Event(merchant_id, "money.in_suspense", work.now, booked.payment_id, booked.charge_id, snapshot)
        )
        if payment is not None:
            merchant, said = work.merchants[merchant_id], work.preferences.get(payment.id)
            late_money.apply(world, work.changes, report, booked, payment, merchant, said, work.now)
    before = work.known.setdefault(report.name, [])
    before.append(KnownReport(report, booked))
    # A day is compared with the statement by this instant, so a clock that is plainly wrong must not put the money on no day at all.
    dated = replace(report, paid_at=_paid_at(report, payment, charge, work.now))
    work.changes.new_reports.append(BookedReport(dated, booked, work.now, occurrence=len(before)))
    return booked


def _pay(
    world: World, work: UnitOfWork, report: Report, payment: Payment, charge: Charge | None, booked: Booked
) -> Booked:
    """Money that was owed: the charge succeeds, and a one-time payment is paid."""
    now = work.now
    merchant = work.merchants[payment.merchant_id]
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
        work.changes.new_charges.append(arrived)
        kind = "charge.succeeded"
    else:
        payment = replace(payment, paid_at=arrived.paid_at)
        work.charges[arrived.id] = arrived
        work.changes.put_charge(arrived)
        free_at = now + merchant.agreement.quarantine
        work.changes.freed.append(Freed(report.connection, report.channel, report.number, payment.id, free_at))
        kind = "payment.paid"
    work.payments[payment.id] = work.changes.payments[payment.id] = payment
    work.changes.transfers += money_in(
        report.connection, merchant.id, report.amount, payment_id=payment.id, report_id=booked.id
    )
    snapshot = Snapshot(payment=payment, charge=arrived)
    work.changes.events.append(Event(merchant.id, kind, now, payment.id, arrived.id, snapshot))
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
