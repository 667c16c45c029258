"""Transactions that are cancelled, also while they are being rolled back: nothing of them stays on a connection."""

import asyncio
import logging

import pytest

from tests.support.gateways import Databases
from tests.support.services import services


@pytest.mark.parametrize("pauses", range(6))
async def test_a_transaction_that_is_cancelled_twice_leaves_no_connection_in_it(
    databases: Databases, caplog: pytest.LogCaptureFixture, pauses: int
) -> None:
    async with services(databases.fresh()) as here:
        begun = asyncio.Event()

        async def work() -> None:
            async with here.world.db.transaction() as tx:
                await tx.execute("CREATE TABLE never_there (n int)")
                begun.set()
                await asyncio.Event().wait()

        working = asyncio.ensure_future(work())
        await begun.wait()
        working.cancel()
        for _ in range(pauses):
            await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        async with here.world.db.transaction() as tx:
            assert await tx.fetchval("SELECT to_regclass('never_there') IS NULL")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
