"""Answers to banks that ask before they give us the money. What is owed is booked and accepted in one commit.

What is not owed is refused, and nothing is booked. When an answer cannot be known in time, there is none (Unavailable): a
refusal would send money back that may be booked.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from gerbang.clock import SystemClock, wib
from gerbang.db import bank_calls, inquiries, wait_as_for_writing
from gerbang.db.changes import write
from gerbang.domain.inquiries import Acceptance, BankQuestion, KnownCall, Reply, owed, payer_name, refusal
from gerbang.errors import KeyReused, Unavailable
from gerbang.services import reports
from gerbang.services.reports import UnitOfWork
from gerbang.world import World

INQUIRIES_LAST = timedelta(days=7)
"""A bank repeats an inquiry on the same day, and is asked what came of it for three days (`payment_lookups`)."""
CALLS_LAST = timedelta(days=3)
"""A bank uses an id again on the next day at the earliest, and advises of a payment on the same day or the next."""


async def answer_all(world: World, questions: Sequence[BankQuestion]) -> list[Reply | KeyReused | Unavailable]:
    """Answers each question, and keeps the answer for its repeats. One commit for all.

    A question whose id, or whose request's id, was used for another one is answered with KeyReused, and a payment that its bank
    waits for no more with Unavailable: nothing of it is booked or kept.
    """
    return await reports.in_turn(partial(_answer_all, world, questions))


async def _answer_all(
    world: World, questions: Sequence[BankQuestion], claim_all: bool
) -> list[Reply | KeyReused | Unavailable]:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        work = await reports.opened(tx, [question.money for question in questions], now, claim_all=claim_all)
        # Only now: whoever asked the same just before had the lock on the payment.
        kept, calls = await inquiries.before(tx, questions)
        if kept or work.known or calls:
            await wait_as_for_writing(tx)
        answers: list[Reply | KeyReused | Unavailable] = []
        for question in questions:
            call = calls.get(question.call) if question.call is not None else None
            if call is not None and call.request_id != question.request_id:
                answers.append(KeyReused())
                continue
            reply = kept.get(question.name)
            if reply is None and _is_too_late(question):
                answers.append(Unavailable(what="cannot answer in time"))
                continue
            if reply is None:
                reply = kept[question.name] = _decide(world, work, question)
                work.changes.new_replies.append(reply)
            if not reply.answers(question):
                answers.append(KeyReused())
                continue
            if question.call is not None and call is None:
                calls[question.call] = KnownCall(question.call, question.request_id)
                work.changes.new_calls.append(calls[question.call])
            answers.append(reply if call is None else replace(reply, same_call=True))
        await write(tx, work.changes, now)
    return answers


def _is_too_late(question: BankQuestion) -> bool:
    """Whether its bank has given up, and given the money back: looked at under the lock, as late as can be before the commit."""
    answer_by = question.answer_by if isinstance(question, Acceptance) else None
    return answer_by is not None and SystemClock().now() > answer_by


def _decide(world: World, work: UnitOfWork, question: BankQuestion) -> Reply:
    """Decides one question; money that is accepted is booked."""
    asked = question.money
    payment, charge = work.payment(asked), work.charge(asked)
    may_be_paid = owed(payment, charge)
    named = asked.amount or isinstance(question, Acceptance)
    money = asked if named else replace(asked, amount=may_be_paid or 0)
    before = work.received(money)
    outcome = before.outcome if before else work.outcome(money)
    reason = refusal(outcome, payment, charge, work.now)
    reply = Reply(
        *question.name,
        channel=asked.channel,
        number=asked.number,
        amount=asked.amount,
        reference=asked.reference,
        verdict="refused" if reason else "payable",
        reason=reason,
        merchant_id=payment.merchant_id if payment else None,
        payment_id=payment.id if payment else None,
        report_id=None,
        owed=may_be_paid,
        payer_name=payer_name(payment, charge),
        answered_at=work.now,
    )
    if reason is None and isinstance(question, Acceptance):
        booked = before or reports.book(world, work, money, outcome)
        reply = replace(reply, verdict="accepted", report_id=booked.id)
    return reply


async def forget_calls(world: World, most: int) -> int:
    """Forgets what banks called their requests of some days ago, up to `most` of them, and returns how many.

    Their days are the machine's, not the sandbox clock's.
    """
    async with world.db.transaction() as tx:
        return await bank_calls.forget(tx, wib(SystemClock().now() - CALLS_LAST).date(), most)


async def forget_old(world: World, most: int) -> int:
    """Forgets answers to inquiries of days ago, up to `most` of them, and returns how many. Whoever has a bank's ear can make any number."""
    async with world.db.transaction() as tx:
        return await inquiries.forget(tx, world.clock.now() - INQUIRIES_LAST, most)
