"""The workers do due work once and at its own time, and no endpoint or failed step delays the others."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from gerbang.api.v2_sessions.events import RETRY_SCHEDULE
from gerbang.db import Database, Tx
from gerbang.db.deliveries import Listed
from gerbang.domain.deliveries import LEASE, ON_ITS_WAY_MAX
from gerbang.domain.merchants import Merchant
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT
from gerbang.errors import Unavailable
from gerbang.services import deliveries
from gerbang.services.merchants import set_callback
from gerbang.services.payments.create import KEY_REMEMBERED
from gerbang.services.payments.end import MOST_AT_ONCE, expire_due
from gerbang.workers import Workers
from gerbang.workers.deliveries import AT_ONCE_PER_ENDPOINT
from gerbang.workers.forgetting import AT_ONCE, KINDS, forget
from gerbang.world import World
from tests.support.http_shop import PATIENCE_SECONDS, Start, paid, shop_server, soon, soon_there, working
from tests.support.services import START, Services, connected, money, number, order, payment_id

SECOND = timedelta(seconds=1)
TRY_OFFSETS = [timedelta(0), *itertools.accumulate(RETRY_SCHEDULE)]
"""The times of the seven tries, counted from the event (payment-session reference, 7.1)."""


async def only_delivery(here: Services, merchant: Merchant) -> Listed:
    (only,) = await deliveries.newest(here.world, merchant.id, None, 10)
    return only


class Losing(Database):
    """A database that is never reached; whoever waits for it does not learn that he was cancelled, as Python 3.11 may have it."""

    def __init__(self, begun: asyncio.Event) -> None:
        super().__init__("postgresql://nowhere", 1)
        self.begun = begun

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        self.begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        for connection in list[Tx]():
            yield connection
        raise Unavailable

    reading = transaction


async def test_workers_end_though_a_step_has_lost_that_it_was_cancelled(start: Start) -> None:
    """Two signals in a thousandth of a second left a process that went on for ever."""
    async with start() as processes:
        begun = asyncio.Event()
        world = replace(processes.one.world, db=Losing(begun))
        running = asyncio.create_task(Workers(world, processes.one.batches).run())
        await begun.wait()
        await asyncio.sleep(0.1)
        running.cancel()
        assert await asyncio.wait([running], timeout=20) == ({running}, set())


# Expiry


@pytest.mark.parametrize("many", [1, 40])
async def test_an_expiry_is_recorded_once_however_many_workers_run(start: Start, many: int) -> None:
    async with start() as processes:
        merchant = await processes.one.merchant()
        await asyncio.gather(*(processes.one.create(merchant) for _ in range(many)))
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT)
        ended = await asyncio.gather(*(expire_due(each.world) for each in (processes.one, processes.two) * 3))
        assert sum(ended) == many
        events = await processes.one.rows("SELECT payment_id, at FROM events WHERE kind = 'payment.expired'")
        assert len({event["payment_id"] for event in events}) == len(events) == many
        assert {event["at"] for event in events} == {START + EXPIRES_AFTER_DEFAULT}
        assert await processes.two.rows("SELECT DISTINCT state, updated_at FROM payments") == [
            {"state": "expired", "updated_at": START + EXPIRES_AFTER_DEFAULT}
        ]


async def test_a_payment_expires_at_its_expiry_time_and_not_when_a_worker_runs(start: Start) -> None:
    async with start() as processes:
        await processes.one.create(await processes.one.merchant())
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT - SECOND)
        assert await expire_due(processes.one.world) == 0
        processes.one.clock.advance(timedelta(days=3))
        assert await expire_due(processes.one.world) == 1
        (event,) = await processes.one.rows("SELECT at FROM events WHERE kind = 'payment.expired'")
        assert event["at"] == START + EXPIRES_AFTER_DEFAULT


async def test_payments_without_an_expiry_and_ended_payments_are_left_unchanged(start: Start) -> None:
    async with start() as processes:
        merchant = await processes.one.merchant()
        await paid(processes.one, merchant)
        once = number(await processes.one.batches.create(order(merchant.id)))
        assert (await processes.one.batches.report(money(once))).outcome == "booked"
        before = await processes.one.rows("SELECT * FROM payments ORDER BY id")
        processes.one.clock.advance(timedelta(days=400))
        assert await expire_due(processes.one.world) == 0
        assert await processes.one.rows("SELECT * FROM payments ORDER BY id") == before


async def test_more_expiries_than_fit_into_one_step_are_done_by_the_next_steps(start: Start) -> None:
    async with start() as processes:
        merchant = await processes.one.merchant()
        await asyncio.gather(*(processes.one.create(merchant) for _ in range(MOST_AT_ONCE + 1)))
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT)
        done = await processes.one.workers.catch_up()
        assert {what: count for what, count in done.items() if count} == {"expired": MOST_AT_ONCE + 1}
        processes.one.clock.advance(merchant.agreement.quarantine)
        done = await processes.one.workers.catch_up()
        assert {what: count for what, count in done.items() if count} == {"released": MOST_AT_ONCE + 1}
        assert await processes.one.rows("SELECT 1 FROM paycodes WHERE held") == []


# Settlement


async def test_money_that_settles_at_once_is_settled_by_any_worker_and_sent_as_a_callback(
    start: Start,
) -> None:
    async with start() as processes:
        async with shop_server(processes.one) as shop_, working(processes.one, processes.two):
            merchant = await processes.one.merchant()
            await set_callback(processes.one.world, merchant.id, "v4-payments", shop_.url)
            once = number(await processes.one.batches.create(order(merchant.id, product="v4-payments")))
            assert (await processes.two.batches.report(money(once))).outcome == "booked"
            await soon(lambda: len(shop_.received) == 2)
        statuses = [msgspec.json.decode(body)["data"]["attributes"]["status"] for _, body in shop_.received]
        assert sorted(statuses) == ["completed", "paid"]
        settled = await processes.one.rows("SELECT charges FROM settlements")
        assert settled == [{"charges": 1}]


# Claims


async def test_deliveries_claimed_by_a_dead_worker_are_sent_after_their_lease(start: Start) -> None:
    async with start() as processes, shop_server(processes.one) as shop_:
        merchant = await processes.one.merchant(callbacks=shop_.url)
        await paid(processes.one, merchant)
        (claimed,) = await deliveries.claim(processes.one.world, 10)  # and this worker dies
        processes.one.clock.advance(LEASE - SECOND)
        assert (await processes.two.workers.catch_up())["sent"] == 0
        assert (await only_delivery(processes.two, merchant)).state == "waiting"
        processes.one.clock.advance(2 * SECOND)
        assert (await processes.two.workers.catch_up())["sent"] == 1
        assert shop_.received == [(START + LEASE + SECOND, claimed.body)]
        delivery = await only_delivery(processes.two, merchant)
        assert (delivery.state, len(delivery.tries)) == ("delivered", 1)


async def test_moving_the_clock_also_sends_deliveries_claimed_by_a_dead_worker(start: Start) -> None:
    async with start() as processes, shop_server(processes.one) as shop_:
        await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
        await deliveries.claim(processes.one.world, 10)
        await processes.one.rows(
            "UPDATE deliveries SET in_hand_since = in_hand_since - $1::interval", ON_ITS_WAY_MAX - SECOND
        )
        await processes.two.workers.advance(START + timedelta(hours=1))
        assert shop_.times == [START + LEASE]
        assert processes.one.clock.now() == START + timedelta(hours=1)


@pytest.mark.fast
async def test_two_processes_that_send_at_the_same_time_send_every_delivery_once(start: Start) -> None:
    async with start() as processes, shop_server(processes.one) as shop_:
        await paid(processes.one, await processes.one.merchant(callbacks=shop_.url), times=60)
        done = await asyncio.gather(processes.one.workers.catch_up(), processes.two.workers.catch_up())
        assert sum(each["sent"] for each in done) == 60
        assert len({body for _, body in shop_.received}) == len(shop_.received) == 60


# Endpoints do not delay each other


async def test_an_endpoint_that_never_answers_does_not_delay_others(start: Start) -> None:
    async with (
        start() as processes,
        shop_server(processes.one, is_open=False) as silent,
        shop_server(processes.one) as lively,
    ):
        await paid(processes.one, await processes.one.merchant(callbacks=silent.url), times=100)
        await paid(processes.one, await processes.one.merchant(callbacks=lively.url), times=12)
        async with working(processes.one):
            await soon(lambda: len(lively.received) == 12)
            await soon(lambda: silent.in_hand == AT_ONCE_PER_ENDPOINT)
            # While one endpoint does not answer, the other still gets its callbacks.
            await paid(processes.one, await processes.one.merchant(callbacks=lively.url))
            await soon(lambda: len(lively.received) == 13)
            assert silent.in_hand == len(silent.received) == 8
            silent.open.set()
            await soon(lambda: len(silent.received) == 100)
        assert silent.in_hand_most == 8
        assert len({body for _, body in silent.received}) == 100, "each callback is sent once"


async def test_catching_up_sends_at_most_eight_deliveries_at_once_to_one_endpoint(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, is_open=False) as slow:
        await paid(processes.one, await processes.one.merchant(callbacks=slow.url), times=30)
        catching_up = asyncio.create_task(processes.one.workers.catch_up())
        await soon(lambda: slow.in_hand == AT_ONCE_PER_ENDPOINT)
        slow.open.set()
        assert (await catching_up)["sent"] == 30
        assert (slow.in_hand_most, len(slow.received)) == (8, 30)


# The retry schedule


async def test_a_callback_that_always_fails_is_sent_seven_times_and_then_parked(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, *[500] * 7) as shop_:
        merchant = await processes.one.merchant(callbacks=shop_.url)
        await paid(processes.one, merchant)
        done = await processes.one.workers.advance(START + timedelta(days=30))
        assert done["sent"] == 7
        assert shop_.times == [START + wait for wait in TRY_OFFSETS]
        assert len({body for _, body in shop_.received}) == 1, "the same bytes every time"
        delivery = await only_delivery(processes.one, merchant)
        assert (delivery.state, delivery.next_at) == ("parked", None)
        assert [(one.number, one.at, one.status) for one in delivery.tries] == [
            (n, START + wait, 500) for n, wait in enumerate(TRY_OFFSETS, 1)
        ]


async def test_overlapping_retry_schedules_are_followed_in_order_of_time(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, *[503] * 21) as shop_:
        begun: list[datetime] = []
        for wait in (0, 200, 400):
            await processes.one.workers.advance(START + timedelta(seconds=wait))
            begun.append(processes.one.clock.now())
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
        await processes.one.workers.advance(START + timedelta(days=2))
        assert shop_.times == sorted(start + wait for start in begun for wait in TRY_OFFSETS)


async def test_a_callback_that_is_accepted_at_last_is_not_sent_again(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, 0, 500, 429) as shop_:
        merchant = await processes.one.merchant(callbacks=shop_.url)
        await paid(processes.one, merchant)
        await processes.one.workers.advance(START + timedelta(days=30))
        assert shop_.times == [START + wait for wait in TRY_OFFSETS[:4]]
        delivery = await only_delivery(processes.one, merchant)
        assert delivery.state == "delivered"
        assert [one.status for one in delivery.tries] == [None, 500, 429, 200]


async def test_moving_the_clock_in_steps_has_the_same_result_as_moving_it_at_once(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, *[500] * 14) as shop_:
        await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
        await processes.one.workers.advance(START + timedelta(days=2))
        begun = processes.one.clock.now()
        await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
        for _ in range(12):
            await processes.two.workers.advance(processes.two.clock.now() + timedelta(hours=4))
        assert [at - START for at in shop_.times[:7]] == [at - begun for at in shop_.times[7:]] == TRY_OFFSETS


# Failures


async def test_a_refused_connection_is_retried_by_the_schedule(start: Start) -> None:
    async with start() as processes:
        async with shop_server(processes.one) as gone:
            pass
        merchant = await processes.one.merchant(callbacks=gone.url)
        await paid(processes.one, merchant)
        assert (await processes.one.workers.catch_up())["sent"] == 1
        delivery = await only_delivery(processes.one, merchant)
        assert (delivery.state, delivery.next_at) == ("waiting", START + RETRY_SCHEDULE[0])
        (attempt,) = delivery.tries
        assert attempt.status is None
        assert "refused" in attempt.error

        async with shop_server(processes.one) as back:
            await set_callback(processes.one.world, merchant.id, "payment", back.url)
            await processes.one.workers.advance(START + RETRY_SCHEDULE[0])
            assert back.times == [START + RETRY_SCHEDULE[0]]
            assert (await only_delivery(processes.one, merchant)).state == "delivered"


async def test_a_worker_that_loses_its_database_continues_when_it_is_back(start: Start) -> None:
    async with (
        start() as processes,
        shop_server(processes.one) as shop_,
        working(processes.one),
        connected(processes.url) as connection,
    ):
        merchant = await processes.two.merchant(callbacks=shop_.url)
        await connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not shop_.received:
                # The first use of a lost connection raises Unavailable.
                with suppress(Unavailable):
                    await paid(processes.two, merchant)
                await asyncio.sleep(0.1)


async def test_a_step_that_fails_is_repeated_and_the_other_steps_continue(start: Start) -> None:
    async with start() as processes, shop_server(processes.one) as shop_, connected(processes.url) as connection:
        merchant = await processes.one.merchant(callbacks=shop_.url)
        await paid(processes.one, merchant)
        await processes.one.create(merchant)
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT)
        await connection.execute("ALTER TABLE counters RENAME TO elsewhere")  # without it no expiry can be recorded
        async with working(processes.one):
            await soon(lambda: len(shop_.received) == 1)
            await connection.execute("ALTER TABLE elsewhere RENAME TO counters")
            await soon_there(connection, "SELECT 1 FROM events WHERE kind = 'payment.expired'")


async def test_a_delivery_whose_result_could_not_be_recorded_is_sent_again(start: Start) -> None:
    async with start() as processes, shop_server(processes.one) as shop_, connected(processes.url) as connection:
        merchant = await processes.one.merchant(callbacks=shop_.url)
        await paid(processes.one, merchant)
        await connection.execute("ALTER TABLE tries RENAME TO elsewhere")
        assert (await processes.one.workers.catch_up())["sent"] == 1
        await connection.execute("ALTER TABLE elsewhere RENAME TO tries")
        processes.one.clock.advance(LEASE)
        assert (await processes.one.workers.catch_up())["sent"] == 1
        first, second = shop_.received
        assert first[1] == second[1], "the receiver can see that it is the same callback"
        assert (await only_delivery(processes.one, merchant)).state == "delivered"


# Clean-up


async def test_kept_answers_are_deleted_after_a_day_and_the_payments_are_not(start: Start) -> None:
    async with start() as processes:
        merchant = await processes.one.merchant()
        new_payment = order(merchant.id, key="key-1", fingerprint=b"same")
        answer = await processes.one.batches.create(new_payment)
        keys = "SELECT key FROM idempotency_keys"
        processes.one.clock.advance(KEY_REMEMBERED - SECOND)
        await processes.one.workers.catch_up()
        assert await processes.two.batches.create(new_payment) == answer
        assert await processes.one.rows(keys) == [{"key": "key-1"}]
        processes.one.clock.advance(SECOND)
        await processes.one.workers.catch_up()
        assert await processes.one.rows(keys) == []
        assert [row["id"] for row in await processes.one.rows("SELECT id FROM payments")] == [payment_id(answer)]


OLD = {
    "idempotency_keys": """
        INSERT INTO idempotency_keys (merchant_id, key, fingerprint, answer, expires_at)
        SELECT gen_random_uuid(), n::text, '', '', $1 FROM generate_series(0, $2::integer) n
    """,
    "bank_calls": """
        INSERT INTO bank_calls SELECT $1::date, 'bank', 'payment', n::text, n::text FROM generate_series(0, $2::integer) n
    """,
    "inquiries": """
        INSERT INTO inquiries SELECT 'bank', 'inquiry', n::text, 'virtual_account', n::text, 0, '', 'refused', 'unknown_number',
                                     NULL, NULL, NULL, NULL, '', $1::timestamptz - interval '8 days' FROM generate_series(0, $2::integer) n
    """,
}
"""One row more than are deleted at once."""


@pytest.mark.parametrize("table", OLD)
async def test_what_is_old_is_deleted_in_batches_of_limited_size(start: Start, table: str) -> None:
    async with start() as processes:
        async with processes.one.world.db.transaction() as tx:
            await tx.execute(OLD[table], START, AT_ONCE)
        assert await forget(processes.one.world) == AT_ONCE
        assert await forget(processes.one.world) == 0
        assert await processes.one.rows(f"SELECT FROM {table}") == []


@pytest.mark.parametrize("failure", [Unavailable(), RuntimeError("a fault of ours")])
async def test_what_cannot_be_deleted_keeps_nothing_else_from_being_deleted(start: Start, failure: Exception) -> None:
    async def fails(world: World, most: int) -> int:
        raise failure

    async with start() as processes:
        async with processes.one.world.db.transaction() as tx:
            await tx.execute(OLD["idempotency_keys"], START, AT_ONCE)
        assert await forget(processes.one.world, {"another kind": fails, **KINDS}) == AT_ONCE


async def test_answers_to_inquiries_are_forgotten_after_days_and_those_to_payments_never(start: Start) -> None:
    async with start() as processes:
        async with processes.one.world.db.transaction() as tx:
            await tx.execute(
                """
                INSERT INTO inquiries SELECT 'bank', service, days::text, 'virtual_account', '1', 0, '', 'refused', 'unknown_number',
                                             NULL, NULL, NULL, NULL, '', $1::timestamptz - days * interval '1 day'
                FROM unnest(ARRAY['inquiry', 'payment']) service, generate_series(6, 8) days
                """,
                START,
            )
        await forget(processes.one.world)
        kept = await processes.one.rows("SELECT service, request_id FROM inquiries ORDER BY service, request_id")
        assert [(row["service"], row["request_id"]) for row in kept] == [
            ("inquiry", "6"),
            ("inquiry", "7"),
            *(("payment", days) for days in ("6", "7", "8")),
        ]
