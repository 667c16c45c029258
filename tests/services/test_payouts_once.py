"""Money out is sent once: whatever a bank says or does not say, it is given an order a single time, and nothing unknown has failed."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from gerbang.connections import Declined, Later, Link, Plan, Sent, Silence, TransferOrder, remark_of
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import LEASE
from gerbang.services import payouts
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    WHOLE,
    Counting,
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

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def work(here: Services, hours: float) -> None:
    """Lets a worker do what is due until so many hours are over, five minutes at a time."""
    for _ in range(int(hours * 12)):
        here.pass_time(minutes=5)
        await ask_due(here.world, here.batches)


class Lost(Counting):
    """A bank that carries out every order, and whose answers to them are lost."""

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        await super().send(link, order, now)
        raise Silence("its answer of status 200 was cut off")


class Never(Counting):
    """A bank that no order reaches, since the process dies before."""

    def __init__(self) -> None:
        super().__init__()
        self.about_to = asyncio.Event()

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        self.about_to.set()
        await asyncio.Event().wait()
        raise AssertionError


class Discreet(Lost):
    """A bank that refuses to say what became of a transfer."""

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        raise Declined("Feature not allowed")


class AtNight(Counting):
    """A bank whose way opens two hours after the start."""

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        if order.amount > AMOUNT:
            raise Declined("No way takes so much")
        return Plan("skn", "0123456789") if now >= START + 2 * HOUR else Later(START + 2 * HOUR)


# Sent once


async def test_an_order_whose_answer_was_lost_is_found_and_never_sent_again(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant, bank = await merchant_with(one, WHOLE), Lost()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        assert payout.state == "pending"
        for _ in range(3):
            await work(banking(one, bank), 0.5)
            await work(banking(two, bank), 0.5)
        assert bank.sent == [payout.id]
        assert (await payouts.read(one.world, merchant.id, payout.id)).state == "completed"
        assert await held(one, merchant) == (0, 0)


async def test_an_order_was_sent_when_it_was_given_and_not_when_its_bank_was_asked(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Lost()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        one.pass_time(days=3)
        await work(banking(one, bank), 0.1)
        after = await payouts.read(one.world, merchant.id, payout.id)
        assert (after.state, after.sent_at, after.updated_at) == ("processing", START, one.clock.now())


async def test_a_process_that_dies_between_the_commit_and_the_call_leaves_a_question_and_no_second_order(
    url: str,
) -> None:
    async with checked_processes(url) as (one, two):
        merchant, never, bank = await merchant_with(one, WHOLE), Never(), Forgetful()
        dying = asyncio.create_task(payouts.create(banking(one, never).world, new_payout(merchant)))
        async with asyncio.timeout(10):
            await never.about_to.wait()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying
        one.pass_time(seconds=LEASE.total_seconds())
        await work(banking(two, bank), 24)
        assert (never.sent, bank.sent) == ([], [])
        assert bank.asked > 3
        assert await held(one, merchant) == (0, WHOLE)


async def test_what_surely_never_left_is_sent_later_and_once(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant, bank = await merchant_with(one, WHOLE), Unreached(3)
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        (request,) = await one.rows("SELECT state, way, sending_at FROM partner_requests WHERE id = $1", payout.id)
        assert request == {"state": "pending", "way": "", "sending_at": None}
        for _ in range(4):
            await asyncio.gather(work(banking(one, bank), 0.25), ask_due(banking(two, bank).world, two.batches))
        assert (bank.refused, bank.sent) == (3, [payout.id])
        assert (await payouts.read(one.world, merchant.id, payout.id)).state == "processing"


async def test_a_bank_that_refuses_to_say_what_became_of_a_transfer_has_not_failed_it(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Discreet()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        await work(banking(one, bank), 24)
        assert bank.sent == [payout.id]
        assert (await payouts.read(one.world, merchant.id, payout.id)) == payout
        assert await held(one, merchant) == (0, WHOLE)


async def test_an_order_waits_until_a_way_is_open(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, 3 * WHOLE), AtNight()
        here = banking(one, bank)
        payout = await payouts.create(here.world, new_payout(merchant))
        assert (payout.state, bank.sent) == ("pending", [])
        await work(here, 1.9)
        assert bank.sent == []
        await work(here, 0.2)
        assert bank.sent == [payout.id]
        (request,) = await one.rows("SELECT way, account FROM partner_requests WHERE id = $1", payout.id)
        assert request == {"way": "skn", "account": "0123456789"}


async def test_an_order_that_no_way_ever_takes_has_failed_at_once(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, 3 * WHOLE), AtNight()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant, amount=AMOUNT + 100))
        assert (payout.state, payout.failure_reason) == ("failed", "No way takes so much")
        assert bank.sent == []
        assert await held(one, merchant) == (3 * WHOLE, 0)


# What the bank does not know


async def test_what_a_bank_does_not_know_stays_unknown_where_there_is_no_statement(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Forgetful()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        with capture_logs() as logged:
            await work(banking(one, bank), 72)
        assert bank.sent == [payout.id]
        assert (await payouts.read(one.world, merchant.id, payout.id)) == payout
        assert await held(one, merchant) == (0, WHOLE)
        assert "a bank does not know a payout that it may have been sent" in [each["event"] for each in logged]


async def test_what_a_bank_does_not_know_and_its_statement_does_not_have_has_failed_after_an_hour(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        bank = WithStatement(movement("somebody else's", START + 1.5 * HOUR, amount=5))
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        await work(banking(one, bank), 0.95)
        assert (await payouts.read(one.world, merchant.id, payout.id)).state == "pending"
        assert (bank.asked >= 3, bank.read) == (True, 0)
        await work(banking(one, bank), 1.5)
        failed = await payouts.read(one.world, merchant.id, payout.id)
        assert (failed.state, failed.failure_reason) == ("failed", "The bank did not carry it out")
        assert bank.sent == [payout.id]
        assert await held(one, merchant) == (WHOLE, 0)


@pytest.mark.parametrize(
    "case", ["its code", "its code in pieces", "our reference", "the amount without a code", "too early", "nothing"]
)
async def test_what_its_statement_has_or_may_have_is_never_given_back(url: str, case: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), WithStatement()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        code, later = remark_of(payout.id), START + 1.5 * HOUR
        end = movement("money in", later, direction="in")
        bank.movements = {
            "its code": [movement(f"WS_OB;{code};0001", START), end],
            "its code in pieces": [movement(f"TRSF {code[:6].lower()}\n {code[6:]}", START), end],
            "our reference": [movement("", START, reference=payout.id.hex), end],
            "the amount without a code": [movement("TRSF E-BANKING", START), end],
            "too early": [movement("another amount", START - HOUR, amount=5)],
            "nothing": [],
        }[case]
        await work(banking(one, bank), 24)
        assert bank.sent == [payout.id]
        assert (await payouts.read(one.world, merchant.id, payout.id)) == payout
        assert await held(one, merchant) == (0, WHOLE)


async def test_a_bank_that_comes_to_know_a_transfer_is_believed(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Forgetful()
        payout = await payouts.create(banking(one, bank).world, new_payout(merchant))
        await work(banking(one, bank), 5)
        await work(one, 3)  # the simulator knows every transfer
        assert (await payouts.read(one.world, merchant.id, payout.id)).state == "completed"
        assert await held(one, merchant) == (0, 0)


# Money that a bank gives back


async def test_a_bank_names_what_it_gives_back_by_our_reference_or_by_its_own(url: str) -> None:
    async with checked_processes(url) as (one, two):
        for by_ours in (True, False):
            merchant = await merchant_with(one, WHOLE)
            payout = await payouts.create(one.world, new_payout(merchant, f"by-{by_ours}"))
            await payouts.finish(one.world, merchant.id, payout.id, "complete")
            named = {"ours": payout.id.hex} if by_ours else {"theirs": payout.bank_reference}
            for here in (one, two, one):
                found = await payouts.returned_by_reference(here.world, "simulator", **named, reason="Rejected")
                assert found is not None
                assert (found.id, found.state, found.failure_reason) == (payout.id, "failed", "Rejected")
            assert await held(one, merchant) == (AMOUNT, 0)


async def test_what_comes_back_before_its_end_was_known_has_failed_whole(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        found = await payouts.returned_by_reference(one.world, "simulator", ours=str(payout.id), reason="Rejected")
        assert found is not None
        assert (found.state, found.failure_reason, found.returned_at) == ("failed", "Rejected", None)
        assert await held(one, merchant) == (WHOLE, 0)


async def test_money_back_for_what_is_not_ours_is_logged(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        with capture_logs() as logged:
            for named in ({"ours": "no id"}, {"ours": uuid4().hex}, {"theirs": "7"}, {"ours": payout.id.hex}, {}):
                assert await payouts.returned_by_reference(one.world, "elsewhere", **named, reason="x") is None
        assert [each["log_level"] for each in logged] == ["error"] * 5
