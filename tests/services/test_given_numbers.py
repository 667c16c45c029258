"""Numbers that partners give: each is one payment's at a time, and a partner may give it again once nobody can pay by it."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from gerbang.domain.payments import Method
from gerbang.errors import NotOpenYet, NumberTaken, PartnerDeclined
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation
from tests.support.codes import (
    PAGE,
    QRIS_CHOSEN,
    STATIC,
    Scripted,
    asked_number,
    process,
    settle_openings,
    states,
)
from tests.support.gateways import Databases
from tests.support.services import BRI, START, money, order, services


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def test_a_chosen_number_that_is_taken_is_refused_before_the_partner_is_asked(url: str) -> None:
    partner = Scripted()
    async with process(url, "minted", partner) as here:
        merchant = await here.merchant()
        chosen = replace(BRI, number="0000042")
        await here.batches.create(order(merchant.id, **STATIC | {"method": chosen}))
        with pytest.raises(NumberTaken):
            await here.batches.create(order(merchant.id, **STATIC | {"method": chosen}))
        assert partner.operations == ["open"]


async def test_a_number_that_its_partner_gives_again_is_the_next_payments(url: str) -> None:
    async with process(url, "minted", Scripted(number="8808123")) as here:
        merchant = await here.merchant()
        first = await here.create(merchant)
        assert (await here.batches.report(money("8808123"))).outcome == "booked"
        here.pass_time(hours=2)
        second = await here.create(merchant)
        assert (await here.batches.report(money("8808123"))).outcome == "booked"
        assert await states(here, first) == await states(here, second) == ("paid", ["succeeded"])


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_number_that_another_payment_has_is_declined_and_closed(url: str, at_once: bool) -> None:
    partner = Scripted("silent", "silent", number="8808124") if at_once else Scripted(number="8808126")
    async with process(url, "minted", partner) as here:
        merchant = await here.merchant()
        if at_once:
            for _ in range(2):
                with pytest.raises(NotOpenYet):
                    await here.batches.create(order(merchant.id))
        else:
            await here.create(merchant)
            with pytest.raises(PartnerDeclined, match="another payment has the number"):
                await here.batches.create(order(merchant.id))
        await settle_openings(here)
        rows = await here.rows("SELECT state FROM payments WHERE merchant_id = $1 ORDER BY state", merchant.id)
        assert [row["state"] for row in rows] == ["awaiting", "failed"]
        assert partner.operations.count("close") == 1


async def test_money_for_a_code_whose_number_another_payment_has_is_held_in_suspense(url: str) -> None:
    async with process(url, "minted", Scripted("open", "silent", number="8808125")) as here:
        merchant = await here.merchant()
        other = await here.create(merchant)
        with pytest.raises(NotOpenYet):
            await here.batches.create(order(merchant.id))
        (row,) = await here.rows("SELECT id FROM payments WHERE merchant_id = $1 AND id <> $2", merchant.id, other)
        reference, _ = await asked_number(here, row["id"])
        report = replace(money("8808125"), request_id=reference)
        booked = await here.batches.report(report)
        assert (booked.outcome, booked.payment_id) == ("late", row["id"])
        await settle_openings(here)
        assert await states(here, row["id"]) == ("failed", [])
        assert await states(here, other) == ("awaiting", ["waiting"])


@pytest.mark.parametrize("over", ["paid", "its time over"])
async def test_a_number_rests_a_moment_though_its_partner_gives_it_again(url: str, over: str) -> None:
    """A bank's clock may be off: money of a moment ago must not be taken for the next payment's."""
    mine = "8808127" if over == "paid" else "8808128"
    async with process(url, "minted", Scripted(number=mine)) as here:
        merchant = await here.merchant()
        first = await here.create(merchant, expires_at=START + timedelta(minutes=20))
        if over == "paid":
            await here.batches.report(money(mine))
            here.pass_time(minutes=2)
        else:
            here.pass_time(minutes=22)
        with pytest.raises(PartnerDeclined, match="another payment has the number"):
            await here.batches.create(order(merchant.id))
        here.pass_time(minutes=10)
        second = await here.create(merchant)
        # Of the bank's report nothing is known but the number: when it was paid decides whose it is.
        before = replace(money(mine), paid_at=START + timedelta(minutes=1))
        assert (await here.batches.report(before)).payment_id == first
        assert (await here.batches.report(money(mine))).payment_id == second


async def test_money_at_the_moment_its_number_is_given_again_declines_nobody(url: str) -> None:
    async with process(url, "minted", Scripted(number="8808129")) as here, services(url, clock=here.clock) as other:
        merchant = await here.merchant()
        for _ in range(8):
            now = here.clock.now()
            first = await here.create(merchant, expires_at=now + timedelta(minutes=5))
            here.pass_time(minutes=20)
            report = replace(money("8808129"), paid_at=now + timedelta(minutes=1))
            booked, second = await asyncio.gather(other.batches.report(report), here.create(merchant))
            assert (booked.outcome, booked.payment_id) == ("booked", first)
            assert await states(here, second) == ("awaiting", ["waiting"])
            await here.batches.report(money("8808129"))
            here.pass_time(minutes=20)


async def test_a_payment_whose_code_has_lapsed_needs_no_number(url: str) -> None:
    async with process(url, "minted", Scripted(number="8808130")) as here:
        merchant = await here.merchant()
        made = await here.create(merchant, method=None, details=PAGE, expires_at=START + timedelta(hours=5))
        await here.batches.confirm(Confirmation(merchant.id, made, QRIS_CHOSEN))
        here.pass_time(hours=2)
        await here.create(merchant, method=Method("qris"))
        assert await states(here, made) == ("awaiting", ["waiting"])
        assert await here.faults() == []
        await end.withdraw(
            here.world, Cancellation(merchant.id, made, "not in the way of other tests, whose clock is earlier")
        )
