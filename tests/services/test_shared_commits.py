"""Work that is due is bounded by bytes as well as by rows, and one that is broken holds up nobody else."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from structlog.testing import capture_logs

from gerbang.domain.merchants import Merchant
from gerbang.errors import Unavailable
from gerbang.logs import Seldom
from gerbang.services import audit, shared_commits
from gerbang.services.payments.end import expire_due
from gerbang.services.settlements import settle_due
from tests.support.gateways import Databases
from tests.support.services import Services, order
from tests.support.settling import BRI, Start, check_ledger, paid, two_processes_on

HEAVY = "jsonb_build_object('metadata', jsonb_build_object('note', repeat('x', 900000)))"


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts two processes on an empty database."""
    return partial(two_processes_on, databases.fresh())


async def unpaid(here: Services, merchant: Merchant, many: int) -> None:
    await asyncio.gather(*(here.batches.create(order(merchant.id)) for _ in range(many)))


async def test_one_commit_settles_no_more_than_fits_into_memory(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        await asyncio.gather(*(paid(here, merchant, BRI) for _ in range(5)))
        await here.rows(f"UPDATE payments SET details = {HEAVY}")
        assert [await settle_due(here.world) for _ in range(4)] == [2, 2, 1, 0]
        await check_ledger(here)


async def test_arrivals_of_one_heavy_payment_are_settled_a_few_at_a_time(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        await asyncio.gather(*(paid(here, merchant, BRI) for _ in range(3)))
        (first, *_others) = await here.rows("SELECT id FROM payments")
        await here.rows("UPDATE charges SET payment_id = $1", first["id"])
        await here.rows(f"UPDATE payments SET details = {HEAVY}")
        assert [await settle_due(here.world) for _ in range(3)] == [2, 1, 0]


async def test_one_commit_ends_no_more_payments_than_fit_into_memory(start: Start) -> None:
    async with start() as (here, _):
        await unpaid(here, await here.merchant(), 5)
        await here.rows(f"UPDATE payments SET details = {HEAVY}")
        here.clock.advance(timedelta(days=400))
        assert [await expire_due(here.world) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_payment_that_cannot_be_ended_holds_up_no_other(start: Start) -> None:
    async with start() as (here, _):
        await unpaid(here, await here.merchant(), 9)
        (broken, *_well) = await here.rows("SELECT id FROM payments ORDER BY expires_at, id")
        await here.rows("UPDATE payments SET details = '{\"redirect\": 3}' WHERE id = $1", broken["id"])
        here.clock.advance(timedelta(days=400))
        seldom = Seldom()
        with capture_logs() as lines:
            while await expire_due(here.world, seldom):
                pass
            await expire_due(here.world, seldom)
        assert [(line["log_level"], line["payments"]) for line in lines] == [("error", [str(broken["id"])])]
        left = await here.rows("SELECT id FROM payments WHERE state <> 'expired'")
        assert left == [broken]
        assert len(await here.rows("SELECT 1 FROM events WHERE kind = 'payment.expired'")) == 8
        here.clock.advance(timedelta(minutes=11))
        await unpaid(here, await here.merchant(), 1)
        (late,) = [found for found in await audit.look(here.world.db) if found.count]
        assert late.rule.startswith("a payment could not be ended")
        assert late.examples == [str(broken["id"])]


@pytest.mark.parametrize("broken", [0, 1, 499, 500, 777, 999])
def test_one_broken_thing_among_a_thousand_costs_few_commits(broken: int) -> None:
    left, tried, left_out = list(range(1000)), 0, list[int]()

    async def step(most: int) -> int:
        nonlocal tried
        tried += 1
        taken = left[:most]
        if broken in taken:
            raise ValueError
        del left[: len(taken)]
        return len(taken)

    async def leave_out(failure: Exception) -> bool:
        assert isinstance(failure, ValueError)
        left_out.append(left.pop(0))
        return True

    assert asyncio.run(shared_commits.take(1000, step, leave_out)) == 1000
    assert (left, left_out) == ([], [broken])
    assert tried < 50


def test_a_database_that_is_gone_is_no_reason_to_try_by_halves() -> None:
    tried = list[int]()

    async def step(most: int) -> int:
        tried.append(most)
        raise Unavailable

    async def leave_out(failure: Exception) -> bool:
        raise AssertionError

    with pytest.raises(Unavailable):
        asyncio.run(shared_commits.take(8, step, leave_out))
    assert tried == [8]
