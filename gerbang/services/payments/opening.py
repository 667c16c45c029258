"""Codes that a partner must know of, or makes: the partner is asked outside of every transaction, and its answer written.

1. One commit notes the payment as "opening", with the request to the partner, and keeps the idempotency key without answer.
2. The partner is asked, holding nothing.
3. One commit writes its answer: the code, the charge, and the answer to the merchant.

After a silence a worker takes the request up again: it asks for the code's status by our reference, and only then opens it
again, under the same reference.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from gerbang.connections import Declined, Link, Opened, OpensCodes, Silence
from gerbang.db import Tx, charges, idempotency, merchants, paycodes, payments
from gerbang.db import partner_requests as requests
from gerbang.db.changes import write
from gerbang.db.paycodes import Number
from gerbang.domain import partner_requests as rules
from gerbang.domain import progress
from gerbang.domain.calendars import BANK_CLOCK_TOLERANCE
from gerbang.domain.changes import Answered, Changes, Freed
from gerbang.domain.charges import MOVES, Charge, is_written
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.merchants import QUARANTINE_MIN, Merchant
from gerbang.domain.partner_requests import AuthorizeCard, CloseCode, OpenCode, PartnerRequest
from gerbang.domain.payments import Payment, as_of, failed, moved, opened_late, reopened
from gerbang.errors import NotOpenYet, PartnerDeclined, Refused, Unavailable
from gerbang.partners import Partner
from gerbang.services.partner_requests import closing, put_off, watched
from gerbang.services.payments import codes, numbers
from gerbang.services.payments.attempts import each_answered
from gerbang.services.payments.codes import Plan
from gerbang.services.payments.numbers import CodeRequest
from gerbang.world import World

log = structlog.get_logger()
NOT_NEEDED = "the payment ended before its code was made"
NUMBER_IN_USE = "another payment has the number that was given"


class Noted(msgspec.Struct, frozen=True):
    """A payment whose partner must be asked now."""

    request: PartnerRequest


class PartnerAnswer(msgspec.Struct, frozen=True):
    """What a partner has answered to a request: its code, or why there will be none."""

    request: PartnerRequest
    opened: Opened | None
    why: str = ""


class NowOpen(msgspec.Struct, frozen=True):
    """A payment as it is after its partner's answer."""

    payment: Payment
    charge: Charge | None


Answer = NowOpen | Refused


def asked_of(request: PartnerRequest) -> OpenCode:
    """What a request to open a code asks."""
    assert isinstance(request.asked, OpenCode), "a request to open a code"
    return request.asked


# -- asking -----------------------------------------------------------------------------------------------------------


async def ask(world: World, request: PartnerRequest) -> PartnerAnswer:
    """Asks the partner for a code that was just noted. Raises NotOpenYet where it is silent."""
    answer = await _ask(world, request, may_be_there=False)
    if answer is None:
        raise NotOpenYet
    return answer


async def ask_again(world: World, request: PartnerRequest) -> PartnerAnswer | None:
    """Asks the partner for the code that it may have made, or to make it. None where it is silent.

    Nothing new is made for a payment that has ended meanwhile.
    """
    async with world.db.reading() as tx:
        payment_id = asked_of(request).payment_id
        payment = (await payments.by_id(tx, [(request.merchant_id, payment_id)])).get(payment_id)
        charge = (await charges.by_id(tx, [(request.merchant_id, request.id)])).get(request.id)
    now = world.clock.now()
    wanted = payment is not None and (
        waits_for(request, payment, charge, now) or may_be_paid(as_of(payment, now), charge)
    )
    return await _ask(world, request, may_be_there=True, wanted=wanted)


async def _ask(
    world: World, request: PartnerRequest, *, may_be_there: bool, wanted: bool = True
) -> PartnerAnswer | None:
    found = _opener(world, request)
    if found is None:
        await put_off(world, request)
        return None
    partner, opener = found
    asked, now = asked_of(request), world.clock.now()

    async def call(link: Link) -> PartnerAnswer:
        code = await opener.status(link, request.id, asked, now) if may_be_there else None
        if code is None and not wanted:
            return PartnerAnswer(request, None, NOT_NEEDED)
        return PartnerAnswer(request, code or await opener.open(link, request.id, asked, now))

    try:
        return await partner.call(f"code {request.id}", call)
    except Declined as refusal:
        return PartnerAnswer(request, None, str(refusal))
    except Silence:
        await put_off(world, request)
        return None


