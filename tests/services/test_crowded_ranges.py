"""A range that is nearly used up: its last numbers are looked for within bounds, and nobody else waits meanwhile."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.channels.virtual_account import BankAgreement
from gerbang.domain.merchants import Agreement, Merchant, NumberRange, Offer
from gerbang.domain.payments import Method
from gerbang.services.payments import numbers
from gerbang.services.payments.confirm import Confirmation
from tests.support.agreements import bri_alone
from tests.support.gateways import Databases
from tests.support.services import BRI, START, Services, number, order, services, several


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


def one_lane(url: str) -> AbstractAsyncContextManager[Services]:
    """One process, whose creates and confirmations go through one lane."""
    return services(url, lanes=1)


def agreed(range_: NumberRange) -> Agreement:
    """BRI alone, with these numbers."""
    bank = BankAgreement(range_, f"{range_.prefix}9", 2, [(0, 4)])
    return bri_alone(bank)


@pytest.mark.parametrize("how", ["creating", "confirming"])
async def test_who_looks_for_a_number_in_a_crowded_range_keeps_nobody_waiting(url: str, how: str) -> None:
    async with one_lane(url) as here:
        range_ = NumberRange({"creating": "881", "confirming": "882"}[how], 2, 7, 7)
        merchant, other = await here.merchant(agreement=agreed(range_)), await here.merchant()
        held = number(await here.batches.create(order(merchant.id)))
        asked = [await here.create(each, method=None) for each in (merchant, other)]
        async with here.world.db.transaction() as tx:
            await tx.execute("UPDATE paycodes SET free_at = $1 WHERE number = $2", here.clock.now(), held)

        def wants(who: Merchant, payment: UUID) -> Awaitable[object]:
            if how == "creating":
                return here.batches.create(order(who.id))
            return here.batches.confirm(Confirmation(who.id, payment, BRI))

        async with here.world.db.transaction() as tx:
            # Its only number may be let go, and whoever looks for one waits for that.
            await tx.execute("SELECT FROM paycodes WHERE number = $1 FOR UPDATE", held)
            searching = asyncio.ensure_future(wants(merchant, asked[0]))
            waiting = 0
            while not waiting:
                waiting = await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
                await asyncio.sleep(0.005)
            await asyncio.wait_for(wants(other, asked[1]), 5)
            assert not searching.done()
        await searching
        rows = await here.rows("SELECT held FROM paycodes WHERE number = $1 ORDER BY held", held)
        assert [row["held"] for row in rows] == [False, True]


@given(st.integers(1, 40_000), st.integers(0, 10_000))
def test_however_large_a_range_no_more_than_ten_thousand_of_its_numbers_are_looked_at(size: int, first: int) -> None:
    range_ = NumberRange("1", 6, first, first + size - 1)
    looked_at = [n for window in numbers.windows(range_) for n in range(window.first, window.end + 1)]
    assert len(looked_at) == len(set(looked_at)) <= 10_000
    assert set(looked_at) <= set(range(first, first + size))
    if size <= 10_000:
        assert len(looked_at) == size, "of a small range all of them"


async def test_a_range_that_is_nearly_full_gives_its_last_numbers_without_being_read_whole(url: str) -> None:
    async with one_lane(url) as here:
        range_ = NumberRange("883", 6, 0, 49_999)
        merchant = await here.merchant(agreement=agreed(range_))
        async with here.world.db.transaction() as tx:
            await tx.execute(
                """
                INSERT INTO paycodes (connection, channel, number, merchant_id, payment_id, static, created_at)
                SELECT 'simulator', 'virtual_account', '883' || lpad(n::text, 6, '0'), $1, $1, false, $2
                FROM generate_series(0, 49999) n WHERE n % 1000 <> 7
                """,
                merchant.id,
                START,
            )
        answers = await several(*(here.batches.create(order(merchant.id)) for _ in range(8)))
        given = {number(answer) for answer in answers if isinstance(answer, bytes)}
        assert len(given) == 8 and all(each.endswith("007") for each in given)


@pytest.mark.parametrize("method", [BRI, Method("retail_outlet", "ALFAMART")], ids=["an account", "an outlet"])
async def test_a_merchant_has_an_eighth_of_the_numbers_that_it_shares_with_all_others(url: str, method: Method) -> None:
    async with one_lane(url) as here:
        parts: set[tuple[int, int]] = set()
        for _ in range(3):
            merchant = await here.merchant()
            payment = (await here.read(merchant, await here.create(merchant))).payment
            code_plan = here.world.channels[method.channel].plan(
                replace(payment, method=method), Offer(merchant), START
            )
            assert code_plan.range is not None
            digits = code_plan.range.digits
            whole = 10**digits - (10 ** (digits - 1) if method.channel == "retail_outlet" else 0)
            assert code_plan.range.size == whole // 8
            parts.add((code_plan.range.first, code_plan.range.end))
        assert len(parts) == 3, "each has its own"
