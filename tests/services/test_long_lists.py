"""Lists of payments about which merchants sent much: what is not shown is not gathered, and pages have an end."""

import tracemalloc
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details
from gerbang.errors import PageTooLong
from gerbang.services.payments import read, search
from gerbang.services.payments.search import Wanted
from tests.support.gateways import Databases
from tests.support.services import Services, services

MEGABYTE = 1_000_000


async def with_much(here: Services, merchant: Merchant, count: int) -> list[UUID]:
    """So many payments of the time when a megabyte could be sent with each, oldest first."""
    metadata = msgspec.Raw(msgspec.json.encode({"note": "long " * (MEGABYTE // 5)}))
    details = Details(metadata=metadata, description="Kopi", echo={"offset": "0"})
    made = [await here.create(merchant) for _ in range(count)]
    written = msgspec.json.encode(details).decode()
    async with here.world.db.transaction() as tx:
        await tx.execute("UPDATE payments SET details = $2 WHERE id = ANY($1::uuid[])", made, written)
    return made


async def test_a_list_gathers_no_more_than_it_shows(databases: Databases) -> None:
    url = databases.fresh()

    async with services(url) as here:
        merchant = await here.merchant()
        ids = await with_much(here, merchant, 16)
        tracemalloc.start()
        found = await search.page(here.world, merchant.id, Wanted(most=16), 1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [one.id for one in found] == ids[::-1]
    assert {(one.payment.details.description, one.payment.details.echo["offset"]) for one in found} == {("Kopi", "0")}
    assert peak < 6 * MEGABYTE


async def test_a_page_that_would_be_too_long_is_refused_and_a_shorter_one_is_not(databases: Databases) -> None:
    url = databases.fresh()

    async with services(url) as here:
        merchant = await here.merchant()
        ids = await with_much(here, merchant, 9)
        with pytest.raises(PageTooLong, match="ask for fewer payments"):
            await read.page_of(here.world, merchant.id, page=1, per_page=10)
        seen = [await read.page_of(here.world, merchant.id, page=page, per_page=4) for page in (1, 2, 3)]
    assert [found.payment.id for page, _ in seen for found in page] == ids[::-1]
    assert all(found.payment.details.metadata for page, _ in seen for found in page)


async def test_lists_are_read_from_a_database_that_only_reads(databases: Databases) -> None:
    url = databases.fresh()

    async with services(url) as here:
        merchant = await here.merchant()
        ids = [await here.create(merchant) for _ in range(4)]
        async with here.world.db.reading() as connection:
            await connection.execute("SET default_transaction_read_only = on")
        for page, newest in ((1, ids[:1:-1]), (2, ids[1::-1])):
            found = await search.page(here.world, merchant.id, Wanted(most=2), page)
            assert [one.id for one in found] == newest


async def test_old_page_positions_are_forgotten(databases: Databases) -> None:
    url = databases.fresh()

    async with services(url) as here:
        merchant = await here.merchant()
        await here.create(merchant)
        await search.page(here.world, merchant.id, Wanted(most=1), 1)
        await here.workers.catch_up()
        assert len(await here.rows("SELECT FROM page_positions")) == 1
        here.clock.advance(timedelta(minutes=11))
        await here.workers.catch_up()
        assert await here.rows("SELECT FROM page_positions") == []