async def close(world: World, request: PartnerRequest) -> None:
    """Asks the partner to end a code that nobody may pay any more."""
    found = _opener(world, request)
    asked = request.asked
    assert isinstance(asked, CloseCode), "a request to close a code"
    if found is None:
        await put_off(world, request)
        return
    partner, opener = found
    now = world.clock.now()
    try:
        await partner.call(f"end of code {request.id}", lambda link: opener.close(link, request.id, asked, now))
        why = ""
    except Declined as refusal:
        why = str(refusal)  # it has ended already, or was paid: a report says so
    except Silence:
        await put_off(world, request)
        return
    async with world.db.transaction() as tx:
        now = world.clock.now()
        locked = (await requests.locked(tx, [request.id])).get(request.id)
        if locked is not None and not locked.ended:
            ended = rules.declined(locked, why, now) if why else rules.done(locked, "", now)
            await write(tx, Changes(requests={locked.id: ended}), now)


def _opener(world: World, request: PartnerRequest) -> tuple[Partner, OpensCodes] | None:
    partner = world.partners.named(request.connection)
    if partner is not None and partner.opener is not None:
        return partner, partner.opener
    log.error("a code's connection is not there any more", request=str(request.id), connection=request.connection)
    return None


class Code(msgspec.Struct, frozen=True):
    """A code that a partner is asked to open, and what it is for."""

    request: PartnerRequest
    payment: Payment
    charge: Charge | None
    """The charge of this code; None for a static code, and before it is open."""
    merchant: Merchant

    @property
    def written(self) -> bool:
        """Whether it is open and written down: by its partner's answer, or by money that came first."""
        return is_written(self.payment, self.charge)

    def is_waited_for(self, now: datetime) -> bool:
        return waits_for(self.request, self.payment, self.charge, now)


def may_be_paid(payment: Payment, charge: Charge | None) -> bool:
    """Whether a code that is written down may still be paid. The payment is as it is now."""
    if payment.static:
        return payment.state == "active"
    return payment.state in ("awaiting", "authenticating") and charge is not None and charge.state in MOVES["expire"]


def waits_for(request: PartnerRequest, payment: Payment, charge: Charge | None, now: datetime) -> bool:
    """Whether the payment waits for this request, whose charge is given where it has one.

    A payment that was opened by money before its partner's answer may wait for another code since then.
    """
    return as_of(payment, now).state == "opening" and not request.ended and not is_written(payment, charge)


# -- writing the answers ----------------------------------------------------------------------------------------------


async def write_all(world: World, answers: Sequence[PartnerAnswer]) -> list[Answer | Exception]:
    """Writes what partners have answered, all in one commit, and answers each merchant. PartnerDeclined for a declined code."""
    return await each_answered(answers, _names, partial(_write, world))


def _names(answer: PartnerAnswer) -> dict[Hashable, object]:
    """Answers about one payment are written one after the other: each decides by what the one before it left."""
    return {asked_of(answer.request).payment_id: object()}


async def _write(world: World, given: Mapping[int, PartnerAnswer], sure: bool) -> tuple[dict[int, Answer], list[int]]:
    answers: dict[int, Answer] = {}
    changes = Changes()
    async with world.db.transaction() as tx:
        now = world.clock.now()
        there = await _locked(tx, given)
        held = await given_numbers(tx, [(one.request, one.opened.number) for one in given.values() if one.opened], now)
        for i, one in given.items():
            request = there.requests.get(one.request.id)
            payment = there.payments.get(asked_of(one.request).payment_id)
            if request is None or payment is None:
                log.error("a payment was lost by the database after its partner was asked", answer=str(one.request.id))
                raise Unavailable
            charge, opened = there.charges.get(request.id), one.opened
            code = Code(request, payment, charge, there.merchants[payment.merchant_id])
            if request.ended:  # by whoever asked at the same time
                answers[i] = _known(world, code, now)
            elif opened is None:
                answers[i] = decline(world, changes, code, one.why, now)
            elif not code.written and not held.keep(changes, code, opened.number):
                log.error("a partner gave a number that another payment has", request=str(request.id))
                answers[i] = decline(world, changes, code, NUMBER_IN_USE, now)
                changes.new_requests.append(closing(rules.done(request, opened.reference, now), opened.number, now))
            else:
                answers[i] = complete(world, changes, code, opened, now)
        await write(tx, changes, now)
    return answers, []


class _Locked(msgspec.Struct, frozen=True):
    payments: dict[UUID, Payment]
    requests: dict[UUID, PartnerRequest]
    merchants: dict[UUID, Merchant]
    charges: dict[UUID, Charge]
    """By the id of the request that opened their code."""


