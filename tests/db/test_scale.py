"""The command that measures millions of payments (`python -m benchmarks.scale`), on a few thousand."""

import asyncio

import asyncpg
import pytest

from benchmarks import scale
from benchmarks.scale import Row
from gerbang.services.payments.search import STATES
from tests.support.gateways import Databases

pytestmark = pytest.mark.slow
COUNT = 6_000


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@pytest.fixture(scope="module")
def rows(url: str) -> list[Row]:
    return asyncio.run(scale.measured(url, COUNT, 1, lambda _: None))


def counted(url: str, query: str) -> int:
    async def ask() -> int:
        connection = await asyncpg.connect(url)
        found = await connection.fetchval(query)
        await connection.close()
        return found

    return asyncio.run(ask())


def test_every_list_and_every_worker_is_asked_and_listed_with_its_slowest_statement(rows: list[Row]) -> None:
    asked = {row.question for row in rows}
    for status in ("all", *STATES):
        assert f"v4 list, {status}: newest first" in asked
    for question in (
        "v2 list: page 1 of 100",
        "worker: let numbers go",
        "worker: claim 16 deliveries",
        "book a report",
    ):
        assert question in asked
    looked = {row.statement: row.plan.pages for row in rows if row.first > 0 and row.median > 0}
    assert all(looked[name] > 1 for name in ("lists.expired", "paycodes.release_due", "deliveries.claim"))
    table = scale.table_of(rows)
    assert {len(line) for line in table} == {len(table[0])}


def test_the_great_merchant_has_nine_tenths_and_nothing_is_counted(rows: list[Row], url: str) -> None:
    assert counted(url, "SELECT count(*) FROM payments") == COUNT + 1
    assert (
        counted(url, "SELECT max(count) FROM (SELECT count(*) FROM payments GROUP BY merchant_id) m") == 0.9 * COUNT + 1
    )
    assert counted(url, "SELECT count(*) FROM pg_statistic WHERE starelid = 'payments'::regclass") == 0


def test_what_questions_write_is_undone(rows: list[Row], url: str) -> None:
    assert counted(url, "SELECT count(*) FROM page_positions") == 0
    assert counted(url, "SELECT count(*) FROM payments WHERE reference LIKE 'a new order%'") == 0
    assert counted(url, "SELECT count(*) FROM reports WHERE reference LIKE 'new %'") == 0
