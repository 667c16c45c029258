"""What is read for a day of a shop among many payments, with plans from when there were none and nothing was counted."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from gerbang.clock import MovableClock
from gerbang.db import charges, partner_requests, paycodes, payments
from gerbang.services.payments import search
from gerbang.services.payments.search import Wanted
from tests.db.test_queries import GROWING
from tests.support.days import a_day
from tests.support.gateways import Databases, Gateway
from tests.support.many_rows import gather

pytestmark = pytest.mark.slow
CROWD = 12_000
"""So many payments, and some hundred thousand rows."""
READ_MAX = 1_000
"""Entries of one index in one day: its lists show ten or twenty rows each, and a crowd would add thousands."""

YEAR = timedelta(days=366)
SUMMARIES = {"idempotency_keys_expiry"}
"""An index that says only in which part of a table to look, now and then and in the background."""


async def _count_nothing(url: str) -> None:
    """Lets PostgreSQL count nothing in this database, and keep every plan from its first use on."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        """
        DO $$ DECLARE t text; BEGIN
            EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
            FOR t IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
                EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
            END LOOP;
        END $$
        """
    )
    await connection.close()


class Town:
    """A gateway whose reading is counted."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self.gateway = gateway
        self.url = url

    def read(self) -> tuple[dict[str, int], dict[str, int]]:
        """So many rows were read from tables end to end, and so many entries from each index."""

        async def ask() -> tuple[dict[str, int], dict[str, int]]:
            db = self.gateway.services.world.db
            async with AsyncExitStack() as all_of_them:
                for _ in range(self.gateway.settings.database_connections):
                    connection = await all_of_them.enter_async_context(db.reading())
                    await connection.execute("SELECT pg_stat_force_next_flush()")
                    await connection.execute("SELECT 1")
            async with db.reading() as connection:
                tables = await connection.fetch("SELECT relname, seq_tup_read FROM pg_stat_user_tables")
                indexes = await connection.fetch("SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes")
            return dict(map(tuple, tables)), dict(map(tuple, indexes))

        return self.gateway.do(ask())


@pytest.fixture(scope="module")
def town(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    url = databases.fresh()
    asyncio.run(_count_nothing(url))
    with Gateway(url, tmp_path_factory.mktemp("town"), work=False) as gateway:
        a_day(gateway)

        async def come() -> None:
            async with gateway.services.world.db.transaction() as connection:
                await gather(connection, gateway.shop.merchant_id, CROWD)

        gateway.do(come())
        yield Town(gateway, url)


def test_a_day_reads_little_with_plans_from_when_there_was_nothing(town: Town) -> None:
    tables_before, indexes_before = town.read()
    a_day(town.gateway)
    tables, indexes = town.read()
    whole = {name: read - tables_before[name] for name, read in tables.items() if name in GROWING}
    assert {name: read for name, read in whole.items() if read} == {}
    much = {name: read - indexes_before[name] for name, read in indexes.items() if name not in SUMMARIES}
    assert {name: read for name, read in much.items() if read > READ_MAX} == {}


def test_workers_read_no_more_of_what_is_due_than_they_take(town: Town) -> None:
    world = town.gateway.services.world
    later = world.clock.now() + YEAR

    async def take(most: int) -> list[int]:
        async with world.db.reading() as tx:
            await tx.execute("BEGIN")
            taken = [
                len(await payments.due(tx, later, most)),
                len(await charges.to_settle(tx, later, most)),
                await paycodes.release_due(tx, later, most),
                len(await partner_requests.claim(tx, later, later + YEAR, most)),
            ]
            await tx.execute("ROLLBACK")
            return taken

    _, before = town.read()
    assert town.gateway.do(take(10)) == [10] * 4
    _, after = town.read()
    much = {name: read - before[name] for name, read in after.items()}
    assert {name: read for name, read in much.items() if read > 100} == {}


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("status", ["expired", "pending"])
def test_a_page_is_not_looked_for_in_all_that_has_ended_and_nobody_wrote_down(
    town: Town, status: str, newest_first: bool
) -> None:
    world = town.gateway.services.world
    later = replace(world, clock=MovableClock(world.clock.now() + YEAR, ticking=False))
    assert (
        town.gateway.rows("SELECT count(*) FROM payments WHERE expires_at < $1", later.clock.now())[0]["count"] > 3_000
    )
    _, before = town.read()
    wanted = Wanted(status=status, newest_first=newest_first)
    town.gateway.do(search.page(later, town.gateway.shop.merchant_id, wanted, 1))
    _, after = town.read()
    much = {name: read - before[name] for name, read in after.items()}
    assert {name: read for name, read in much.items() if read > READ_MAX + 1} == {}
