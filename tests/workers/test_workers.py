"""What happens later happens once, at its own time, and nobody holds up the others: workers by what they leave behind."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import pytest

from gerbang.api.v2_sessions.events import RETRY_SCHEDULE
from gerbang.db.deliveries import Listed
from gerbang.domain.deliveries import LEASE
from gerbang.domain.merchants import Merchant
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT
from gerbang.errors import Unavailable
from gerbang.services import deliveries
from gerbang.services.expiry import MOST_AT_ONCE, expire_due
from gerbang.services.merchants import set_callback
from gerbang.services.payments import FORGOTTEN_AT_ONCE, KEY_REMEMBERED
from gerbang.workers.deliveries import AT_ONCE_PER_ENDPOINT
from gerbang.workers.forgetting import forget
from tests.support.http_shop import PATIENCE_SECONDS, Story, TwoProcesses, paid, soon, soon_there, till, working
from tests.support.services import START, Services, connected, money, number, order, payment_id

SECOND = timedelta(seconds=1)
MINUTES = [timedelta(0), *itertools.accumulate(RETRY_SCHEDULE)]
"""When the seven tries are, counted from the news (payment-session reference, 7.1)."""


async def the_delivery(here: Services, merchant: Merchant) -> Listed:
    (only,) = await deliveries.newest(here.world, merchant.id, None, 10)
    return only


# Expiry


@pytest.mark.parametrize("many", [1, 40])
def test_an_expiry_is_written_and_told_once_however_many_workers_there_are(
    told: Callable[[Story], None], many: int
) -> None:
    async def story(processes: TwoProcesses) -> None:
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

    told(story)


def test_a_payment_ends_at_its_instant_and_not_when_a_worker_comes_by(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        await processes.one.create(await processes.one.merchant())
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT - SECOND)
        assert await expire_due(processes.one.world) == 0
        processes.one.clock.advance(timedelta(days=3))
        assert await expire_due(processes.one.world) == 1
        (event,) = await processes.one.rows("SELECT at FROM events WHERE kind = 'payment.expired'")
        assert event["at"] == START + EXPIRES_AFTER_DEFAULT

    told(story)


def test_what_has_no_end_or_has_ended_already_is_left_alone(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        merchant = await processes.one.merchant()
        await paid(processes.one, merchant)
        once = number(await processes.one.batches.create(order(merchant.id)))
        assert (await processes.one.batches.report(money(once))).outcome == "booked"
        before = await processes.one.rows("SELECT * FROM payments ORDER BY id")
        processes.one.clock.advance(timedelta(days=400))
        assert await expire_due(processes.one.world) == 0
        assert await processes.one.rows("SELECT * FROM payments ORDER BY id") == before

    told(story)


def test_more_than_fit_into_one_step_are_ended_by_the_next_ones(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        merchant = await processes.one.merchant()
        await asyncio.gather(*(processes.one.create(merchant) for _ in range(MOST_AT_ONCE + 1)))
        processes.one.clock.advance(EXPIRES_AFTER_DEFAULT)
        done = await processes.one.workers.catch_up()
        assert {what: count for what, count in done.items() if count} == {"expired": MOST_AT_ONCE + 1}
        processes.one.clock.advance(merchant.agreement.quarantine)
        done = await processes.one.workers.catch_up()
        assert {what: count for what, count in done.items() if count} == {"released": MOST_AT_ONCE + 1}
        assert await processes.one.rows("SELECT 1 FROM paycodes WHERE held") == []

    told(story)


# Settlement


def test_what_a_bank_settles_at_once_is_settled_by_whoever_works_and_the_shop_hears_of_it(
    told: Callable[[Story], None],
) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_, working(processes.one, processes.two):
            merchant = await processes.one.merchant()
            await set_callback(processes.one.world, merchant.id, "v4-payments", shop_.url)
            once = number(await processes.one.batches.create(order(merchant.id, product="v4-payments")))
            assert (await processes.two.batches.report(money(once))).outcome == "booked"
            await soon(lambda: len(shop_.heard) == 2)
        statuses = [msgspec.json.decode(body)["data"]["attributes"]["status"] for _, body in shop_.heard]
        assert sorted(statuses) == ["completed", "paid"]
        settled = await processes.one.rows("SELECT charges FROM settlements")
        assert settled == [{"charges": 1}]

    told(story)


# Claims


def test_what_a_dead_worker_had_claimed_comes_back_after_its_lease(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_:
            merchant = await processes.one.merchant(callbacks=shop_.url)
            await paid(processes.one, merchant)
            (claimed,) = await deliveries.claim(processes.one.world, 10)  # and this worker is never heard of again
            processes.one.clock.advance(LEASE - SECOND)
            assert (await processes.two.workers.catch_up())["sent"] == 0
            assert (await the_delivery(processes.two, merchant)).state == "waiting"
            processes.one.clock.advance(2 * SECOND)
            assert (await processes.two.workers.catch_up())["sent"] == 1
            assert shop_.heard == [(START + LEASE + SECOND, claimed.body)]
            delivery = await the_delivery(processes.two, merchant)
            assert (delivery.state, len(delivery.tries)) == ("delivered", 1)

    told(story)


def test_moving_the_clock_also_sends_what_a_dead_worker_had_claimed(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_:
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
            await deliveries.claim(processes.one.world, 10)
            await processes.two.workers.advance(START + timedelta(hours=1))
            assert shop_.times == [START + LEASE]
            assert processes.one.clock.now() == START + timedelta(hours=1)

    told(story)


def test_two_processes_that_send_at_once_send_everything_once(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_:
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url), times=60)
            done = await asyncio.gather(processes.one.workers.catch_up(), processes.two.workers.catch_up())
            assert sum(each["sent"] for each in done) == 60
            assert len({body for _, body in shop_.heard}) == len(shop_.heard) == 60

    told(story)


# Nobody holds up the others


def test_an_endpoint_that_never_answers_holds_up_nobody_else(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, is_open=False) as silent, till(processes.one) as lively:
            await paid(processes.one, await processes.one.merchant(callbacks=silent.url), times=100)
            await paid(processes.one, await processes.one.merchant(callbacks=lively.url), times=12)
            async with working(processes.one):
                await soon(lambda: len(lively.heard) == 12)
                await soon(lambda: silent.in_hand == AT_ONCE_PER_ENDPOINT)
                # While the silent one still says nothing, news for the other goes on.
                await paid(processes.one, await processes.one.merchant(callbacks=lively.url))
                await soon(lambda: len(lively.heard) == 13)
                assert silent.in_hand == len(silent.heard) == 8
                silent.open.set()
                await soon(lambda: len(silent.heard) == 100)
            assert silent.in_hand_most == 8
            assert len({body for _, body in silent.heard}) == 100, "each of them once"

    told(story)


def test_catching_up_sends_no_more_than_eight_at_once_to_one_endpoint(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, is_open=False) as slow:
            await paid(processes.one, await processes.one.merchant(callbacks=slow.url), times=30)
            catching_up = asyncio.create_task(processes.one.workers.catch_up())
            await soon(lambda: slow.in_hand == AT_ONCE_PER_ENDPOINT)
            slow.open.set()
            assert (await catching_up)["sent"] == 30
            assert (slow.in_hand_most, len(slow.heard)) == (8, 30)

    told(story)


# The ladder


def test_a_callback_that_nobody_takes_is_sent_seven_times_and_then_parked(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, *[500] * 7) as shop_:
            merchant = await processes.one.merchant(callbacks=shop_.url)
            await paid(processes.one, merchant)
            done = await processes.one.workers.advance(START + timedelta(days=30))
            assert done["sent"] == 7
            assert shop_.times == [START + wait for wait in MINUTES]
            assert len({body for _, body in shop_.heard}) == 1, "the same bytes every time"
            delivery = await the_delivery(processes.one, merchant)
            assert (delivery.state, delivery.next_at) == ("parked", None)
            assert [(one.number, one.at, one.status) for one in delivery.tries] == [
                (n, START + wait, 500) for n, wait in enumerate(MINUTES, 1)
            ]

    told(story)


def test_ladders_that_cross_each_other_are_climbed_in_the_order_of_time(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, *[503] * 21) as shop_:
            begun: list[datetime] = []
            for wait in (0, 200, 400):
                await processes.one.workers.advance(START + timedelta(seconds=wait))
                begun.append(processes.one.clock.now())
                await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
            await processes.one.workers.advance(START + timedelta(days=2))
            assert shop_.times == sorted(start + wait for start in begun for wait in MINUTES)

    told(story)


def test_a_callback_that_is_taken_in_the_end_is_not_sent_again(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, 0, 500, 429) as shop_:
            merchant = await processes.one.merchant(callbacks=shop_.url)
            await paid(processes.one, merchant)
            await processes.one.workers.advance(START + timedelta(days=30))
            assert shop_.times == [START + wait for wait in MINUTES[:4]]
            delivery = await the_delivery(processes.one, merchant)
            assert delivery.state == "delivered"
            assert [one.status for one in delivery.tries] == [None, 500, 429, 200]

    told(story)


def test_moving_the_clock_in_steps_is_the_same_as_at_once(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one, *[500] * 14) as shop_:
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
            await processes.one.workers.advance(START + timedelta(days=2))
            begun = processes.one.clock.now()
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url))
            for _ in range(12):
                await processes.two.workers.advance(processes.two.clock.now() + timedelta(hours=4))
            assert [at - START for at in shop_.times[:7]] == [at - begun for at in shop_.times[7:]] == MINUTES

    told(story)


# Trouble


def test_no_network_is_not_a_failure_the_news_waits(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as gone:
            pass
        merchant = await processes.one.merchant(callbacks=gone.url)
        await paid(processes.one, merchant)
        assert (await processes.one.workers.catch_up())["sent"] == 1
        delivery = await the_delivery(processes.one, merchant)
        assert (delivery.state, delivery.next_at) == ("waiting", START + RETRY_SCHEDULE[0])
        (attempt,) = delivery.tries
        assert attempt.status is None
        assert "refused" in attempt.error

        async with till(processes.one) as back:
            await set_callback(processes.one.world, merchant.id, "payment", back.url)
            await processes.one.workers.advance(START + RETRY_SCHEDULE[0])
            assert back.times == [START + RETRY_SCHEDULE[0]]
            assert (await the_delivery(processes.one, merchant)).state == "delivered"

    told(story)


def test_a_worker_that_loses_its_database_goes_on_when_it_is_back(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_, working(processes.one), connected(processes.url) as endpoints:
            merchant = await processes.two.merchant(callbacks=shop_.url)
            await endpoints.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not shop_.heard:
                    # A connection that was lost is noticed by whoever uses it first.
                    with suppress(Unavailable):
                        await paid(processes.two, merchant)
                    await asyncio.sleep(0.1)

    told(story)


def test_a_step_that_fails_is_taken_again_and_the_others_go_on(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_, connected(processes.url) as endpoints:
            merchant = await processes.one.merchant(callbacks=shop_.url)
            await paid(processes.one, merchant)
            await processes.one.create(merchant)
            processes.one.clock.advance(EXPIRES_AFTER_DEFAULT)
            await endpoints.execute("ALTER TABLE counters RENAME TO elsewhere")  # without which no expiry can be told
            async with working(processes.one):
                await soon(lambda: len(shop_.heard) == 1)
                await endpoints.execute("ALTER TABLE elsewhere RENAME TO counters")
                await soon_there(endpoints, "SELECT 1 FROM events WHERE kind = 'payment.expired'")

    told(story)


def test_what_was_sent_and_could_not_be_written_down_is_sent_again(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with till(processes.one) as shop_, connected(processes.url) as endpoints:
            merchant = await processes.one.merchant(callbacks=shop_.url)
            await paid(processes.one, merchant)
            await endpoints.execute("ALTER TABLE tries RENAME TO elsewhere")
            assert (await processes.one.workers.catch_up())["sent"] == 1
            await endpoints.execute("ALTER TABLE elsewhere RENAME TO tries")
            processes.one.clock.advance(LEASE)
            assert (await processes.one.workers.catch_up())["sent"] == 1
            first, second = shop_.heard
            assert first[1] == second[1], "whoever hears it twice can see that it is the same"
            assert (await the_delivery(processes.one, merchant)).state == "delivered"

    told(story)


# Forgetting


def test_answers_are_forgotten_after_their_day_and_the_payments_are_not(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        merchant = await processes.one.merchant()
        code_request = order(merchant.id, key="key-1", fingerprint=b"same")
        answer = await processes.one.batches.create(code_request)
        keys = "SELECT key FROM idempotency_keys"
        processes.one.clock.advance(KEY_REMEMBERED - SECOND)
        await processes.one.workers.catch_up()
        assert await processes.two.batches.create(code_request) == answer
        assert await processes.one.rows(keys) == [{"key": "key-1"}]
        processes.one.clock.advance(SECOND)
        await processes.one.workers.catch_up()
        assert await processes.one.rows(keys) == []
        assert [row["id"] for row in await processes.one.rows("SELECT id FROM payments")] == [payment_id(answer)]

    told(story)


def test_however_many_answers_are_left_they_are_forgotten_in_short_commands(told: Callable[[Story], None]) -> None:
    async def story(processes: TwoProcesses) -> None:
        async with processes.one.world.db.transaction() as tx:
            await tx.execute(
                """
                INSERT INTO idempotency_keys (merchant_id, key, fingerprint, answer, expires_at)
                SELECT gen_random_uuid(), n::text, '', '', $1 FROM generate_series(0, $2::integer) n
                """,
                START,
                FORGOTTEN_AT_ONCE,
            )
        assert await forget(processes.one.world) == FORGOTTEN_AT_ONCE
        assert await forget(processes.one.world) == 0
        assert await processes.one.rows("SELECT key FROM idempotency_keys") == []

    told(story)
