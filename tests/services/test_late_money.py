"""Money that was not owed: held in suspense, credited, or sent back to its buyer, as it was agreed with the merchant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from gerbang.domain.agreements import misnamed
from gerbang.domain.customers import Customer, Destination, RefundPreference
from gerbang.domain.ledger import suspense
from gerbang.domain.merchants import Agreement, LatePolicy, Merchant
from gerbang.domain.reversals import Reversal
from gerbang.services import refunds, reversals
from tests.support.gateways import Databases
from tests.support.payouts import held
from tests.support.services import BRI, PRICE, Services, money, number, order
from tests.support.settling import two_processes_on

BUDI = Customer(
    email="budi@shop.example", refund_preference=RefundPreference("auto", Destination("014", "999966660001", "Budi"))
)
CLOSED = Customer(
    email="eka@shop.example", refund_preference=RefundPreference("auto", Destination("014", "999966660002", "Eka"))
)
NOBODY = Customer(email="nobody@shop.example")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def checked(url: str) -> AsyncGenerator[Services]:
    """A process; nothing of an earlier story is due, and at the end the records are right."""
    async with two_processes_on(url) as (here, _):
        async with here.world.db.transaction() as tx:
            later = here.clock.now() + timedelta(days=9999)
            await tx.execute("UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL", later)
        yield here
        assert await here.faults() == []


async def merchant_of(here: Services, **late_money: LatePolicy) -> Merchant:
    """A merchant with whom it was agreed what becomes of money that was not owed; two underscores stand for a slash."""
    merchant = await here.merchant()
    policies = {name.replace("__", "/"): policy for name, policy in late_money.items()}
    agreement = msgspec.structs.replace(merchant.agreement, late_money=policies)
    async with here.world.db.transaction() as tx:
        written = msgspec.json.encode(agreement).decode()
        await tx.execute("UPDATE merchants SET agreement = $2 WHERE id = $1", merchant.id, written)
    return merchant


async def paid_twice(here: Services, merchant: Merchant, customer: Customer = BUDI) -> str:
    """A payment that is paid, and once more; the bank's reference of what was not owed."""
    paid_to = number(await here.batches.create(order(merchant.id, method=BRI, customer=customer)))
    await here.batches.report(money(paid_to))
    once_more = money(paid_to)
    booked = [await here.batches.report(once_more) for _ in range(3)]  # a bank repeats itself
    assert {each.outcome for each in booked} == {"double"}
    assert len({each.id for each in booked}) == 1
    return once_more.reference


async def in_suspense(here: Services, merchant: Merchant) -> int:
    [row] = await here.rows(
        "SELECT coalesce(-sum(balance), 0)::bigint AS held FROM accounts WHERE name = $1", suspense(merchant.id)
    )
    return row["held"]


async def kinds(here: Services, merchant: Merchant) -> list[str]:
    rows = await here.rows(
        "SELECT kind FROM events WHERE merchant_id = $1 AND kind LIKE 'money.%' ORDER BY sequence", merchant.id
    )
    return [row["kind"].removeprefix("money.") for row in rows]


async def take_back(here: Services, reference: str) -> None:
    await reversals.reverse(here.world, Reversal("simulator", f"back {reference}", reference, PRICE))


async def test_without_an_agreement_it_is_held(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here)
        await paid_twice(here, merchant)
        assert (await in_suspense(here, merchant), await kinds(here, merchant)) == (PRICE, ["in_suspense"])
        assert await held(here, merchant) == (0, 0)


async def test_what_is_accepted_is_credited_whole_and_once(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account="accept")
        await paid_twice(here, merchant)
        assert (await in_suspense(here, merchant), await kinds(here, merchant)) == (0, ["in_suspense", "accepted"])
        assert await held(here, merchant) == (PRICE, 0)


async def test_the_outcome_counts_before_the_channel(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account="accept", virtual_account__double="hold")
        await paid_twice(here, merchant)
        paid_to = number(await here.batches.create(order(merchant.id, method=BRI)))
        assert (await here.batches.report(money(paid_to, amount=PRICE + 100))).outcome == "overpaid"
        assert await in_suspense(here, merchant) == PRICE
        assert await held(here, merchant) == (PRICE + 100, 0)


async def test_what_is_sent_back_goes_to_the_account_that_the_buyer_prefers(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account__double="refund")
        await paid_twice(here, merchant)
        assert (await in_suspense(here, merchant), (await held(here, merchant))[1]) == (0, PRICE)
        await here.workers.catch_up()
        assert (await in_suspense(here, merchant), (await held(here, merchant))[1]) == (0, 0)
        assert await kinds(here, merchant) == ["in_suspense", "refunded"]
        assert await refunds.page(here.world, merchant.id, None, page=1, per_page=10) == ([], 0)


@pytest.mark.parametrize("customer", [NOBODY, None])
async def test_without_an_account_it_is_held(url: str, customer: Customer | None) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account="refund")
        await paid_twice(here, merchant, customer or Customer())
        assert (await in_suspense(here, merchant), await kinds(here, merchant)) == (PRICE, ["in_suspense"])


async def test_what_does_not_arrive_is_held_again(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account="refund")
        reference = await paid_twice(here, merchant, CLOSED)
        await here.workers.catch_up()
        assert (await in_suspense(here, merchant), (await held(here, merchant))[1]) == (PRICE, 0)
        assert await kinds(here, merchant) == ["in_suspense", "refund_failed"]
        await take_back(here, reference)
        assert await in_suspense(here, merchant) == 0


@pytest.mark.parametrize("policy", ["accept", "refund"])
async def test_a_bank_that_takes_it_back_after_that_takes_it_from_the_merchant(url: str, policy: LatePolicy) -> None:
    async with checked(url) as here:
        merchant = await merchant_of(here, virtual_account=policy)
        reference = await paid_twice(here, merchant)
        await here.workers.catch_up()
        before, _ = await held(here, merchant)
        for _ in range(2):
            await take_back(here, reference)
        assert await held(here, merchant) == (before - PRICE, 0)
        assert await in_suspense(here, merchant) == 0


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("virtual_account", None),
        ("qris/late", None),
        ("cheque", "late_money.cheque names no channel: choose one of qris, virtual_account."),
        ("qris/booked", "late_money.qris/booked must name the channel alone, or one of late, double, overpaid, underpaid after it."),
    ],
)  # fmt: skip
def test_an_agreement_names_a_channel_and_an_outcome(name: str, sentence: str | None) -> None:
    known = {"qris": frozenset[str](), "virtual_account": frozenset({"BRI"})}
    assert misnamed(Agreement(late_money={name: "accept"}), known, {"payment"}) == sentence