async def _locked(tx: Tx, given: Mapping[int, PartnerAnswer]) -> _Locked:
    """Everything that these answers may change, locked until the commit."""
    asked = {one.request.id: asked_of(one.request) for one in given.values()}
    await idempotency.hold(
        tx, [(s.request.merchant_id, key) for s in given.values() if (key := asked_of(s.request).key)]
    )
    locked = await payments.locked(
        tx, [(s.request.merchant_id, asked_of(s.request).payment_id) for s in given.values()]
    )
    kept = await requests.locked(tx, asked)
    known = await merchants.by_id(tx, list({payment.merchant_id for payment in locked.values()}))
    there = await charges.by_id(tx, [(request.merchant_id, request.id) for request in kept.values()])
    return _Locked(locked, kept, known, there)


def _known(world: World, code: Code, now: datetime) -> Answer:
    """The answer to what was answered already."""
    if code.request.state == "declined" and not code.written:
        return _refusal(world, code.request)
    return NowOpen(as_of(code.payment, now), code.charge)


async def answer_to_repeat(world: World, tx: Tx, request: PartnerRequest) -> bytes | Refused:
    """The answer to a merchant who repeats a request that has no answer to be given again."""
    asked = request.asked
    assert isinstance(asked, OpenCode | AuthorizeCard), "a request that makes a payment payable, or pays it"
    payment = (await payments.by_id(tx, [(request.merchant_id, asked.payment_id)]))[asked.payment_id]
    charge = (await charges.by_id(tx, [(request.merchant_id, request.id)])).get(request.id)
    if isinstance(asked, AuthorizeCard):
        unsaid = request.state == "pending"
        return NotOpenYet() if unsaid else rendered(world, NowOpen(as_of(payment, world.clock.now()), charge))
    if is_written(payment, charge):  # money came before the partner's answer
        return rendered(world, NowOpen(as_of(payment, world.clock.now()), charge))
    return _refusal(world, request) if request.state == "declined" else NotOpenYet()


async def refusal_of_static(world: World, payment: Payment) -> Refused:
    """Why there is no code of a static payment."""
    async with world.db.reading() as tx:
        request = (await requests.by_id(tx, [payment.id]))[payment.id]
    return _refusal(world, request)


def _refusal(world: World, request: PartnerRequest) -> PartnerDeclined:
    channel = world.channels.get(asked_of(request).plan.channel)
    return PartnerDeclined("method", title=channel.spec.title if channel else "This", why=request.reason)


def complete(world: World, changes: Changes, code: Code, opened: Opened, now: datetime) -> NowOpen:
    """Adds the code that a partner has opened, and the payment that can be paid by it now.

    Where nobody may pay it any more the partner is asked to close it; money that still comes by it is late.
    """
    waited = code.is_waited_for(now)
    request = changes.requests[code.request.id] = rules.done(code.request, opened.reference, now)
    code = replace(code, request=request, payment=as_of(code.payment, now))
    if waited:
        code = open_payment(world, changes, code, opened, now)
        changes.new_requests += watched(world, request, code.charge, code.payment.expires_at, now)
    elif may_be_paid(code.payment, code.charge):
        code = _with_content(changes, code, opened)
    elif code.charge is None or code.charge.state != "succeeded":
        changes.new_requests.append(closing(request, opened.number, now))
    done = NowOpen(code.payment, code.charge)
    _answer_kept(world, changes, request, done)
    return done


def _with_content(changes: Changes, code: Code, opened: Opened) -> Code:
    """Adds what the partner's code says to one that money has opened before."""
    payment, charge = code.payment, code.charge
    if not opened.content:
        return code
    if charge is not None:
        charge = replace(charge, instructions=replace(charge.instructions, content=opened.content))
        changes.put_charge(charge)
    elif payment.method is not None and payment.method.instructions is not None:
        instructions = replace(payment.method.instructions, content=opened.content)
        payment = changes.payments[payment.id] = replace(
            payment, method=replace(payment.method, instructions=instructions)
        )
    return Code(code.request, payment, charge, code.merchant)


def _answer_kept(world: World, changes: Changes, request: PartnerRequest, done: NowOpen) -> None:
    """Adds the answer that is kept under the idempotency key, if there was one."""
    key = asked_of(request).key
    if key is not None:
        changes.answered.append(Answered(request.merchant_id, key, rendered(world, done)))


