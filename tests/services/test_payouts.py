"""Paying out: an order takes its money once for each reference, never more than there is, and ends once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import uuid4

import msgspec
import pytest

from gerbang.connections import Silence
from gerbang.connections.simulator import reference_of
from gerbang.domain.connections import Connections
from gerbang.domain.events import Snapshot
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Agreement
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Payout
from gerbang.errors import (
    AccountUnknown,
    BankNotConnected,
    BankSilent,
    InsufficientFunds,
    MerchantUnknown,
    NotInLiveMode,
    PayoutUnknown,
    WrongState,
)
from gerbang.partners import Partners
from gerbang.services import balances, payouts
from gerbang.services.balances import Balances
from gerbang.workers import Workers
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    FEE,
    VAT,
    WHOLE,
    Broken,
    Counting,
    banking,
    checked_processes,
    give,
    held,
    lines,
    merchant_with,
    new_payout,
)
from tests.support.services import START, several
from tests.support.settling import BCA, paid

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


# What an order does


async def test_a_payout_takes_its_amount_and_its_fee_out_of_what_is_available(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, rupiah(100_000))
        payout = await payouts.create(one.world, new_payout(merchant, description="March"))
        assert (payout.state, payout.fee, payout.vat) == ("processing", FEE, VAT)
        assert (payout.connection, payout.bank_account_name, payout.description) == ("simulator", "PROD ONLY", "March")
        assert payout.bank_reference == reference_of(payout.id)
        assert len(payout.bank_reference) == 12
        assert await held(one, merchant) == (rupiah(100_000) - WHOLE, WHOLE)
        assert await payouts.read(two.world, merchant.id, payout.id) == payout
        assert await payouts.by_reference(two.world, merchant.id, "salary-1") == payout


async def test_the_overview_turns_the_ledgers_signs_and_leaves_out_what_is_reserved(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, rupiah(100_000))
        assert await balances.overview(one.world, uuid4()) == Balances(0, 0)
        await paid(one, merchant, BCA, rupiah(17_000))
        await payouts.create(one.world, new_payout(merchant))
        found = await balances.overview(one.world, merchant.id)
        assert (found.available, found.pending) == (rupiah(100_000) - WHOLE, rupiah(17_000))
        assert found.total == found.available + found.pending


@pytest.mark.parametrize(
    ("rate", "booked"),
    [
        (Rate(), [("payout", AMOUNT)]),
        (Rate(flat=rupiah(1_000), vat_percent=Decimal(0)), [("payout", AMOUNT), ("fee", rupiah(1_000))]),
        (Rate(flat=rupiah(1_000)), [("payout", AMOUNT), ("fee", rupiah(1_000)), ("vat", rupiah(110))]),
    ],
)
async def test_the_fee_is_the_one_that_was_agreed(url: str, rate: Rate, booked: list[tuple[str, int]]) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, rupiah(100_000), agreement=Agreement(fees={"payout": rate}))
        payout = await payouts.create(one.world, new_payout(merchant))
        await payouts.finish(one.world, merchant.id, payout.id, "complete")
        whole = sum(amount for _, amount in booked)
        assert await lines(one, merchant) == [("payout_reserved", whole), *booked]
        assert await held(one, merchant) == (rupiah(100_000) - whole, 0)


# Once for each reference


async def test_a_reference_that_comes_ten_times_at_once_is_one_payout(url: str) -> None:
    async with checked_processes(url) as (first, second):
        bank = Counting()
        one, two = banking(first, bank), banking(second, bank)
        merchant = await merchant_with(one, rupiah(1_000_000))
        orders = [new_payout(merchant, amount=AMOUNT + rupiah(n)) for n in range(10)]
        got = await several(*(payouts.create((one, two)[n % 2].world, orders[n]) for n in range(10)))
        there = [payout for payout in got if isinstance(payout, Payout)]
        assert len(there) == 10
        (id_,) = {payout.id for payout in there}
        assert bank.sent == [id_]
        assert await lines(one, merchant) == [("payout_reserved", there[0].reserved)]


async def test_a_repeated_reference_is_answered_with_the_payout_whatever_else_it_says(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        ended = await payouts.finish(one.world, merchant.id, payout.id, "fail")
        other = new_payout(merchant, number="000501003219303", amount=rupiah(9_999_999), product="other")
        assert await payouts.create(two.world, other) == ended
        assert await held(one, merchant) == (WHOLE, 0)


async def test_a_repeat_while_the_bank_is_silent_does_not_call_it(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        bank = Counting()
        first = await payouts.create(banking(one, bank).world, new_payout(merchant, number="503"))
        assert await payouts.create(banking(two, bank).world, new_payout(merchant, number="503")) == first
        assert bank.sent == [first.id]


async def test_merchants_do_not_share_their_references(url: str) -> None:
    async with checked_processes(url) as (one, two):
        first, second = await merchant_with(one, WHOLE), await merchant_with(one, WHOLE)
        got = await several(*(payouts.create(two.world, new_payout(each)) for each in (first, second)))
        owners = [payout.merchant_id for payout in got if isinstance(payout, Payout)]
        assert owners == [first.id, second.id]


# Never more than there is


async def test_two_at_once_cannot_both_have_the_money_of_one(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, 2 * WHOLE - 1)
        got = await several(*(payouts.create(here.world, new_payout(merchant, uuid4().hex)) for here in (one, two)))
        assert sorted(type(each).__name__ for each in got) == ["InsufficientFunds", "Payout"]
        assert await held(one, merchant) == (WHOLE - 1, WHOLE)


async def test_of_many_at_once_as_many_are_paid_out_as_there_is_money_for(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, 5 * WHOLE)
        got = await several(*(payouts.create(here.world, new_payout(merchant, uuid4().hex)) for here in (one, two) * 6))
        assert sum(isinstance(each, Payout) for each in got) == 5
        assert sum(isinstance(each, InsufficientFunds) for each in got) == 7
        assert await held(one, merchant) == (0, 5 * WHOLE)


async def test_an_order_that_is_not_covered_leaves_nothing_behind(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, 0)
        with pytest.raises(InsufficientFunds, match=r"is Rp 0, which does not cover Rp 13\.885\."):
            await payouts.create(one.world, new_payout(merchant))
        await give(one, merchant.id, WHOLE - 1)
        with pytest.raises(InsufficientFunds, match=r"is Rp 13\.884,99, which"):
            await payouts.create(one.world, new_payout(merchant))
        assert await payouts.by_reference(one.world, merchant.id, "salary-1") is None
        assert await lines(one, merchant) == []
        await give(one, merchant.id, 1)
        assert (await payouts.create(one.world, new_payout(merchant))).state == "processing"


async def test_what_is_not_settled_yet_cannot_be_paid_out(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, 0)
        await paid(one, merchant, BCA, rupiah(1_000_000))
        with pytest.raises(InsufficientFunds):
            await payouts.create(one.world, new_payout(merchant))


# How it ends


@pytest.mark.parametrize(
    ("number", "reason", "name"), [("0102030404", "Account not found", ""), ("405", "Account closed", "PROD ONLY")]
)
async def test_what_the_bank_cannot_deliver_comes_back_whole(url: str, number: str, reason: str, name: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant, number=number))
        if payout.ended_at is None:
            await one.workers.advance(START + timedelta(minutes=1))
        failed = await payouts.read(one.world, merchant.id, payout.id)
        assert (failed.state, failed.failure_reason, failed.bank_account_name) == ("failed", reason, name)
        assert failed.bank_reference == reference_of(payout.id)
        assert await held(one, merchant) == (WHOLE, 0)
        assert await lines(one, merchant) == [("payout_reserved", WHOLE), ("payout_released", WHOLE)]


@pytest.mark.parametrize("number", ["0102030405", "000501003219303"])
async def test_an_hour_of_the_clock_completes_what_nobody_has_ended(url: str, number: str) -> None:
    async with checked_processes(url) as (one, _):
        # The first is the documents' own example, and ends as closed accounts do; it must work all the same.
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant, number=number))
        await one.workers.advance(START + HOUR - timedelta(seconds=1))
        assert await payouts.read(one.world, merchant.id, payout.id) == payout
        await one.workers.advance(START + timedelta(days=3))
        done = await payouts.read(one.world, merchant.id, payout.id)
        assert (done.state, done.ended_at) == ("completed", START + HOUR)
        assert await held(one, merchant) == (0, 0)


@pytest.mark.parametrize(("how", "state"), [("complete", "completed"), ("fail", "failed")])
async def test_a_task_within_the_hour_decides_instead(url: str, how: Literal["complete", "fail"], state: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        one.pass_time(minutes=59)
        ended = await payouts.finish(two.world, merchant.id, payout.id, how)
        assert (ended.state, ended.ended_at) == (state, START + timedelta(minutes=59))
        await one.workers.advance(START + timedelta(days=3))
        assert await payouts.read(one.world, merchant.id, payout.id) == ended
        assert await held(one, merchant) == (WHOLE if how == "fail" else 0, 0)


async def test_what_has_ended_cannot_be_ended_again(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        ended = await payouts.finish(one.world, merchant.id, payout.id, "complete")
        booked = await lines(one, merchant)
        for how in ("complete", "fail"):
            with pytest.raises(WrongState) as refused:
                await payouts.finish(two.world, merchant.id, payout.id, how)
            assert refused.value.spec["state"] == "completed"
        assert await payouts.read(one.world, merchant.id, payout.id) == ended
        assert await lines(one, merchant) == booked


async def test_tasks_and_workers_at_the_same_moment_end_a_payout_once(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        one.pass_time(hours=1)
        got = await several(
            payouts.finish(one.world, merchant.id, payout.id, "fail"),
            ask_due(one.world, one.batches),
            payouts.finish(two.world, merchant.id, payout.id, "complete"),
            ask_due(two.world, two.batches),
        )
        assert not [each for each in got if isinstance(each, Exception) and not isinstance(each, WrongState)]
        ended = await payouts.read(one.world, merchant.id, payout.id)
        back = [("payout_released", WHOLE)]
        gone = [("payout", AMOUNT), ("fee", FEE - VAT), ("vat", VAT)]
        assert (await lines(one, merchant))[1:] == (back if ended.state == "failed" else gone)


async def test_the_end_of_a_payout_is_an_event_of_it_as_it_is_then(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        assert await one.rows("SELECT kind FROM events WHERE merchant_id = $1", merchant.id) == []
        ended = await payouts.finish(one.world, merchant.id, payout.id, "fail")
        (event,) = await one.rows("SELECT kind, at, snapshot FROM events WHERE merchant_id = $1", merchant.id)
        assert (event["kind"], event["at"]) == ("payout.failed", START)
        assert msgspec.json.decode(event["snapshot"], type=Snapshot) == Snapshot(payout=ended)


# Money that comes back


async def test_a_payout_that_comes_back_gives_its_amount_back_once_and_has_failed(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        with pytest.raises(WrongState):
            await payouts.give_back(one.world, merchant.id, payout.id, "Account closed")
        await payouts.finish(one.world, merchant.id, payout.id, "complete")
        got = await several(
            *(payouts.give_back(here.world, merchant.id, payout.id, "Account closed") for here in (one, two) * 3)
        )
        assert [each for each in got if each != got[0]] == []
        after = await payouts.read(two.world, merchant.id, payout.id)
        assert (after.state, after.failure_reason, after.returned_at) == ("failed", "Account closed", START)
        assert await held(one, merchant) == (AMOUNT, 0)
        assert (await lines(one, merchant))[-1] == ("payout_returned", AMOUNT)
        kinds = await one.rows("SELECT kind FROM events WHERE merchant_id = $1 ORDER BY sequence", merchant.id)
        assert [row["kind"] for row in kinds] == ["payout.completed", "payout.failed"]
        for whose, which in ((uuid4(), payout.id), (merchant.id, uuid4())):
            with pytest.raises(PayoutUnknown):
                await payouts.give_back(one.world, whose, which, "Account closed")


# Who may, and where


async def test_a_payout_is_shown_and_ended_for_its_own_merchant_only(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, stranger = await merchant_with(one, WHOLE), await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        for owner, id_ in ((stranger, payout.id), (merchant, uuid4())):
            with pytest.raises(PayoutUnknown):
                await payouts.read(one.world, owner.id, id_)
            with pytest.raises(PayoutUnknown):
                await payouts.finish(one.world, owner.id, id_, "complete")
        assert await payouts.by_reference(one.world, stranger.id, "salary-1") is None
        with pytest.raises(MerchantUnknown):
            await payouts.create(one.world, msgspec.structs.replace(new_payout(merchant), merchant_id=uuid4()))


async def test_in_live_mode_there_is_no_bank_and_no_task(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant))
        live = replace(one.world, live=True, partners=Partners(Connections(), {}, one.world.network))
        with pytest.raises(NotInLiveMode):
            await payouts.finish(live, merchant.id, payout.id, "complete")
        with pytest.raises(BankNotConnected):
            await payouts.create(live, new_payout(merchant, "salary-2"))
        with pytest.raises(BankNotConnected):
            await payouts.account_name(live, merchant.id, "BRI", "0102030405")
        assert await payouts.create(live, new_payout(merchant)) == payout, "what exists is shown without its bank"


async def test_a_payout_whose_connection_is_gone_is_put_off_and_sent_once_it_is_back(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(one.world, new_payout(merchant, number="503"))
        gone = replace(one.world, partners=Partners(Connections(), {}, one.world.network))
        one.clock.advance(timedelta(hours=2))
        working = asyncio.create_task(Workers(gone, one.batches).run())
        try:
            async with asyncio.timeout(20):
                while await one.rows("SELECT FROM partner_requests WHERE next_at <= $1", one.clock.now()):  # noqa: ASYNC110  another task's commit
                    await asyncio.sleep(0.05)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        one.clock.advance(timedelta(hours=2))
        await ask_due(one.world, one.batches)
        now = await payouts.by_reference(one.world, merchant.id, payout.reference)
        assert now is not None and now.state == "processing"


async def test_an_account_has_the_name_that_its_bank_says(url: str) -> None:
    async with checked_processes(url) as (one, _):
        for number in ("0102030405", "000501003219303", "405", "503"):
            assert await payouts.account_name(one.world, uuid4(), "BRI", number) == "PROD ONLY"
        with pytest.raises(AccountUnknown):
            await payouts.account_name(one.world, uuid4(), "BRI", "0102030404")
        with pytest.raises(BankSilent):
            await payouts.account_name(banking(one, Broken(Silence())).world, uuid4(), "BRI", "0102030405")
