"""What a payment by card becomes when its acquirer has answered. Nothing is written here."""

from datetime import datetime

from msgspec.structs import replace

from gerbang import ids
from gerbang.connections import Approved, AtWork, CardOutcome, Challenge, NotApproved
from gerbang.domain import charges as charge_rules
from gerbang.domain import partner_requests as rules
from gerbang.domain.cards import StoredCard
from gerbang.domain.changes import Freed
from gerbang.domain.charges import Charge
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.partner_requests import AuthorizeCard, PartnerRequest, VoidCard, noted
from gerbang.domain.payments import MOVES, Payment, as_of, failed, moved, reopened
from gerbang.domain.reports import Report
from gerbang.services.cards.given import activated, dropped
from gerbang.services.pages import Pages
from gerbang.services.payments.opening import NowOpen
from gerbang.services.reports import UnitOfWork, book
from gerbang.world import World

SALE = "card"
"""The service of money that was taken at once; what is captured later has one of its own, `capture`."""


def apply(
    world: World, work: UnitOfWork, request: PartnerRequest, outcome: CardOutcome, kept: StoredCard | None
) -> NowOpen:
    """Adds what an answer changes, and returns the payment as it is then.

    An answer that comes a second time, or after another one that ended the charge, changes nothing; money that is held for a
    payment that has ended meanwhile is let go.
    """
    now, asked = work.now, _asked(request)
    payment, charge = as_of(work.payments[asked.payment_id], now), work.charges[asked.charge_id]
    if request.ended or charge.state in ("succeeded", "authorized"):
        return NowOpen(payment, _as_of(charge, payment, now))
    if isinstance(outcome, Approved) and outcome.captured:
        return _paid(world, work, request, charge, outcome, kept)
    if charge.state not in charge_rules.MOVES["authorize"]:  # its buyer went back, or it was ended
        if isinstance(outcome, NotApproved):
            work.changes.requests[request.id] = rules.declined(request, outcome.failure, now)
        else:
            _let_go(work, request, outcome.reference)
        _drop(work, kept)
        return NowOpen(payment, _as_of(charge, payment, now))
    if isinstance(outcome, NotApproved):
        return _failed(work, request, payment, charge, outcome, kept)
    if payment.state not in MOVES["process"] and payment.state != "processing":
        _let_go(work, request, outcome.reference)
        _drop(work, kept)
        return NowOpen(payment, _as_of(charge, payment, now))
    if isinstance(outcome, Approved):
        return _held(work, request, payment, charge, outcome)
    if isinstance(outcome, Challenge):
        return _asked_by_bank(world, work, request, payment, charge, outcome)
    return _at_work(work, request, payment, charge, outcome)


def money_of(request: PartnerRequest, outcome: Approved) -> Report:
    """The money that an acquirer has taken at once."""
    asked = _asked(request)
    # A buyer who was asked nothing more has agreed when they gave the card, however late the answer is.
    return Report(
        connection=request.connection,
        reference=outcome.reference,
        channel=asked.plan.channel,
        number=asked.number,
        amount=asked.amount,
        paid_at=asked.created_at if request.state == "pending" else None,
        service=SALE,
        request_id=request.id,
    )


def _asked(request: PartnerRequest) -> AuthorizeCard:
    assert isinstance(request.asked, AuthorizeCard), "a request to pay by card"
    return request.asked


def _as_of(charge: Charge, payment: Payment, now: datetime) -> Charge:
    return charge_rules.as_of(charge, now, payment.expires_at)


def _seen(charge: Charge, outcome: Approved | NotApproved) -> Charge:
    """The charge with what was said of its card."""
    assert charge.card is not None, "a charge that is paid by card"
    card = replace(
        charge.card,
        page="",
        authentication=outcome.authentication,
        authorization=outcome.authorization,
        risk=outcome.risk or charge.card.risk,
    )
    return replace(charge, card=card)


def _paid(
    world: World,
    work: UnitOfWork,
    request: PartnerRequest,
    charge: Charge,
    outcome: Approved,
    kept: StoredCard | None,
) -> NowOpen:
    """Money that was taken at once. It has arrived, so it is booked or held in suspense like any other."""
    work.charges[charge.id] = _seen(charge, outcome)
    work.changes.put_charge(work.charges[charge.id])
    work.changes.requests[request.id] = rules.done(request, outcome.reference, work.now)
    report = money_of(request, outcome)
    if work.received(report) is None:
        booked = book(world, work, report, work.outcome(report))
        if booked.outcome == "booked" and kept is not None:
            work.changes.stored_cards.append(activated(kept, work.now))
        elif booked.outcome != "booked":
            _drop(work, kept)
    payment = as_of(work.payments[charge.payment_id], work.now)
    return NowOpen(payment, _as_of(work.charges[charge.id], payment, work.now))


