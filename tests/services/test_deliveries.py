"""Callbacks on their way: no callback holds up the others, none is lost in silence, and a late result overwrites nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import pytest
from msgspec.structs import replace

from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.deliveries import LEASE, Try
from gerbang.domain.events import Event, Kind, Snapshot
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method, State
from gerbang.services import deliveries
from gerbang.services.deliveries import NO_WORDS, OVERTAKEN, Due, Result
from gerbang.services.merchants import set_callback
from tests.support.gateways import Databases
from tests.support.services import PRICE, Services, money, number, order, payment_id, services

Start = Callable[[], AbstractAsyncContextManager[tuple[Services, Merchant]]]


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts a gateway on an empty database, with a merchant to whose endpoint nobody answers."""
    url = databases.fresh()

    @asynccontextmanager
    async def started() -> AsyncGenerator[tuple[Services, Merchant]]:
        async with services(url) as here:
            yield here, await here.merchant(callbacks="http://127.0.0.1:9/")

    return started


async def _paid(here: Services, merchant: Merchant) -> None:
    """A payment that was paid, of which a callback reports."""
    paid_to = number(await here.batches.create(order(merchant.id)))
    assert (await here.batches.report(money(paid_to))).outcome == "booked"


def _result(due: Due, at: timedelta, here: Services, status: int | None) -> Result:
    return Result(due, Try(due.tries + 1, here.clock.now() + at, status, 0.1))


async def test_an_event_without_a_body_is_parked_where_it_is_seen_and_holds_up_nothing(start: Start) -> None:
    async with start() as (here, merchant):
        for _ in range(3):
            await _paid(here, merchant)
        async with here.world.db.transaction() as tx:
            second = "SELECT sequence FROM deliveries ORDER BY sequence OFFSET 1 LIMIT 1"
            await tx.execute(f"UPDATE events SET snapshot = NULL WHERE sequence = ({second})")

        claimed = await deliveries.claim(here.world, 10)
        assert len(claimed) == 2
        assert all(due.body for due in claimed)
        assert await deliveries.claim(here.world, 10) == []
        (parked,) = await deliveries.newest(here.world, merchant.id, "parked", 10)
        assert [attempt.error for attempt in parked.tries] == [NO_WORDS]
        assert parked.sequence not in {due.sequence for due in claimed}

        # Once there are words for it again, it can be sent like any other.
        await deliveries.send_again(here.world, merchant.id, parked.id)
        assert (await deliveries.one(here.world, merchant.id, parked.id)).state == "waiting"


async def test_money_that_came_with_sen_is_reported_to_the_sen(start: Start) -> None:
    async with start() as (here, merchant):
        static = order(merchant.id, kind="static", amount=None, method=Method(channel="virtual_account", option="BRI"))
        paid_to = number(await here.batches.create(static))
        assert (await here.batches.report(money(paid_to, amount=1_999_999))).outcome == "booked"
        (due,) = await deliveries.claim(here.world, 10)
        assert due.body is not None
        assert b'"value":19999.99' in due.body


@pytest.mark.parametrize(("kind", "state"), [("payment.failed", "failed"), ("payment.cancelled", "cancelled")])
@pytest.mark.parametrize("before", ["never sent", "failed once", "taken, and asked for again"])
async def test_nothing_that_says_that_a_payment_is_not_paid_is_sent_once_it_is(
    start: Start, kind: Kind, state: State, before: str
) -> None:
    async with start() as (here, merchant):
        answer = await here.batches.create(order(merchant.id))
        payment = (await here.read(merchant, payment_id(answer))).payment
        async with here.world.db.transaction() as tx:
            snapshot = Snapshot(payment=replace(payment, state=state))
            event = Event(merchant.id, kind, here.clock.now(), payment.id, None, snapshot)
            await write(tx, Changes(events=[event]), here.clock.now())
        if before != "never sent":
            (due,) = await deliveries.claim(here.world, 10)
            status = 500 if before == "failed once" else 200
            await deliveries.record_all(here.world, [_result(due, timedelta(0), here, status)])
        assert (await here.batches.report(money(number(answer)))).outcome == "booked"
        (old,) = [each for each in await deliveries.newest(here.world, merchant.id, None, 10) if each.kind == kind]
        await deliveries.send_again(here.world, merchant.id, old.id)
        (due,) = await deliveries.claim(here.world, 10)
        assert due.event.kind == "payment.paid"
        old = await deliveries.one(here.world, merchant.id, old.id)
        assert (old.state, old.tries[-1].error) == ("given_up", OVERTAKEN)


async def test_money_in_suspense_is_reported_also_after_its_payment_is_paid(start: Start) -> None:
    async with start() as (here, merchant):
        await set_callback(here.world, merchant.id, "money", "http://127.0.0.1:9/")
        paid_to = number(await here.batches.create(order(merchant.id)))
        for amount, outcome in ((1, "underpaid"), (PRICE, "booked"), (PRICE, "double")):
            assert (await here.batches.report(money(paid_to, amount=amount))).outcome == outcome
        kinds = [(due.product, due.event.kind) for due in await deliveries.claim(here.world, 10)]
        assert kinds == [("money", "money.in_suspense"), ("payment", "payment.paid"), ("money", "money.in_suspense")]


async def test_every_try_sends_the_same_bytes(start: Start) -> None:
    async with start() as (here, merchant):
        await _paid(here, merchant)
        (first,) = await deliveries.claim(here.world, 10)
        here.clock.advance(LEASE)
        (second,) = await deliveries.claim(here.world, 10)
        assert (second.id, second.body) == (first.id, first.body)


@pytest.mark.parametrize("late_status", [500, 400])
async def test_a_try_that_outlasted_its_lease_does_not_undo_what_a_later_one_did(
    start: Start, late_status: int
) -> None:
    async with start() as (here, merchant):
        await _paid(here, merchant)
        (slow,) = await deliveries.claim(here.world, 10)
        here.clock.advance(LEASE)
        (quick,) = await deliveries.claim(here.world, 10)
        await deliveries.record_all(here.world, [_result(quick, timedelta(0), here, 200)])
        await deliveries.record_all(here.world, [_result(slow, timedelta(0), here, late_status)])
        delivery = await deliveries.one(here.world, merchant.id, quick.id)
        assert (delivery.state, delivery.next_at, len(delivery.tries)) == ("delivered", None, 1)


async def test_an_older_try_does_not_set_back_a_schedule_that_went_on(start: Start) -> None:
    async with start() as (here, merchant):
        await _paid(here, merchant)
        (slow,) = await deliveries.claim(here.world, 10)
        here.clock.advance(LEASE)
        (quick,) = await deliveries.claim(here.world, 10)
        await deliveries.record_all(here.world, [_result(quick, timedelta(0), here, 500)])
        again = (await deliveries.one(here.world, merchant.id, quick.id)).next_at
        await deliveries.record_all(here.world, [_result(slow, timedelta(hours=5), here, 500)])
        assert (await deliveries.one(here.world, merchant.id, quick.id)).next_at == again


async def test_two_who_claim_at_once_never_get_the_same(start: Start) -> None:
    async with start() as (here, merchant):
        for _ in range(12):
            await _paid(here, merchant)
        claims = await asyncio.gather(*(deliveries.claim(here.world, 3) for _ in range(4)))
        ids = [due.id for claim in claims for due in claim]
        assert len(set(ids)) == len(ids)
