"""Payouts whose bank is silent, whose process dies, or who are wanted by many: money leaves once or comes back whole."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gerbang.connections import Silence
from gerbang.connections.simulator import reference_of
from gerbang.domain.merchants import Merchant
from gerbang.domain.partner_requests import LEASE
from gerbang.errors import Refused, WrongState
from gerbang.services import payouts
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    FEE,
    VAT,
    WHOLE,
    Broken,
    Counting,
    Reached,
    Slow,
    Stalled,
    Unreached,
    banking,
    checked_processes,
    held,
    in_order,
    lines,
    merchant_with,
    new_payout,
    two_processes_on,
)
from tests.support.services import START, Services, run, services, several
from tests.support.shop_servers import OK, answering, shop

HOUR = timedelta(hours=1)
Step = tuple[str, int, str, bool]
"""What happens, to which reference, to which account number, and in which process."""


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


# Silence and death


async def test_what_died_while_the_bank_was_called_is_not_sent_again_and_settled_once(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        stalled = Stalled()
        dying = asyncio.create_task(payouts.create(banking(one, stalled).world, new_payout(merchant)))
        await stalled.called.wait()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying
        left = await payouts.by_reference(one.world, merchant.id, "salary-1")
        assert left is not None
        assert left.state == "pending"
        assert await held(one, merchant) == (0, WHOLE)
        async with services(url, clock=one.clock) as started:
            bank = Counting()
            fresh = banking(started, bank)
            assert (await fresh.workers.catch_up())["asked"] == 0, "it may still be in somebody's hands"
            one.pass_time(seconds=LEASE.total_seconds())
            assert (await fresh.workers.catch_up())["asked"] == 1
            assert (stalled.sent, bank.sent) == ([left.id], [])
            sent = await payouts.read(fresh.world, merchant.id, left.id)
            assert (sent.state, sent.bank_reference) == ("processing", reference_of(left.id))
            one.pass_time(seconds=HOUR.total_seconds())
            assert (await fresh.workers.catch_up())["asked"] == 1
            assert (await fresh.workers.catch_up())["asked"] == 0
        assert (await payouts.read(one.world, merchant.id, left.id)).state == "completed"
        assert (await lines(one, merchant))[1:] == [("payout", AMOUNT), ("fee", FEE - VAT), ("vat", VAT)]
        assert bank.sent == []


async def test_a_silent_bank_is_asked_again_and_nothing_has_failed(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant, number="0102030503"))
        assert (payout.state, payout.sent_at, payout.bank_reference) == ("pending", None, "")
        for how in ("complete", "fail"):
            with pytest.raises(WrongState):
                await payouts.finish(one.world, merchant.id, payout.id, how)
        one.pass_time(seconds=59)
        assert await ask_due(one.world, one.batches) == 0
        one.pass_time(seconds=1)
        assert await ask_due(one.world, one.batches) == 1
        sent = await payouts.read(one.world, merchant.id, payout.id)
        assert (sent.state, sent.sent_at) == ("processing", START), "when it was given, not when the bank was asked"


async def test_the_bank_is_called_holding_nothing(url: str) -> None:
    async with checked_processes(url) as (one, _):
        async with shop(answering(OK)) as port:
            here = banking(one, Reached(one.world.network, f"http://127.0.0.1:{port}/"))
            merchant = await merchant_with(one, 2 * WHOLE)
            sent = await payouts.create(here.world, new_payout(merchant))
            late = await payouts.create(here.world, new_payout(merchant, "salary-2", number="503"))
            one.pass_time(seconds=LEASE.total_seconds())
            assert await ask_due(here.world, here.batches) == 1
        # The network refuses calls inside a transaction, and this bank would have been silent then.
        states = [(await payouts.read(one.world, merchant.id, each.id)).state for each in (sent, late)]
        assert states == ["processing", "processing"]


@pytest.mark.parametrize("how", ["complete", "fail"])
async def test_an_answer_that_comes_late_changes_nothing_that_has_ended(
    url: str, how: Literal["complete", "fail"]
) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        one.pass_time(seconds=HOUR.total_seconds())
        bank = Slow()
        asking = asyncio.create_task(ask_due(banking(two, bank).world, two.batches))
        await bank.asked.wait()
        ended = await payouts.finish(one.world, merchant.id, payout.id, how)
        booked = await lines(one, merchant)
        bank.answers.set()
        await asking
        assert await payouts.read(one.world, merchant.id, payout.id) == ended
        assert await lines(one, merchant) == booked


@pytest.mark.parametrize("failure", [Silence(), TimeoutError(), RuntimeError("out of order")])
async def test_whatever_goes_wrong_with_a_bank_is_silence(url: str, failure: Exception) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        here = banking(one, Broken(failure))
        payout = await payouts.create(here.world, new_payout(merchant))
        for minutes in (1, 2, 4, 8):
            one.pass_time(minutes=minutes - 0.5)
            assert await ask_due(here.world, here.batches) == 0, "each silence doubles the wait"
            one.pass_time(minutes=0.5)
            assert await ask_due(here.world, here.batches) == 1
        assert await payouts.read(one.world, merchant.id, payout.id) == payout
        assert await held(one, merchant) == (0, WHOLE)


async def test_two_workers_send_what_is_due_once(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, 30 * WHOLE)
        bank = Unreached(30)
        for n in range(30):
            payout = await payouts.create(banking(one, bank).world, new_payout(merchant, f"salary-{n}"))
            assert payout.state == "pending"
        one.pass_time(seconds=LEASE.total_seconds())
        done = await asyncio.gather(*(banking(here, bank).workers.catch_up() for here in (one, two)))
        assert sum(each["asked"] for each in done) == 30
        assert len(bank.sent) == len(set(bank.sent)) == 30


# Whatever happens

steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "order", "complete", "fail", "work", "wait"]),
        st.integers(0, 5),
        st.sampled_from(["1", "1", "404", "405", "503"]),
        st.booleans(),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(together=st.lists(steps, min_size=1, max_size=3), there=st.integers(0, 6))
def test_whatever_happens_nothing_is_overdrawn_and_what_is_reserved_is_under_way(
    url: str, together: list[list[Step]], there: int
) -> None:
    async def live() -> None:
        async with two_processes_on(url) as (one, two):
            merchant = await merchant_with(one, there * WHOLE)
            for happening in together:
                await several(*(_step(two if step[3] else one, merchant, step) for step in happening))
                await in_order(one)
            one.pass_time(days=1)
            await one.workers.catch_up()
            one.pass_time(days=1)
            await one.workers.catch_up()
            await in_order(one)
            kept = await payouts.page(two.world, merchant.id, payouts.Search(), 1, 100)
            assert {payout.state for payout in kept} <= {"completed", "failed"}
            gone = sum(payout.state == "completed" for payout in kept)
            assert await held(one, merchant) == ((there - gone) * WHOLE, 0)

    run(live)


async def _step(here: Services, merchant: Merchant, step: Step) -> None:
    what, n, number, _ = step
    reference = f"salary-{n}"
    with suppress(Refused):
        match what:
            case "order":
                await payouts.create(here.world, new_payout(merchant, reference, number))
            case "work":
                await ask_due(here.world, here.batches)
            case "wait":
                here.pass_time(seconds=60 if n else 3600)
            case _:
                payout = await payouts.by_reference(here.world, merchant.id, reference)
                if payout is not None:
                    how: Literal["complete", "fail"] = "complete" if what == "complete" else "fail"
                    await payouts.finish(here.world, merchant.id, payout.id, how)