def _held(work: UnitOfWork, request: PartnerRequest, payment: Payment, charge: Charge, outcome: Approved) -> NowOpen:
    """Money that is held until the merchant captures it. The request stays open until then, or until nobody holds it any more."""
    now = work.now
    until = outcome.holds_until
    work.changes.requests[request.id] = rules.under_way(request, outcome.reference, until, now)
    charge = replace(
        _seen(charge, outcome), state=charge_rules.MOVES["authorize"][charge.state], captured=0, updated_at=now
    )
    return _processing(work, payment, charge)


def _at_work(work: UnitOfWork, request: PartnerRequest, payment: Payment, charge: Charge, outcome: AtWork) -> NowOpen:
    now = work.now
    work.changes.requests[request.id] = rules.under_way(request, outcome.reference, outcome.ask_at, now)
    if charge.state == "processing":
        return NowOpen(payment, charge)
    charge = replace(charge, state=charge_rules.MOVES["process"][charge.state], updated_at=now)
    return _processing(work, payment, charge)


def _processing(work: UnitOfWork, payment: Payment, charge: Charge) -> NowOpen:
    """Adds the charge as it is now, and its payment in process."""
    work.charges[charge.id] = charge
    work.changes.put_charge(charge)
    if payment.state != "processing":
        payment = moved(payment, "process", work.now)
        work.payments[payment.id] = work.changes.payments[payment.id] = payment
    snapshot = Snapshot(payment=payment, charge=charge)
    work.changes.events.append(
        Event(payment.merchant_id, "payment.processing", work.now, payment.id, charge.id, snapshot)
    )
    return NowOpen(payment, charge)


def _asked_by_bank(
    world: World,
    work: UnitOfWork,
    request: PartnerRequest,
    payment: Payment,
    charge: Charge,
    outcome: Challenge,
) -> NowOpen:
    """The buyer is to go to their bank's page. The acquirer is asked now and then, should they never come back."""
    assert charge.card is not None, "a charge that is paid by card"
    work.changes.requests[request.id] = rules.under_way(request, outcome.reference, None, work.now)
    if charge.card.page:
        return NowOpen(payment, charge)
    pages = Pages(world.partners.public_url, world.keyring.page_key)
    charge = replace(charge, card=replace(charge.card, page=outcome.page or pages.challenge_url(charge)))
    charge = replace(charge, updated_at=work.now)
    work.charges[charge.id] = charge
    work.changes.put_charge(charge)
    payment = replace(payment, updated_at=work.now)  # so that a page that waits for this is drawn anew
    work.payments[payment.id] = work.changes.payments[payment.id] = payment
    return NowOpen(payment, charge)


def _failed(
    work: UnitOfWork,
    request: PartnerRequest,
    payment: Payment,
    charge: Charge,
    outcome: NotApproved,
    kept: StoredCard | None,
) -> NowOpen:
    """The charge has failed: a payment with a page goes back to the choice of ways to pay, any other ends."""
    now = work.now
    work.changes.requests[request.id] = rules.declined(request, outcome.failure, now)
    charge = replace(_seen(charge, outcome), state="failed", failure=outcome.failure, updated_at=now)
    work.charges[charge.id] = charge
    work.changes.put_charge(charge)
    merchant = work.merchants[payment.merchant_id]
    code = charge.instructions
    free_at = now + merchant.agreement.quarantine
    work.changes.freed.append(Freed(code.connection, charge.channel, code.number, payment.id, free_at))
    _drop(work, kept)
    if payment.state in MOVES["reopen"] and payment.details.redirect:
        payment = reopened(payment, now)
        work.changes.events.append(Event(payment.merchant_id, "payment.reopened", now, payment.id, charge.id))
    elif payment.state in MOVES["fail"]:
        payment = failed(payment, now)
        snapshot = Snapshot(payment=payment, charge=charge)
        work.changes.events.append(Event(payment.merchant_id, "payment.failed", now, payment.id, charge.id, snapshot))
    else:
        return NowOpen(payment, charge)
    work.payments[payment.id] = work.changes.payments[payment.id] = payment
    return NowOpen(payment, charge)


def _let_go(work: UnitOfWork, request: PartnerRequest, authorization: str) -> None:
    """Adds that what is held for a payment that has ended is to be let go."""
    now = work.now
    work.changes.requests[request.id] = rules.done(request, authorization, now)
    work.changes.new_requests.append(releasing(request, authorization, now))


def releasing(authorized: PartnerRequest, authorization: str, now: datetime) -> PartnerRequest:
    """The request to let go what another one has had held; due at once."""
    asked = _asked(authorized)
    void = VoidCard(asked.payment_id, asked.charge_id, authorization)
    made = noted(ids.uuid7(now), authorized.merchant_id, authorized.connection, "void", void, now)
    return replace(made, next_at=now)


def _drop(work: UnitOfWork, kept: StoredCard | None) -> None:
    if kept is not None:
        work.changes.stored_cards.append(dropped(kept, work.now))
