"""Refunding: what was paid goes back once for each reference, never more than was paid, by the channel or by a transfer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from gerbang.connections import Declined, GivenBack, Silence
from gerbang.db import partner_requests
from gerbang.db import payouts as kept_payouts
from gerbang.db.changes import write
from gerbang.domain.changes import Changes, KnownCustomer
from gerbang.domain.connections import Connections
from gerbang.domain.customers import Customer, RefundPreference
from gerbang.domain.customers import Destination as Preferred
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Method
from gerbang.domain.payouts import Payout, Search
from gerbang.domain.refunds import Destination, Refund
from gerbang.domain.reversals import Reversal
from gerbang.errors import (
    BankNotConnected,
    InsufficientFunds,
    Invalid,
    NotRefundable,
    PayoutUnknown,
    ReferenceTaken,
    RefundTooLarge,
    RefundUnknown,
    WrongState,
)
from gerbang.partners import Partners
from gerbang.services import payouts, refund_requests, refunds, reversals
from tests.support.gateways import Databases
from tests.support.payouts import banking, held, lines, merchant_with
from tests.support.refunds import PART, Gives, ask
from tests.support.services import Services, several
from tests.support.settling import charge_of, paid, two_processes_on

QRIS = Method(channel="qris")
BRI = Method(channel="virtual_account", option="BRI")
BCA = Method(channel="virtual_account", option="BCA")
"""BRI settles at once, BCA on the next working day."""
ACCOUNT = Destination("BCA", "1000200030", "Budi Santoso", "BCA")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def checked(url: str) -> AsyncGenerator[tuple[Services, Services]]:
    """Two processes; nothing of an earlier story is due, and at the end the records are right."""
    async with two_processes_on(url) as (one, two):
        async with one.world.db.transaction() as tx:
            later = one.clock.now() + timedelta(days=9999)
            await tx.execute("UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL", later)
        yield one, two
        assert await one.faults() == []


async def again(here: Services, refund: Refund) -> Refund:
    return await refunds.read(here.world, refund.merchant_id, refund.id)


async def prefers(here: Services, merchant: Merchant, charge_id: UUID, preference: RefundPreference) -> None:
    """The merchant says how the buyer of a charge wants to be refunded."""
    payment_id = (await charge_of(here, charge_id))["payment_id"]
    known = KnownCustomer(merchant.id, "budi", Customer(email="budi@shop.example", refund_preference=preference))
    async with here.world.db.transaction() as tx:
        await write(tx, Changes(customers=[known]), here.clock.now())
        await tx.execute("UPDATE payments SET customer_id = 'budi' WHERE id = $1", payment_id)


async def transfer_of(here: Services, refund: Refund) -> Payout:
    """The transfer by which a refund goes to an account."""
    [row] = await here.rows("SELECT id, merchant_id FROM payouts WHERE cause_id = $1", refund.id)
    async with here.world.db.reading() as tx:
        found = await kept_payouts.by_id(tx, row["merchant_id"], row["id"])
    assert found is not None
    return found


async def kinds(here: Services, merchant: Merchant) -> list[str]:
    """What was said of the merchant's refunds."""
    rows = await here.rows(
        "SELECT kind FROM events WHERE merchant_id = $1 AND kind LIKE 'refund.%' ORDER BY sequence", merchant.id
    )
    return [row["kind"].removeprefix("refund.") for row in rows]


# By the channel


async def test_a_channel_that_gives_back_is_asked_once_and_pays_out_of_what_was_reserved(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, QRIS)
        asked = await ask(here, merchant, charge)
        assert (asked.state, asked.way, asked.captured) == ("pending", None, rupiah(20_000))
        assert await held(here, merchant) == (rupiah(95_000), PART)
        await here.workers.catch_up()
        done = await again(here, asked)
        assert (done.state, done.way, done.connection) == ("succeeded", "channel", "simulator")
        assert await held(here, merchant) == (rupiah(95_000), 0)
        assert (await lines(here, merchant))[-2:] == [("refund_reserved", PART), ("refunded", PART)]
        assert await kinds(here, merchant) == ["pending", "succeeded"]


async def test_a_fee_that_was_agreed_is_taken_on_top(url: str) -> None:
    async with checked(url) as (here, _):
        fees = {"refund": Rate(flat=rupiah(1_000))}
        merchant = await merchant_with(here, rupiah(100_000))
        agreement = msgspec.structs.replace(merchant.agreement, fees=fees)
        charge = await paid(here, merchant, QRIS)
        await agreed(here, merchant, agreement)
        asked = await ask(here, merchant, charge)
        assert (asked.fee, asked.vat) == (rupiah(1_110), rupiah(110))
        assert await held(here, merchant) == (rupiah(100_000) - asked.reserved, asked.reserved)
        await here.workers.catch_up()
        assert (await lines(here, merchant))[-3:] == [
            ("refunded", PART),
            ("fee", rupiah(1_000)),
            ("vat", rupiah(110)),
        ]


