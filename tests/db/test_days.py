"""The days of a busy account are read however long that takes, where no other statement may."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, cast

import asyncpg
import pytest

from gerbang.db import Tx, movements, statements
from tests.support.gateways import Databases
from tests.support.services import START

DAY = date(2025, 3, 30)
Read = Callable[[Any, list[str], datetime, datetime], Awaitable[Any]]
TABLES = "reports, reversals, payouts, partner_requests, statement_lines, partner_list_lines"


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def lines(tx: Tx, connections: list[str], _since: datetime, _until: datetime) -> object:
    return await statements.lines(tx, connections, DAY, DAY)


async def listed(tx: Tx, connections: list[str], _since: datetime, _until: datetime) -> object:
    return await statements.listed(tx, connections, DAY, DAY)


@pytest.mark.parametrize(
    "read",
    [movements.arrived, movements.taken_back, movements.sent, movements.returned, movements.unknown, lines, listed],
)
async def test_days_may_take_longer_than_a_statement_usually_does(url: str, read: Read) -> None:
    slow, other = await asyncpg.connect(url, command_timeout=0.2), await asyncpg.connect(url)
    try:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(f"LOCK TABLE {TABLES} IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.ensure_future(read(cast("Tx", slow), ["bank"], START, START))
        await asyncio.sleep(0.5)
        await transaction.rollback()
        assert not await reading
    finally:
        await asyncio.gather(slow.close(), other.close())
