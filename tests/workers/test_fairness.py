"""Fairness among endpoints: neither endpoints that hang nor a long queue of one delay the callbacks of the others."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gerbang.db import deliveries as kept
from gerbang.domain.deliveries import LEASE
from gerbang.network import Answer, Network
from gerbang.services.deliveries import Places
from gerbang.workers.deliveries import (
    AT_ONCE_MAX,
    AT_ONCE_PER_ENDPOINT,
    AT_ONCE_SILENT_MAX,
    CLAIM_MAX,
    SILENCE_SECONDS,
    Sender,
)
from tests.support.http_shop import HttpShop, Start, paid, shop_server, soon, working
from tests.support.services import START, Services
from tests.support.shop_servers import OK, answering, flooding, shop

WATCHED_SECONDS = 0.3
"""How long a test waits to see that no more places are taken."""
LOT = 10_000
"""So many deliveries of an endpoint are written at once: a statement must end in time on slow machines too."""


async def crowd(here: Services, url: str, endpoints: int, due_each: int) -> None:
    """Makes `endpoints` endpoints at one URL, each with `due_each` due deliveries: copies of a real one.

    Their ids come before all others, so that they are served first. They are due whether or not a worker has taken the
    real one meanwhile.
    """
    first = await here.merchant(callbacks=url)
    await paid(here, first)
    made = await here.rows(
        """
        WITH ids AS (SELECT n, overlay(gen_random_uuid()::text PLACING '00000000' FROM 1)::uuid AS id FROM generate_series(1, $2) n),
        shops AS (
            INSERT INTO merchants SELECT ids.id, number + n, name, short_name, email, agreement, created_at
            FROM merchants m, ids WHERE m.id = $1
        )
        INSERT INTO endpoints SELECT ids.id, ids.id, product, url, kinds, api_key, signing_secret, created_at
        FROM endpoints e, ids WHERE e.merchant_id = $1 RETURNING id
        """,
        first.id,
        endpoints,
    )
    (real,) = await here.rows("SELECT id FROM deliveries WHERE merchant_id = $1", first.id)
    await here.rows(
        """
        INSERT INTO events (merchant_id, sequence, kind, at, payment_id, charge_id, snapshot)
        SELECT copies.id, sequence, kind, at, payment_id, charge_id, snapshot
        FROM events e, unnest($2::uuid[]) AS copies(id) WHERE e.merchant_id = $1
        """,
        first.id,
        [each["id"] for each in made],
    )
    for start in range(0, due_each, LOT):
        await here.rows(
            """
            INSERT INTO deliveries (id, merchant_id, sequence, endpoint_id, state, next_at, created_at)
            SELECT gen_random_uuid(), copies.id, sequence, copies.id, 'waiting', created_at, created_at
            FROM deliveries d, unnest($2::uuid[]) AS copies(id), generate_series(1, $3) WHERE d.id = $1
            """,
            real["id"],
            [each["id"] for each in made],
            min(LOT, due_each - start),
        )


async def hang_up(crowded: HttpShop) -> None:
    """Closes all open requests without an answer, after SILENCE_SECONDS. Later requests are left open again."""
    await asyncio.sleep(SILENCE_SECONDS + 0.1)
    crowded.statuses = [0] * crowded.in_hand
    crowded.open.set()
    crowded.open.clear()
    await soon(lambda: not crowded.statuses)


# Endpoints that hang


@pytest.mark.parametrize("many", [60, 250])
async def test_endpoints_that_hang_do_not_delay_callbacks_to_others(start: Start, many: int) -> None:
    async with (
        start() as processes,
        shop_server(processes.one, is_open=False) as hanging,
        shop_server(processes.one) as lively,
        working(processes.one),
    ):
        merchant = await processes.one.merchant(callbacks=lively.url)
        await crowd(processes.one, hanging.url, many, 20)
        await soon(lambda: hanging.in_hand >= max(many, AT_ONCE_MAX // 2))
        for nth in range(1, 6):
            await paid(processes.one, merchant)
            await soon(lambda nth=nth: len(lively.received) == nth)
        assert hanging.in_hand == len(hanging.received), "none of them has answered yet"
        assert hanging.in_hand_most < AT_ONCE_MAX * 3 // 4, "the others would have to wait for a place"


@pytest.mark.parametrize(
    ("beginning", "endlessly"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;x\r\ny\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    ],
)
async def test_endpoints_that_answer_without_end_do_not_delay_callbacks_to_others(
    start: Start, beginning: bytes, endlessly: bytes
) -> None:
    async with (
        start() as processes,
        shop(flooding(beginning, endlessly, [])) as port,
        shop_server(processes.one) as lively,
        working(processes.one),
    ):
        merchant = await processes.one.merchant(callbacks=lively.url)
        await crowd(processes.one, f"http://127.0.0.1:{port}/", 20, 5)
        for nth in range(1, 4):
            await paid(processes.one, merchant)
            await soon(lambda nth=nth: len(lively.received) == nth)


async def test_silent_endpoints_together_take_at_most_half_of_the_places(
    start: Start,
) -> None:
    async with (
        start() as processes,
        shop_server(processes.one, is_open=False) as hanging,
        shop_server(processes.one, is_open=False) as slow,
    ):
        await crowd(processes.one, hanging.url, 230, 6)
        async with working(processes.one):
            await soon(lambda: hanging.in_hand >= 230)
            await hang_up(hanging)
            # Some had more than one place before they were known to be silent; after the second time all are known.
            await soon(lambda: hanging.in_hand > AT_ONCE_SILENT_MAX - CLAIM_MAX)
            await hang_up(hanging)
            await soon(lambda: hanging.in_hand > AT_ONCE_SILENT_MAX - CLAIM_MAX)
            await asyncio.sleep(WATCHED_SECONDS)
            assert hanging.in_hand <= AT_ONCE_SILENT_MAX
            await crowd(processes.one, slow.url, 3, 20)
            await soon(lambda: slow.in_hand == 3 * AT_ONCE_PER_ENDPOINT + 1)


async def test_shops_that_hang_take_no_place_of_a_bank(start: Start) -> None:
    """A transfer that waited for a place would be taken for one that may have been sent."""

    async def post(network: Network, port: int) -> Answer:
        return await network.post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout_seconds=30)

    async with start() as processes, shop_server(processes.one, is_open=False) as hanging, shop(answering(OK)) as bank:
        world = processes.one.world
        (name,) = world.partners.names
        partner = world.partners.named(name)
        assert partner is not None
        posted = [
            asyncio.create_task(post(world.network, int(hanging.url.split(":")[2].split("/")[0])))
            for _ in range(AT_ONCE_MAX)
        ]
        await soon(lambda: hanging.in_hand == AT_ONCE_MAX)
        assert (await asyncio.wait_for(post(partner.link.network, bank), 5)).status == 200
        hanging.open.set()
        await asyncio.gather(*posted)


async def test_a_silent_endpoint_has_one_place_until_it_answers_again(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, is_open=False) as shop_:
        await paid(processes.one, await processes.one.merchant(callbacks=shop_.url), times=40)
        async with working(processes.one):
            await soon(lambda: shop_.in_hand == AT_ONCE_PER_ENDPOINT)
            await hang_up(shop_)
            await soon(lambda: len(shop_.received) == AT_ONCE_PER_ENDPOINT + 1)
            await asyncio.sleep(WATCHED_SECONDS)
            assert shop_.in_hand == 1
            shop_.open.set()
            shop_.open.clear()  # it answers one request
            await soon(lambda: shop_.in_hand == AT_ONCE_PER_ENDPOINT)


async def test_an_endpoint_that_refuses_at_once_is_not_silent(start: Start) -> None:
    async with start() as processes:
        async with shop_server(processes.one, *[0] * 8) as shop_:
            await paid(processes.one, await processes.one.merchant(callbacks=shop_.url), times=20)
            sender = Sender(processes.one.world, processes.one.batches)
            assert await sender.step() == AT_ONCE_PER_ENDPOINT
            await sender.idle()
            shop_.open.clear()
            assert await sender.step() == AT_ONCE_PER_ENDPOINT
            shop_.open.set()
            await sender.idle()
        tries = await processes.one.rows("SELECT status FROM tries")
        assert [one["status"] for one in tries].count(None) == 8


async def test_steps_at_the_same_time_use_each_place_once(start: Start) -> None:
    async with start() as processes, shop_server(processes.one, is_open=False) as slow:
        await paid(processes.one, await processes.one.merchant(callbacks=slow.url), times=20)
        sender = Sender(processes.one.world, processes.one.batches)
        assert sorted(await asyncio.gather(*(sender.step() for _ in range(3)))) == [0, 0, AT_ONCE_PER_ENDPOINT]
        slow.open.set()
        await sender.idle()


# Turns


async def test_every_endpoint_is_served_once_before_any_is_served_twice(start: Start) -> None:
    async with (
        start() as processes,
        shop_server(processes.one, is_open=False) as queued,
        shop_server(processes.one, is_open=False) as late,
    ):
        await crowd(processes.one, queued.url, 40, 50)
        processes.one.clock.advance(timedelta(hours=1))
        await paid(processes.one, await processes.one.merchant(callbacks=late.url))
        sender = Sender(processes.one.world, processes.one.batches)
        endpoints = 42
        served = [await sender.step() for _ in range(-(-endpoints // CLAIM_MAX))]
        assert served == [CLAIM_MAX] * 3
        waiting = "SELECT endpoint_id, count(*) FROM deliveries WHERE next_at > $1 GROUP BY 1"
        claimed = await processes.one.rows(waiting, processes.one.clock.now())
        assert len(claimed) == endpoints
        await soon(lambda: late.in_hand == 1)
        queued.open.set()
        late.open.set()
        await sender.idle()


async def test_a_claim_is_shared_among_endpoints_within_the_places_left_to_each(
    start: Start,
) -> None:
    async with start() as processes:
        await crowd(processes.one, "http://127.0.0.1:9/", 4, 50)
        ids = [row["id"] for row in await processes.one.rows("SELECT id FROM endpoints ORDER BY id LIMIT 4")]
        await processes.one.rows("DELETE FROM deliveries WHERE endpoint_id <> ALL($1)", ids)
        full, one_left, second_to_last, last = ids

        async def taken(places: Places) -> list[int]:
            async with processes.one.world.db.transaction() as tx:
                due = await kept.claim(tx, START, START + LEASE, 12, places, START)
            return [sum(each.endpoint_id == id_ for each in due) for id_ in ids]

        assert await taken(Places(8)) == [3, 3, 3, 3]
        assert await taken(Places(2)) == [2, 2, 2, 2]
        assert await taken(Places(8, {full: 0, one_left: 1})) == [0, 1, 4, 4]
        assert await taken(Places(0, {last: 5})) == [0, 0, 0, 5]
        assert await taken(Places(8, after=second_to_last)) == [3, 3, 3, 3]
        async with processes.one.world.db.transaction() as tx:
            (first,) = await kept.claim(tx, START, START + LEASE, 1, Places(8, after=second_to_last), START)
            (second,) = await kept.claim(tx, START, START + LEASE, 1, Places(8, after=last), START)
        assert [first.endpoint_id, second.endpoint_id] == [last, full]


async def test_two_processes_send_the_callbacks_of_many_endpoints_once(start: Start) -> None:
    async with start() as processes:
        async with shop_server(processes.one) as shop_:
            await crowd(processes.one, shop_.url, 40, 5)
            done = await asyncio.gather(processes.one.workers.catch_up(), processes.two.workers.catch_up())
            assert sum(each["sent"] for each in done) == len(shop_.received) == 201
        assert await processes.one.rows("SELECT DISTINCT state, tries FROM deliveries") == [
            {"state": "delivered", "tries": 1}
        ]


# Long queues


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


async def test_a_claim_does_not_read_the_queue_of_an_endpoint_that_is_down(start: Start) -> None:
    async with start() as processes:
        await crowd(processes.one, "http://127.0.0.1:9/", 1, 100_000)
        (down,) = await processes.one.rows("SELECT id FROM endpoints ORDER BY id LIMIT 1")
        processes.one.clock.advance(timedelta(hours=1))
        await paid(processes.one, await processes.one.merchant(callbacks="http://127.0.0.1:9/"), times=20)
        await processes.one.rows("ANALYZE deliveries")
        for places in (Places(8, {down["id"]: 0}), Places(8, {down["id"]: 1})):
            read, claimed = await _read_by_a_claim(processes.one, places)
            assert claimed >= 5
            assert read < 100


async def _read_by_a_claim(here: Services, places: Places) -> tuple[int, int]:
    """How many deliveries a claim reads, and how many it takes. The claim is rolled back."""
    queries: list[tuple[str, tuple[Any, ...]]] = []
    now = here.clock.now()
    async with here.world.db.reading() as tx:
        claim = tx.transaction()
        await claim.start()
        with tx.query_logger(lambda query: queries.append((query.query, query.args))):
            claimed = await kept.claim(tx, now, now + LEASE, CLAIM_MAX, places, now)
        await claim.rollback()
        *_, (query, values) = queries  # on a new connection, the library asks for types first
        claim = tx.transaction()
        await claim.start()
        plan = json.loads(await tx.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *values))[0]["Plan"]
        await claim.rollback()
    read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
        * node["Actual Loops"]
        for node in _nodes(plan)
        if node.get("Relation Name") == "deliveries" and "Scan" in node["Node Type"]
    )
    return read, len(claimed)