async def agreed(here: Services, merchant: Merchant, agreement: Agreement) -> None:
    async with here.world.db.transaction() as tx:
        written = msgspec.json.encode(agreement).decode()
        await tx.execute("UPDATE merchants SET agreement = $2 WHERE id = $1", merchant.id, written)


async def test_after_a_silence_a_partner_is_asked_what_it_knows_before_it_is_asked_again(url: str) -> None:
    async with checked(url) as (one, _):
        bank = Gives(Silence(), None, Silence(), GivenBack("succeeded", "given"))
        here = banking(one, bank)
        merchant = await merchant_with(here, rupiah(100_000))
        asked = await ask(here, merchant, await paid(here, merchant, QRIS))
        for _ in range(3):
            await here.workers.catch_up()
            here.pass_time(hours=1)
        assert (bank.asked, bank.looked_up) == ([asked.id] * 2, 2)
        assert (await again(here, asked)).state == "succeeded"
        assert await held(here, merchant) == (rupiah(95_000), 0)


async def test_a_partner_that_is_at_work_is_asked_again_when_it_says(url: str) -> None:
    async with checked(url) as (one, _):
        bank = Gives(GivenBack("processing", "R1", one.clock.now() + timedelta(hours=2)))
        here = banking(one, bank)
        merchant = await merchant_with(here, rupiah(100_000))
        asked = await ask(here, merchant, await paid(here, merchant, QRIS))
        for looked_up in (0, 0, 1):
            await here.workers.catch_up()
            assert bank.looked_up == looked_up
            here.pass_time(hours=1)
        assert len(bank.asked) == 1
        assert (await again(here, asked)).state == "succeeded"


async def test_two_processes_that_ask_at_once_give_back_once(url: str) -> None:
    async with checked(url) as (one, two):
        merchant = await merchant_with(one, rupiah(100_000))
        asked = await ask(one, merchant, await paid(one, merchant, QRIS))
        async with one.world.db.reading() as tx:
            [request] = (await partner_requests.by_id(tx, [asked.id])).values()
        await several(*(refund_requests.ask((one, two)[n % 2].world, request) for n in range(6)))
        assert await held(one, merchant) == (rupiah(95_000), 0)
        assert await kinds(one, merchant) == ["pending", "succeeded"]


# By a transfer


async def test_what_no_channel_gives_back_goes_by_a_transfer_that_is_no_payout_of_the_merchants(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, BRI)
        await here.workers.catch_up()  # it is settled
        before, _ = await held(here, merchant)
        asked = await ask(here, merchant, charge, destination=ACCOUNT, statement_text="Toko Uji")
        assert (asked.state, asked.way) == ("waiting_transfer", "account")
        leg = await transfer_of(here, asked)
        assert (leg.kind, leg.fee, leg.description, leg.destination.account_number) == (
            "refund",
            0,
            "Toko Uji",
            ACCOUNT.account_number,
        )
        assert await payouts.page(here.world, merchant.id, Search(), 1, 10) == []
        assert await payouts.by_reference(here.world, merchant.id, leg.reference) is None
        with pytest.raises(PayoutUnknown):
            await payouts.read(here.world, merchant.id, leg.id)
        with pytest.raises(PayoutUnknown):
            await payouts.finish(here.world, merchant.id, leg.id, "complete")
        await here.workers.catch_up()
        assert (await again(here, asked)).state == "waiting_transfer"
        here.pass_time(hours=2)
        await here.workers.catch_up()
        assert (await again(here, asked)).state == "succeeded"
        assert await held(here, merchant) == (before - PART, 0)
        assert await kinds(here, merchant) == ["pending", "waiting_transfer", "succeeded"]


async def test_what_its_channel_declines_goes_by_a_transfer_to_the_account_that_the_buyer_prefers(url: str) -> None:
    async with checked(url) as (one, _):
        here = banking(one, Gives(Declined("too old")))
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, QRIS)
        preferred = Preferred("014", "999966660001", "Budi")
        await prefers(here, merchant, charge, RefundPreference("auto", preferred))
        asked = await ask(here, merchant, charge)
        await here.workers.catch_up()
        done = await again(here, asked)
        assert (done.state, done.way) == ("succeeded", "account")
        assert done.destination == Destination("BCA", "999966660001", "Budi", "014")


