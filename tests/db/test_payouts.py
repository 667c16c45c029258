"""Payouts in the database: what it refuses, who gets what is due, and that a list reads no more than it shows."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from asyncpg import CheckViolationError

from gerbang import ids
from gerbang.db import Database, Tx, changes, payouts
from gerbang.db.changes import WriteConflict
from gerbang.db.tables import PAYOUTS
from gerbang.domain.changes import Changes
from gerbang.domain.payouts import Destination, Payout, Search, State, completed, failed, sent
from tests.support.gateways import Databases
from tests.support.services import START

MERCHANT, OTHER = UUID(int=1), UUID(int=2)
SECOND = timedelta(seconds=1)
ROWS = 20_000
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def database(url: str) -> AsyncGenerator[Database]:
    opened = Database(url, 4)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


def payout(state: State = "pending", merchant_id: UUID = MERCHANT, at: datetime = START, **others: Any) -> Payout:
    made = Payout(
        id=ids.uuid7(at),
        merchant_id=merchant_id,
        product="v4-disbursements",
        reference=f"salary-{next(_serial)}",
        connection="simulator",
        amount=1_000_000,
        fee=388_500,
        vat=38_500,
        state="pending",
        destination=Destination("bank_transfer", "BRI", "0102030405", "John Doe"),
        description=None,
        created_at=at,
        updated_at=at,
    )
    made = made if state == "pending" else sent(made, "2434d944156e", "PROD ONLY", at, at)
    made = completed(made, at) if state == "completed" else made
    made = failed(made, "Account closed", at) if state == "failed" else made
    return msgspec.structs.replace(made, **others)


async def write(tx: Tx, *made: Payout) -> None:
    await changes.write(tx, Changes(new_payouts=list(made)), START)


@pytest.mark.parametrize("state", ["pending", "processing"])
async def test_a_payout_comes_back_as_it_was_written(url: str, state: State) -> None:
    made = payout(state, description="March")
    async with database(url) as db, db.transaction() as tx:
        await write(tx, made)
        for read in (payouts.by_id, payouts.locked):
            assert await read(tx, MERCHANT, made.id) == made
            assert await read(tx, UUID(int=2), made.id) is None, "another merchant's"
        ended = failed(sent(payout(reference=made.reference, id=made.id), "ref", "name", START, START), "closed", START)
        await changes.write(tx, Changes(payouts={ended.id: ended}), START)
        kept = await payouts.by_reference(tx, MERCHANT, made.reference)
        assert kept == msgspec.structs.replace(ended, description="March")


@pytest.mark.parametrize(
    ("what", "column", "value"),
    [
        ("a payout of nothing", "amount", 0),
        ("a fee of less than nothing", "fee", -1),
        ("a fee that is more tax than fee", "vat", 388_501),
        ("a state that does not exist", "state", "cancelled"),
        ("a pending payout that was sent", "sent_at", START),
        ("an open payout that has ended", "ended_at", START),
        ("an open payout that has failed", "failure_reason", "Account closed"),
        ("a payout under way that was never sent", "state", "processing"),
        ("a payout under way that was never sent and has ended", "state", "completed"),
        ("a failed payout without a reason", "state", "failed"),
    ],
)
async def test_what_cannot_be_true_of_a_payout_is_refused(url: str, what: str, column: str, value: object) -> None:
    made = payout()
    async with database(url) as db:
        async with db.transaction() as tx:
            await write(tx, made)
        with pytest.raises(CheckViolationError):
            async with db.transaction() as tx:
                await tx.execute(f"UPDATE payouts SET {column} = $2 WHERE id = $1", made.id, value)


async def test_a_merchants_reference_is_one_payout(url: str) -> None:
    first = payout()
    async with database(url) as db:
        async with db.transaction() as tx:
            await write(tx, first, payout(reference=first.reference, merchant_id=OTHER))
        with pytest.raises(WriteConflict, match="payouts_reference"):
            async with db.transaction() as tx:
                await write(tx, payout(reference=first.reference))


# Lists

SEARCHES: dict[str, tuple[Search, dict[str, Any]]] = {
    "newest first": (Search(), {}),
    "oldest first": (Search(newest_first=False), {}),
    "one state": (Search(state="failed"), {}),
    "one state, oldest first": (Search(state="failed", newest_first=False), {}),
    "a state that nothing is in": (Search(state="processing"), {}),
    "long ago": (Search(created_before=START + 100 * SECOND), {}),
    "of late, oldest first": (Search(created_after=START + (ROWS - 100) * SECOND, newest_first=False), {}),
    "one minute": (Search(created_after=START + 600 * SECOND, created_before=START + 660 * SECOND), {}),
    "after one in the middle": (Search(), {"after": ROWS // 2}),
    "after one in the middle, oldest first": (Search(newest_first=False), {"after": ROWS // 2}),
    "after one in the middle, one state": (Search(state="completed"), {"after": ROWS // 2}),
    "after one in the middle, made before it": (Search(created_before=START + 600 * SECOND), {"after": ROWS // 2}),
    "after one in the middle, made after it": (
        Search(created_after=START + 15_000 * SECOND, newest_first=False),
        {"after": ROWS // 2},
    ),
    "the third page": (Search(newest_first=False), {"skip": 20}),
    "after one that there is not": (Search(), {"after": -1}),
}


class Archive:
    """A database with many payouts of one merchant, two at each second instant."""

    def __init__(self, runner: asyncio.Runner, connection: Any) -> None:
        self.runner = runner
        self.connection = connection
        self.kept: list[Payout] = []

    async def fill(self) -> None:
        # Few have failed, so that a list of them would read many others without an index of its own.
        states: list[State] = ["failed" if n % 500 == 3 else "completed" for n in range(ROWS)]
        self.kept = [payout(state, at=START + n // 2 * 2 * SECOND) for n, state in enumerate(states)]
        sql, columns = PAYOUTS.inserted(self.kept)
        await self.connection.execute(sql, *columns)
        await self.connection.execute("VACUUM ANALYZE payouts")
        self.kept.sort(key=lambda each: (each.created_at, each.id))

    def expected(self, search: Search, *, after: int | None = None, skip: int = 0) -> list[Payout]:
        """The page as one would find it by reading everything."""
        found = [each for each in self.kept if search.finds(each)]
        if after is not None:
            from_ = self.kept[after]
            key = (from_.created_at, from_.id)
            newer = [each for each in found if (each.created_at, each.id) > key]
            found = [each for each in found if (each.created_at, each.id) < key] if search.newest_first else newer
        return (found[::-1] if search.newest_first else found)[skip : skip + 10]

    async def rows_read(self) -> int:
        """How many rows of the table were read up to now, by whatever way."""
        await self.connection.execute("SELECT pg_stat_force_next_flush()")
        read = await self.connection.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'payouts'"
        )
        through = await self.connection.fetchval(
            "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'payouts'"
        )
        return int(read + through)

    async def page(self, search: Search, *, after_id: UUID | None, skip: int) -> tuple[list[Payout], int]:
        """A page, and how many rows were read for it."""
        before = await self.rows_read()
        found = await payouts.page(self.connection, MERCHANT, search, after_id=after_id, skip=skip, most=10)
        return found, await self.rows_read() - before


@pytest.fixture(scope="module")
def full(databases: Databases) -> Iterator[Archive]:
    url = databases.fresh()
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        full = Archive(runner, connection)
        runner.run(full.fill())
        yield full
        runner.run(connection.close())


@pytest.mark.parametrize("what", SEARCHES)
def test_a_list_is_in_order_and_reads_hardly_more_than_it_shows(full: Archive, what: str) -> None:
    search, where = SEARCHES[what]
    after: int | None = where.get("after")
    skip: int = where.get("skip", 0)
    expected: list[Payout] = []
    after_id: UUID | None = UUID(int=99)
    if after != -1:
        expected = full.expected(search, after=after, skip=skip)
        after_id = None if after is None else full.kept[after].id
    # More than five times, so that the plan for whatever values may come is tried too.
    for _ in range(8):
        found, read = full.runner.run(full.page(search, after_id=after_id, skip=skip))
        assert found == expected
        assert read < 100
    assert expected or what in ("a state that nothing is in", "after one that there is not")


def test_pages_one_after_another_are_the_whole_list(full: Archive) -> None:
    async def walk(search: Search) -> list[UUID]:
        walked: list[UUID] = []
        after_id = None
        while True:
            found = await payouts.page(full.connection, MERCHANT, search, after_id=after_id, skip=0, most=1000)
            if not found:
                return walked
            walked += [each.id for each in found]
            after_id = found[-1].id

    for newest_first in (True, False):
        for state in (None, "failed"):
            search = Search(state=state, newest_first=newest_first)
            expected = [each.id for each in full.kept if search.finds(each)]
            assert full.runner.run(walk(search)) == (expected[::-1] if newest_first else expected)