def open_payment(world: World, changes: Changes, code: Code, opened: Opened, now: datetime) -> Code:
    """Adds the payment with its code, and the charge of a dynamic one, as of when it was asked for.

    A payment that ended by time while it was opening stays ended: what was paid to its code before is honoured.
    """
    request, payment, asked = code.request, code.payment, asked_of(code.request)
    waited = as_of(payment, now).state == "opening"
    payment = moved(payment, "open_static" if payment.static else "open", now) if waited else opened_late(payment)
    offer = world.offer(code.merchant, payment.product)
    channel = world.channels[asked.plan.channel]
    plan = Plan(payment, offer, channel, asked.plan, asked.charge_id, request.connection)
    payment, charge = codes.opened(plan, opened.number, asked.created_at, content=opened.content)
    if waited:
        charge_id = charge.id if charge else None
        changes.events.append(Event(payment.merchant_id, "payment.opened", now, payment.id, charge_id))
    if waited and charge is not None and asked.plan.pushed:  # the buyer is being asked by now
        step = progress.authenticating(payment, charge, now)
        payment, charge = step.payments.get(payment.id, payment), step.charges.get(charge.id, charge)
        changes.events += step.events
    changes.payments[payment.id] = payment
    if charge is not None:
        changes.new_charges.append(charge)
    return Code(request, payment, charge, code.merchant)


def decline(world: World, changes: Changes, code: Code, why: str, now: datetime) -> Answer:
    """Adds that there will be no code: a payment with a page goes back to the choice of ways to pay, any other ends.

    Where money came by the code before, or the payment waits for another one, nothing else changes.
    """
    payment, asked = code.payment, asked_of(code.request)
    waited = code.is_waited_for(now)
    request = changes.requests[code.request.id] = rules.declined(code.request, why, now)
    if code.written:
        done = NowOpen(as_of(payment, now), code.charge)
        _answer_kept(world, changes, request, done)
        return done
    if asked.number:
        free_at = now + code.merchant.agreement.quarantine
        changes.freed.append(Freed(request.connection, asked.plan.channel, asked.number, payment.id, free_at))
    if waited:
        if payment.details.redirect and not payment.static:
            payment = reopened(payment, now)
            event = Event(payment.merchant_id, "payment.reopened", now, payment.id)
        else:
            payment = failed(payment, now)
            snapshot = Snapshot(payment=payment)
            event = Event(payment.merchant_id, "payment.failed", now, payment.id, None, snapshot)
        changes.payments[payment.id] = payment
        changes.events.append(event)
    return _refusal(world, request)


def rendered(world: World, done: NowOpen) -> bytes:
    """What the payment's merchant is answered."""
    return world.answer_formats[done.payment.product].answer(done.payment, done.charge)


# -- numbers that partners give ---------------------------------------------------------------------------------------


class GivenNumbers(msgspec.Struct, frozen=True):
    """Numbers that partners have given, or are about to, and which of them others have."""

    held: dict[Number, datetime | None]
    """Since when nobody may pay by a number that had another payment; None while somebody may."""

    def keep(self, changes: Changes, code: Code, number: str) -> bool:
        """Adds the number for this code. False, and nothing is added, where another payment may be paid by it.

        A number that we gave is kept already; a bank may have registered another one in its place.
        """
        asked = asked_of(code.request)
        if asked.number == number:
            return True
        place = (code.request.connection, asked.plan.channel, number)
        made_at = asked.created_at
        if place in self.held:
            free_since = self.held[place]
            if free_since is None:
                return False
            made_at = max(made_at, free_since + BANK_CLOCK_TOLERANCE)  # money of before is the other payment's
        self.held[place] = None
        wanted = CodeRequest(
            asked.plan,
            code.request.connection,
            asked.payment_id,
            asked.charge_id,
            code.merchant,
            code.payment.expires_at,
        )
        changes.new_paycodes.append(numbers.paycode(wanted, number, made_at))
        return True


async def given_numbers(tx: Tx, given: Sequence[tuple[PartnerRequest, str]], now: datetime) -> GivenNumbers:
    """Looks who has the numbers that partners gave. A payment that is over lets a number go that its partner gives again.

    Not at once: a bank's clock may be off, and its money must not be taken for the next payment's.
    """
    minted = {
        (request.connection, asked_of(request).plan.channel, number)
        for request, number in given
        if asked_of(request).number != number
    }
    over = await paycodes.over_since(tx, sorted(minted)) if minted else {}
    held = {number: since if since and since <= now - QUARANTINE_MIN else None for number, since in over.items()}
    await paycodes.let_go(tx, [number for number, since in held.items() if since])
    return GivenNumbers(held)