async def test_a_buyer_who_wants_a_transfer_gets_one_and_the_channel_is_not_asked(url: str) -> None:
    async with checked(url) as (one, _):
        bank = Gives()
        here = banking(one, bank)
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, QRIS)
        preferred = Preferred("CIMB", "999966660001", "Budi")
        await prefers(here, merchant, charge, RefundPreference("transfer_only", preferred))
        asked = await ask(here, merchant, charge)
        assert (asked.state, asked.way) == ("waiting_transfer", "account")
        assert asked.destination is not None
        assert asked.destination.bank_code == "CIMB_NIAGA"
        await here.workers.catch_up()
        assert bank.asked == []
        assert (await again(here, asked)).state == "succeeded"


async def test_what_fails_both_ways_is_the_merchants_again_and_can_be_refunded_again(url: str) -> None:
    async with checked(url) as (one, _):
        here = banking(one, Gives(Declined("no")))
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, QRIS)
        closed = msgspec.structs.replace(ACCOUNT, account_number="999966660002")
        asked = await ask(here, merchant, charge, amount=None, whole=True, destination=closed)
        await here.workers.catch_up()
        failed = await again(here, asked)
        assert (failed.state, failed.failure_reason) == ("failed", "Account not found")
        assert await held(here, merchant) == (rupiah(100_000), 0)
        assert await kinds(here, merchant) == ["pending", "waiting_transfer", "failed"]
        assert (await ask(here, merchant, charge, amount=None, whole=True)).amount == rupiah(20_000)


async def test_without_an_account_it_waits_until_the_buyer_s_is_known(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, BRI)
        asked = await ask(here, merchant, charge)
        assert (asked.state, asked.way) == ("waiting_transfer", None)
        here.pass_time(hours=2)
        await here.workers.catch_up()
        assert (await again(here, asked)).way is None
        await prefers(here, merchant, charge, RefundPreference("auto", Preferred("BNI", "999966660001", "Budi")))
        here.pass_time(hours=5)
        await here.workers.catch_up()
        assert (await again(here, asked)).state == "succeeded"
        assert await kinds(here, merchant) == ["pending", "waiting_transfer", "succeeded"]


async def test_a_transfer_that_comes_back_makes_it_fail_after_all(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, BRI)
        await here.workers.catch_up()  # it is settled
        before, _ = await held(here, merchant)
        to = msgspec.structs.replace(ACCOUNT, account_number="999966660001")
        asked = await ask(here, merchant, charge, destination=to)
        await here.workers.catch_up()
        leg = await transfer_of(here, asked)
        for _ in range(2):
            await payouts.returned_by_reference(here.world, leg.connection, ours=leg.id.hex, reason="Account closed")
        failed = await again(here, asked)
        assert (failed.state, failed.failure_reason) == ("failed", "Account closed")
        assert await held(here, merchant) == (before, 0)
        assert await kinds(here, merchant) == ["pending", "waiting_transfer", "succeeded", "failed"]


# What an operator decides


async def test_an_operator_names_the_account_or_ends_it_and_one_of_the_two_happens(url: str) -> None:
    async with checked(url) as (one, two):
        merchant = await merchant_with(one, rupiah(100_000))
        charge = await paid(one, merchant, BRI)
        await one.workers.catch_up()  # it is settled
        before, _ = await held(one, merchant)
        to = msgspec.structs.replace(ACCOUNT, account_number="999966660001")
        asked = await ask(one, merchant, charge)
        calls = [
            *(refund_requests.pay(one.world, asked.id, to) for _ in range(3)),
            *(refund_requests.cancel(two.world, asked.id) for _ in range(3)),
        ]
        said = await several(*calls)
        assert sum(isinstance(each, Refund) for each in said) == 1
        assert {type(each) for each in said} == {Refund, WrongState}
        await one.workers.catch_up()
        ended = await again(one, asked)
        assert ended.state in ("succeeded", "cancelled")
        assert await held(one, merchant) == (before - PART if ended.state == "succeeded" else before, 0)
        with pytest.raises(RefundUnknown):
            await refund_requests.cancel(one.world, uuid4())


