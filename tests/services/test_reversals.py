"""Money that its bank takes back leaves the merchant's balance or suspense, once, and nothing is lost."""

import asyncio

import pytest

from gerbang.db import ledger
from gerbang.domain.ledger import available, suspense
from gerbang.domain.merchants import PLATFORM, Merchant
from gerbang.domain.reversals import Reversal
from gerbang.services import checkout, reversals, settlements
from tests.support.gateways import Databases
from tests.support.services import PRICE, Services, forget_power_cuts, money, number, order, run
from tests.support.services import services as services_of


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    url = databases.fresh()
    run(lambda: forget_power_cuts(url))
    return url


async def paid(here: Services, *, times: int = 1) -> tuple[Merchant, str]:
    """A merchant whose payment was paid so often, and the reference of the last money."""
    merchant = await here.merchant()
    paid_to = number(await here.batches.create(order(merchant.id)))
    reports = [money(paid_to) for _ in range(times)]
    for report in reports:
        await here.batches.report(report)
    return merchant, reports[-1].reference


def back(original: str, *, amount: int = PRICE, reference: str | None = None) -> Reversal:
    return Reversal("simulator", reference or f"back {original}", original, amount)


async def owned(here: Services, account: str) -> int:
    """What an account has to give, in minor units."""
    async with here.world.db.reading() as tx:
        return -(await ledger.balances(tx, [account])).get(account, 0)


async def kinds(here: Services, merchant: Merchant) -> list[str]:
    rows = await here.rows("SELECT kind FROM events WHERE merchant_id = $1 ORDER BY sequence", merchant.id)
    return [row["kind"] for row in rows]


@pytest.mark.parametrize("settled", [True, False])
async def test_money_that_was_booked_comes_out_of_the_available_balance(url: str, settled: bool) -> None:
    async with services_of(url) as here:
        merchant, reference = await paid(here)
        if settled:
            await settlements.settle_due(here.world)
        before = await owned(here, available(merchant.id))
        assert (await reversals.reverse(here.world, back(reference))).outcome == "reversed"
        assert await owned(here, available(merchant.id)) == before - PRICE < 0
        assert (await kinds(here, merchant))[-1] == "charge.reversed"
        await settlements.settle_due(here.world)
        states = await here.rows("SELECT state FROM payments WHERE merchant_id = $1", merchant.id)
        assert [row["state"] for row in states] == ["paid"]
        assert await here.faults() == []


async def test_money_that_was_held_in_suspense_comes_out_of_suspense(url: str) -> None:
    async with services_of(url) as here:
        merchant, reference = await paid(here, times=2)
        assert await owned(here, suspense(merchant.id)) == PRICE
        assert (await reversals.reverse(here.world, back(reference))).outcome == "reversed"
        assert await owned(here, suspense(merchant.id)) == 0
        (payment,) = await here.rows("SELECT id FROM payments WHERE merchant_id = $1", merchant.id)
        (visit,) = await checkout.visits(here.world, [payment["id"]])
        assert isinstance(visit, checkout.Visit)
        assert visit.in_suspense == [], "the payer's page does not speak of money that went back"
        assert (await kinds(here, merchant))[-1] == "money.reversed"
        assert await here.faults() == []


async def test_money_goes_back_once_however_often_it_is_said(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        merchant, reference = await paid(one)
        said = [reversals.reverse(here.world, back(reference)) for here in (one, two) * 3]
        done = await asyncio.gather(*said)
        assert done == [done[0]] * 6
        other = await reversals.reverse(one.world, back(reference, reference="another"))
        assert (other.outcome, other.report_id) == ("reversed_before", None)
        assert (await kinds(one, merchant)).count("charge.reversed") == 1
        assert await one.faults() == []


@pytest.mark.parametrize("first", ["the money", "the reversals"])
async def test_money_of_two_merchants_under_one_reference_goes_back_from_each(url: str, first: str) -> None:
    async with services_of(url) as here:
        both = [await here.merchant() for _ in range(2)]
        arriving = [number(await here.batches.create(order(merchant.id))) for merchant in both]
        original = f"of two, {first} first"
        saying = [back(original, reference=f"{original}, {n}") for n in range(3)]
        if first == "the reversals":
            for each in saying:
                await reversals.reverse(here.world, each)
        for paid_to in arriving:
            await here.batches.report(money(paid_to, reference=original))
        if first == "the reversals":
            assert await reversals.reverse_overtaken(here.world) == 2
        done = [await reversals.reverse(here.world, each) for each in saying]
        assert [each.merchant_id for each in done[:2]] == [merchant.id for merchant in both]
        assert await owned(here, available(both[0].id)) == -PRICE
        assert await owned(here, suspense(both[1].id)) == 0, "one name pays once: the other money was held in suspense"
        assert await here.faults() == []


@pytest.mark.parametrize("amount", [PRICE, PRICE + 1])
async def test_a_reversal_of_money_that_is_not_known_moves_nothing_and_is_kept(url: str, amount: int) -> None:
    async with services_of(url) as here:
        _, reference = await paid(here)
        original = reference if amount != PRICE else f"never seen {reference}"
        done = await reversals.reverse(here.world, back(original, amount=amount))
        assert (done.outcome, done.merchant_id) == ("unknown_money", PLATFORM)
        kept = await here.rows("SELECT outcome FROM reversals WHERE id = $1", done.id)
        assert kept == [{"outcome": "unknown_money"}]
        assert await here.faults() == []


async def test_money_that_arrives_after_its_reversal_goes_back_once(url: str) -> None:
    async with services_of(url) as here:
        merchant = await here.merchant()
        arriving = money(number(await here.batches.create(order(merchant.id))))
        assert (await reversals.reverse(here.world, back(arriving.reference))).outcome == "unknown_money"
        assert await reversals.reverse_overtaken(here.world) == 0
        assert (await here.batches.report(arriving)).outcome == "booked"
        done = await asyncio.gather(*(reversals.reverse_overtaken(here.world) for _ in range(4)))
        assert sum(done) == 1
        assert await owned(here, available(merchant.id)) == -PRICE
        assert (await kinds(here, merchant))[-1] == "charge.reversed"
        assert (await reversals.reverse(here.world, back(arriving.reference))).outcome == "reversed"
        assert await here.faults() == []
