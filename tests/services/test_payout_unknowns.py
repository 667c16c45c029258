"""An operator ends a payout that nobody knows the end of: never against the bank's answer, nor against its statement."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from gerbang.connections import Link, Sent, TransferOrder, remark_of
from gerbang.domain.connections import Connections
from gerbang.domain.payouts import Payout
from gerbang.partners import Partners
from gerbang.services import health, payout_requests, payout_unknowns, payouts
from gerbang.services.partner_requests import claim_due
from gerbang.services.payments import read
from gerbang.services.payout_unknowns import Outcome
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    WHOLE,
    Broken,
    Forgetful,
    Unreached,
    WithStatement,
    banking,
    checked_processes,
    held,
    merchant_with,
    movement,
    new_payout,
)
from tests.support.services import START, Services


class AtWork(WithStatement):
    """A bank that is at work on every transfer for ever."""

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        return Sent("processing", "R-1")

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        return Sent("processing", "R-1")


DAY_AFTER = movement("nothing", START + timedelta(days=1), amount=5)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def unknown(here: Services, bank: Forgetful) -> tuple[Services, Payout]:
    """A process with this bank, and a payout that it says nothing of."""
    merchant = await merchant_with(here, WHOLE)
    with_bank = banking(here, bank)
    return with_bank, await payouts.create(with_bank.world, new_payout(merchant))


async def resolved(here: Services, payout: Payout, *, sent: bool, seen: bool = False) -> tuple[Outcome, str]:
    outcome, after = await payout_unknowns.resolve(here.world, payout.id, sent=sent, statement_seen=seen)
    assert after is not None
    return outcome, after.state


async def remarks(here: Services) -> list[tuple[int, datetime]]:
    found = await health.state(here.world)
    return [(each.times, each.since) for each in found.remarks if "payouts" in each.what]


async def test_what_is_unknown_is_listed_until_it_has_ended(url: str) -> None:
    async with checked_processes(url) as (one, _):
        here, payout = await unknown(one, Forgetful())
        assert await payout_unknowns.every(here.world) == [], "it has hardly been sent"
        here.pass_time(minutes=2)
        (found,) = await payout_unknowns.every(here.world)
        assert await remarks(here) == []
        here.pass_time(minutes=58)
        assert await remarks(here) == [(1, START)], "the health check shows those of an hour"
        assert (found.payout, found.sending_at, found.not_found) == (payout, START, 0)
        assert await resolved(here, payout, sent=True, seen=True) == ("sent", "completed")
        assert await payout_unknowns.every(here.world) == []
        assert await resolved(here, payout, sent=False, seen=True) == ("ended_before", "completed")


async def test_without_a_statement_the_operator_must_have_seen_it_and_an_hour_must_be_over(url: str) -> None:
    async with checked_processes(url) as (one, _):
        here, payout = await unknown(one, Forgetful())
        assert await resolved(here, payout, sent=False, seen=True) == ("too_early", "pending")
        here.pass_time(hours=1)
        assert await resolved(here, payout, sent=False) == ("statement_must_be_seen", "pending")
        assert await held(one, await read.merchant(one.world, payout.merchant_id)) == (0, WHOLE)
        assert await resolved(here, payout, sent=False, seen=True) == ("not_sent", "failed")
        assert await held(one, await read.merchant(one.world, payout.merchant_id)) == (WHOLE, 0)


async def test_nobody_goes_against_the_statement(url: str) -> None:
    async with checked_processes(url) as (one, _):
        bank = WithStatement(DAY_AFTER)
        here, payout = await unknown(one, bank)
        here.pass_time(days=1)
        assert await resolved(here, payout, sent=True, seen=True) == ("did_not_leave_the_account", "pending")
        bank.movements.append(movement(remark_of(payout.id), START))
        assert await resolved(here, payout, sent=False, seen=True) == ("left_the_account", "pending")
        assert await resolved(here, payout, sent=True) == ("sent", "completed")
        here, second = await unknown(one, bank)
        here.pass_time(hours=1, minutes=10)
        bank.movements.append(movement("nothing", one.clock.now(), amount=5))
        assert await resolved(here, second, sent=False) == ("not_sent", "failed")
        here, third = await unknown(one, bank)
        here.pass_time(hours=1)
        bank.movements.append(movement("cut off", START, amount=AMOUNT))
        assert await resolved(here, third, sent=False) == ("statement_must_be_seen", "pending")
        assert await resolved(here, third, sent=False, seen=True) == ("not_sent", "failed")


async def test_the_banks_own_answer_counts_before_the_operators(url: str) -> None:
    async with checked_processes(url) as (one, _):
        _, payout = await unknown(one, Forgetful())
        one.pass_time(hours=1)
        # The simulator knows every transfer, and completes what it is asked about a second time.
        assert await resolved(one, payout, sent=False, seen=True) == ("still_under_way", "processing")
        one.pass_time(days=1)
        assert await resolved(one, payout, sent=False, seen=True) == ("bank_said", "completed")


async def test_what_a_bank_is_at_work_on_for_ever_is_listed_after_a_day_and_ended_by_the_statement(url: str) -> None:
    async with checked_processes(url) as (one, _):
        bank = AtWork(DAY_AFTER)
        here, payout = await unknown(one, bank)
        assert payout.state == "processing"
        assert await resolved(here, payout, sent=False, seen=True) == ("still_under_way", "processing")
        here.pass_time(hours=23)
        assert await payout_unknowns.every(here.world) == []
        here.pass_time(hours=1)
        (found,) = await payout_unknowns.every(here.world)
        assert (found.payout.id, found.sending_at, found.is_under_way) == (payout.id, START, True)
        assert await resolved(here, payout, sent=True, seen=True) == ("did_not_leave_the_account", "processing")
        assert await resolved(here, payout, sent=False) == ("not_sent", "failed")
        here, second = await unknown(one, bank)
        bank.movements.append(movement(remark_of(second.id), one.clock.now()))
        assert await resolved(here, second, sent=True) == ("sent", "completed")
        assert await payout_unknowns.every(here.world) == []


async def test_while_the_bank_is_silent_nothing_is_taken_for_not_sent(url: str) -> None:
    async with checked_processes(url) as (one, _):
        _, payout = await unknown(one, Forgetful())
        one.pass_time(hours=1)
        silent = banking(one, Broken(TimeoutError()))
        assert await resolved(silent, payout, sent=False, seen=True) == ("bank_gives_no_answer", "pending")
        assert await resolved(silent, payout, sent=True, seen=True) == ("sent", "completed")


async def test_what_could_not_be_given_to_a_bank_is_listed_with_why_and_can_be_given_up(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        here = banking(one, bank := Unreached(1))
        payout = await payouts.create(here.world, new_payout(merchant))
        assert await payout_unknowns.waiting(here.world) == [], "it has hardly been tried"
        here.pass_time(minutes=5)
        (found,) = await payout_unknowns.waiting(here.world)
        assert (found.payout, found.tries, found.why) == (payout, 1, "name not found")
        without = replace(here.world, partners=Partners(Connections({}, ()), {}, here.world.network))
        assert [each.why for each in await payout_unknowns.waiting(without)] == [
            "its connection is not in the connections file"
        ]
        assert await payout_unknowns.every(here.world) == []
        assert await resolved(here, payout, sent=True, seen=True) == ("never_given_to_the_bank", "pending")
        assert await resolved(here, payout, sent=False) == ("not_sent", "failed")
        assert await held(one, merchant) == (WHOLE, 0)
        here.pass_time(hours=2)
        await ask_due(here.world, here.batches)
        assert (bank.sent, await payout_unknowns.waiting(here.world)) == ([], [])
        assert await resolved(here, payout, sent=False) == ("ended_before", "failed")
        assert (await payout_unknowns.resolve(here.world, uuid4(), sent=True, statement_seen=True))[
            0
        ] == "no_such_payout"


@pytest.mark.parametrize("first", ["sender", "operator", "together"])
async def test_what_is_being_sent_is_not_given_up_and_what_was_given_up_is_not_sent(url: str, first: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        bank = Unreached(1)
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        one.pass_time(minutes=1)
        here, there = banking(one, bank), banking(two, bank)
        (leased,) = await claim_due(there.world)
        sending, giving_up = payout_requests.ask(there.world, leased), resolved(here, payout, sent=False)
        if first == "sender":
            await sending
            assert (await giving_up, bank.sent) == (("still_under_way", "processing"), [payout.id])
        elif first == "operator":
            assert await giving_up == ("not_sent", "failed")
            await sending
            assert bank.sent == []
        else:
            outcome, _ = (await asyncio.gather(giving_up, sending))[0]
            assert (outcome == "not_sent") != (bank.sent == [payout.id])