async def test_a_cancelled_refund_gives_the_merchant_its_money_back(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        asked = await ask(here, merchant, await paid(here, merchant, BRI))
        before, _ = await held(here, merchant)
        await refund_requests.cancel(here.world, asked.id)
        assert await held(here, merchant) == (before + PART, 0)
        here.pass_time(days=3)
        await here.workers.catch_up()
        assert (await again(here, asked)).state == "cancelled"
        assert await kinds(here, merchant) == ["pending", "waiting_transfer", "cancelled"]


async def test_what_is_on_its_way_can_neither_be_cancelled_nor_sent_to_another_account(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        pending = await ask(here, merchant, await paid(here, merchant, QRIS))
        sent = await ask(here, merchant, await paid(here, merchant, BRI), destination=ACCOUNT)
        for refund in (pending, sent):
            with pytest.raises(WrongState):
                await refund_requests.cancel(here.world, refund.id)
            with pytest.raises(WrongState):
                await refund_requests.pay(here.world, refund.id, ACCOUNT)
        await here.workers.catch_up()


# How much


async def test_ten_at_once_never_give_back_more_than_was_paid(url: str) -> None:
    async with checked(url) as (one, two):
        merchant = await merchant_with(one, rupiah(100_000))
        charge = await paid(one, merchant, QRIS)
        said = await several(*(ask((one, two)[n % 2], merchant, charge, amount=rupiah(3_000)) for n in range(10)))
        assert sum(isinstance(each, Refund) for each in said) == 6
        assert {type(each) for each in said} == {Refund, RefundTooLarge}
        await one.workers.catch_up()
        assert await held(one, merchant) == (rupiah(82_000), 0)


async def test_one_reference_that_comes_ten_times_at_once_is_one_refund(url: str) -> None:
    async with checked(url) as (one, two):
        merchant = await merchant_with(one, rupiah(100_000))
        charge = await paid(one, merchant, QRIS)
        whole: dict[str, Any] = {"amount": None, "whole": True}
        said = await several(
            *(ask((one, two)[n % 2], merchant, charge, reference="RF-1", key="k1", **whole) for n in range(10))
        )
        assert len({each.id for each in said if isinstance(each, Refund)}) == 1
        assert all(isinstance(each, Refund) for each in said)
        with pytest.raises(ReferenceTaken):
            await ask(one, merchant, charge, reference="RF-1", **whole)
        await one.workers.catch_up()


async def test_what_a_charge_brings_later_covers_its_own_refunds_and_no_others(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await here.merchant()
        first, second = [await paid(here, merchant, BCA) for _ in range(2)]
        brings = rupiah(20_000) - (await charge_of(here, first))["fee"]
        with pytest.raises(InsufficientFunds):
            await ask(here, merchant, first, amount=brings + 1)
        to: dict[str, Any] = {"destination": ACCOUNT}
        await ask(here, merchant, first, amount=brings - rupiah(1_000), **to)
        assert await held(here, merchant) == (rupiah(1_000) - brings, brings - rupiah(1_000))
        with pytest.raises(InsufficientFunds):
            await ask(here, merchant, first, amount=rupiah(1_001), **to)
        with pytest.raises(InsufficientFunds):
            await ask(here, merchant, second, amount=brings + rupiah(1), **to)
        await ask(here, merchant, second, amount=brings, **to)
        await ask(here, merchant, first, amount=rupiah(1_000), **to)
        assert await held(here, merchant) == (-2 * brings, 2 * brings)
        here.pass_time(days=20)
        await here.workers.catch_up()
        here.pass_time(hours=2)
        await here.workers.catch_up()
        assert await held(here, merchant) == (0, 0)


async def test_what_a_bank_took_back_is_not_refunded(url: str) -> None:
    async with checked(url) as (here, _):
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await paid(here, merchant, QRIS)
        [report] = await here.rows("SELECT * FROM reports WHERE charge_id = $1", charge)
        await reversals.reverse(
            here.world,
            Reversal(
                connection=report["connection"],
                reference="back",
                original=report["reference"],
                amount=report["amount"],
            ),
        )
        with pytest.raises(NotRefundable):
            await ask(here, merchant, charge)


async def test_a_transfer_needs_an_account_at_a_bank_that_is_connected(url: str) -> None:
    async with checked(url) as (one, _):
        merchant = await merchant_with(one, rupiah(100_000))
        charge = await paid(one, merchant, QRIS)
        with pytest.raises(Invalid):
            await ask(one, merchant, charge, method="transfer_only")
        world = replace(one.world, partners=Partners(Connections(), {}, one.world.network))
        here = Services(world, one.batches, one.workers, one.clock)
        with pytest.raises(BankNotConnected):
            await ask(here, merchant, charge, destination=ACCOUNT)
        assert await refunds.page(one.world, merchant.id, None, page=1, per_page=10) == ([], 0)
