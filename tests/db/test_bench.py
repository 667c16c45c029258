"""When `make bench` (`python -m benchmarks`) fails, and what it sends; nothing is measured here."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from benchmarks import gateways, lists, models, paced, rows, sides, table
from benchmarks.cases import NEVER_ANALYSED
from benchmarks.dialects import V2, V4, WHOLE, Request
from benchmarks.meters import Load, Measured
from benchmarks.sides import WHO
from benchmarks.table import FLOORS, Results
from tests.support.gateways import Databases

KINDS = ("create", "get", "pay", "v4 create", "v4 pay", "whole create")
AGAINST_ITSELF = {
    "minted": ("minted in 50 ms", "minted at once"),
    "hot": ("create hot", "create evenly"),
    "repeats": ("create repeats", "create evenly"),
    "unanalysed": ("create unanalysed", "create analysed"),
    "get unanalysed": ("get unanalysed", "get analysed"),
    "stored": ("create many", "create few"),
}
INBOUND = {"inbound 25", "inbound 25 at half the rate", "pay beside inbound", "pgbench pay beside inbound"}
NAMES = {
    *(f"{kind} {who}" for kind in KINDS for who in WHO),
    *(name for pair in AGAINST_ITSELF.values() for name in pair),
    *INBOUND,
}


def measured(rate: float, app_us: float = 100) -> Measured:
    return Measured(rate, 1000, p50=1, p99=2, app_us=app_us, postgres_us=100, instrument_us=10)


def results(**rates: float) -> Results:
    """Rates that reach every floor, except those given by name."""
    made = Results(stored=1_000_000, unanalysed=100_000)
    fast = {"get ours": 200.0, "pay ours": 300.0}
    for name in sorted(NAMES):
        made.add(name, measured((fast | rates).get(name, 100), app_us=50 if name.endswith("ours") else 100))
    return made


def test_rates_that_reach_every_floor_are_a_success() -> None:
    assert {"hot", "repeats", "unanalysed", "get unanalysed", "whole create", "pay"} <= FLOORS.keys()
    floors = {ratio.name for ratio in table.ratios(results())}
    assert FLOORS.keys() <= floors, "every floor is measured"
    assert table.broken(results()) == []


@pytest.mark.parametrize("name", AGAINST_ITSELF)
def test_a_condition_that_costs_too_much_is_named(name: str) -> None:
    slow, _ = AGAINST_ITSELF[name]
    (label,) = [ratio.label for ratio in table.ratios(results()) if ratio.name == name]
    assert table.broken(results(**{slow: 50})) == [f"{label}: 0.50"]


def test_a_create_that_costs_more_processor_time_than_pgbench_is_named() -> None:
    made = results()
    made.rounds["create ours"] = [measured(100, app_us=300)]
    assert table.broken(made) == ["processor time of a create, everything together / pgbench's: 1.95"]


def test_a_bank_that_is_answered_too_slowly_is_named() -> None:
    assert table.broken(results(**{"inbound 25": 50})) == ["a bank's payment flags / pgbench's pays: 0.50"]
    made = results()
    made.rounds["inbound 25 at half the rate"] = [replace(measured(50), p99=60)]
    assert table.broken(made) == ["payment flags at half of their rate, p99 in ms: 60.0"]


async def test_requests_at_a_rate_are_sent_once_each_and_timed_from_when_they_are_due() -> None:
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readline():
            received.append(request)
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()
        over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    requests = [b"%d\n" % number for number in range(200)]
    found = await paced.measure(port, requests, rate=100, seconds=0.5, connections=1)
    await over.wait()
    server.close()
    assert received == requests[: found["requests"]]
    assert found["requests"] > 20
    assert (found["refused"], found["lost"]) == (0, 0)
    assert found["p99"] > 10 * 50_000, "one connection answers 20 a second, so most have waited for others"


def test_a_repeat_is_of_a_request_that_was_none() -> None:
    load = Load(V2.requests["create"], ["Bearer one"], repeats_every=10)
    assert (9 - load.repeats_back) % 10 == 8
    assert "every = 10, back = 101}" in load.lua()
    assert "every = 0" in Load(V2.requests["create"], ["Bearer one"]).lua()


def test_a_whole_body_keeps_its_country_and_has_a_customer_of_its_own() -> None:
    bodies = [json.loads(WHOLE.requests["create"].about(serial).body) for serial in ("1", "2")]
    assert [body["orderInformation"]["billingInfo"]["country"] for body in bodies] == ["ID", "ID"]
    assert [body["customer"]["email"] for body in bodies] == ["reforza-1@example.com", "reforza-2@example.com"]


def test_tables_that_were_analysed_lose_their_statistics(databases: Databases) -> None:
    async def counted() -> list[int]:
        db = await asyncpg.connect(databases.fresh())
        query = "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"
        await db.execute("ANALYZE")
        before = await db.fetchval(query)
        await db.execute(NEVER_ANALYSED)
        after = await db.fetchval(query)
        await db.close()
        return [before, after]

    before, after = asyncio.run(counted())
    assert before > 0
    assert after == 0


async def test_the_payments_that_are_stored_beforehand_fit_the_tables_and_are_listed(
    databases: Databases, tmp_path: Path
) -> None:
    """They are written as rows, with all that constraints ask for, and then read through the gateway."""
    url, count = databases.fresh(), 400
    shops = await gateways.take_in(url, sides.wanted(2))
    async with AsyncExitStack() as held:
        db = await gateways.connect(url)
        held.push_async_callback(db.close)
        gateway = held.enter_context(gateways.serving(url, tmp_path / "log"))
        await sides.line_up(db, shops, 2)
        schema = {name: each for name, each in (await rows.tables(db)).items() if name != "bench_merchants"}
        await sides.open_platform(db)
        model = await models.derive(db, schema, gateway, V4, shops[V4.named("model")][0])
        due = f"ours {V4.named('pay')}"
        await sides.open_accounts(db, model.paid, due)
        await sides.store(db, model.paid, due, lists.FIRST - count, count)
        (keys,) = shops[sides.LISTED]
        arrivals = await models.derive_arrivals(db, schema, gateway, V4, keys)
        middle = await lists.store(db, model, arrivals, count)
        for question in lists.questions(middle, count):
            asked = Request("GET", f"/api/v4/payments{question.query}").about(str(question.first))
            assert len(V4.ask(gateway, keys, asked)["data"]) == question.shows, question.name
