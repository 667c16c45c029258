"""Events of settlements: sent once, with what was true then, to whom it concerns, and each at its own time."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial

import msgspec
import pytest

from gerbang.domain.events import Snapshot
from gerbang.domain.payments import Method
from gerbang.services import deliveries, settlements
from gerbang.services.merchants import set_callback
from gerbang.services.settlements import settle_due
from tests.support.gateways import Databases
from tests.support.services import START, money, number, order
from tests.support.settling import AFTER_EID, BCA, BRI, Start, check_ledger, paid, two_processes_on

NOBODY = "http://127.0.0.1:9/"
"""Where nobody listens."""


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts two processes on an empty database."""
    return partial(two_processes_on, databases.fresh())


async def test_a_settlement_is_sent_once_with_what_was_true_then(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        charge_id = await paid(here, merchant)
        here.clock.move_to(AFTER_EID)
        await settle_due(here.world)
        ((_number, event),) = await deliveries.newest_events(here.world, merchant.id, 1)
        assert (event.kind, event.at, event.charge_id) == ("charge.settled", AFTER_EID, charge_id)
        assert event.payment_id is not None
        found = await here.read(merchant, event.payment_id)
        (kept,) = await here.rows("SELECT snapshot FROM events WHERE kind = 'charge.settled'")
        snapshot = msgspec.json.decode(kept["snapshot"], type=Snapshot)
        assert (snapshot.payment, [snapshot.charge]) == (found.payment, found.charges)
        assert found.charges[0].settled_at == AFTER_EID
        kinds = await here.rows("SELECT kind FROM events ORDER BY sequence")
        assert [row["kind"] for row in kinds] == ["payment.created", "payment.paid", "charge.settled"]


async def test_each_payment_is_sent_to_the_endpoint_of_its_product_and_to_no_other(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        for product in ("payment", "v4-payments", "v4-disbursements"):
            await set_callback(here.world, merchant.id, product, NOBODY)
        for product in ("payment", "v4-payments"):
            await paid(here, merchant, BRI, product=product)
        await settle_due(here.world)
        sent = await here.rows(
            """
            SELECT p.product AS of, n.product AS to, e.kind FROM deliveries d JOIN events e USING (merchant_id, sequence)
            JOIN payments p ON p.id = e.payment_id JOIN endpoints n ON n.id = d.endpoint_id ORDER BY d.sequence
            """
        )
        assert [tuple(row.values()) for row in sent] == [
            ("payment", "payment", "payment.paid"),
            ("v4-payments", "v4-payments", "payment.paid"),
            ("v4-payments", "v4-payments", "charge.settled"),  # the other dialect has no word for it
        ]


@pytest.mark.parametrize("made_under", ["payment", "v4-payments"])
async def test_money_in_suspense_is_reported_at_an_address_of_its_own_and_to_nobody_where_there_is_none(
    start: Start, made_under: str
) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        for product in ("payment", "v4-payments", "v4-disbursements"):
            await set_callback(here.world, merchant.id, product, NOBODY)
        paid_to = number(await here.batches.create(order(merchant.id, product=made_under)))
        sent = "SELECT product FROM deliveries JOIN endpoints ON endpoints.id = endpoint_id"
        assert (await here.batches.report(money(paid_to, amount=1))).outcome == "underpaid"
        assert await here.rows(sent) == []
        await set_callback(here.world, merchant.id, "money", NOBODY)
        assert (await here.batches.report(money(paid_to, amount=2))).outcome == "underpaid"
        assert await here.rows(sent) == [{"product": "money"}]


async def test_moving_the_clock_settles_each_charge_at_its_own_instant_in_order_with_the_callbacks(
    start: Start,
) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        await set_callback(here.world, merchant.id, "v4-payments", NOBODY)
        charge_id = await paid(here, merchant, BCA, product="v4-payments")
        retail = Method(channel="retail_outlet", option="ALFAMART")
        later = await paid(here, merchant, retail, product="v4-payments")
        done = await here.workers.advance(START + timedelta(days=30))
        assert done["settled"] == 2
        third_day = datetime(2025, 4, 10, 3, tzinfo=UTC)
        settled = await here.rows("SELECT id, settled_at FROM charges ORDER BY settled_at")
        assert [tuple(row.values()) for row in settled] == [(charge_id, AFTER_EID), (later, third_day)]

        tries = await here.rows(
            """
            SELECT e.kind, e.charge_id, e.at AS event_at, min(t.at) AS first_try_at, count(*) AS tries
            FROM events e JOIN deliveries d USING (merchant_id, sequence) JOIN tries t ON t.delivery_id = d.id
            GROUP BY e.sequence, e.kind, e.charge_id, e.at ORDER BY e.sequence
            """
        )
        assert [(row["kind"], row["event_at"], row["first_try_at"]) for row in tries] == [
            ("payment.paid", START, START),
            ("payment.paid", START, START),
            ("charge.settled", AFTER_EID, AFTER_EID),
            ("charge.settled", third_day, third_day),
        ]
        retry_schedule = len(here.world.products["v4-payments"].product.retry_schedule) + 1
        assert {row["tries"] for row in tries} == {retry_schedule}, "every try of every callback had its own time"
        await check_ledger(here)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "beside a process that works too"])
async def test_when_the_clock_has_moved_everything_that_was_due_is_settled(start: Start, shared: bool) -> None:
    async with start() as (one, two):
        merchant = await one.merchant()
        await asyncio.gather(*(paid(one, merchant, method) for method in (BRI, BCA) * 10))
        if shared:
            await asyncio.gather(*(each.workers.advance(AFTER_EID) for each in (one, two)))
        else:
            await one.workers.advance(AFTER_EID)
        counts = {day.settled_on: day.charges for day in await settlements.newest(one.world, merchant.id, 10)}
        assert counts == {date(2025, 3, 30): 10, date(2025, 4, 8): 10}
        await check_ledger(one)
