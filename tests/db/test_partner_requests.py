"""How requests to partners are kept: as they were written, and each in one pair of hands at a time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from asyncpg import CheckViolationError
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Database, Tx, changes, migrate, partner_requests
from gerbang.domain.changes import Changes
from gerbang.domain.partner_requests import Asked, CloseCode, OpenCode, PartnerRequest, SendMoney, declined, done, noted
from gerbang.domain.paycodes import CodePlan
from tests.support.gateways import Databases
from tests.support.services import START

SECOND = timedelta(seconds=1)
PLAN = CodePlan("virtual_account", "BCA", "Budi", 2_000_000, False, START)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def database(url: str) -> AsyncGenerator[Database]:
    opened = Database(url, 4)
    await opened.open()
    await migrate(opened)
    try:
        yield opened
    finally:
        await opened.close()


def request(asked: Asked | None = None, after: int = 0) -> PartnerRequest:
    """A request that is due so many seconds after the start."""
    at = START + after * SECOND
    made = noted(ids.uuid7(at), UUID(int=7), "simulator", "send", asked or SendMoney(), at)
    return replace(made, next_at=at)


async def write(tx: Tx, *made: PartnerRequest) -> None:
    await changes.write(tx, Changes(new_requests=list(made)), START)


@pytest.mark.parametrize(
    "asked",
    [
        OpenCode(uuid4(), PLAN, "12345678", uuid4(), START, "a key"),
        OpenCode(uuid4(), PLAN, "", None, START),
        CloseCode(uuid4(), "qris", None, "12345678", "their name"),
        SendMoney(),
    ],
)
async def test_a_request_comes_back_as_it_was_written(url: str, asked: Asked) -> None:
    made = request(asked)
    async with database(url) as db, db.transaction() as tx:
        await write(tx, made)
        assert await partner_requests.by_id(tx, [made.id]) == {made.id: made}
        for ended in (done(made, "their name", START + SECOND), declined(made, "closed", START + 2 * SECOND)):
            await changes.write(tx, Changes(requests={ended.id: ended}), START)
            assert await partner_requests.locked(tx, [made.id]) == {made.id: ended}


@pytest.mark.parametrize(
    ("what", "column", "value"),
    [
        ("an open request that nobody looks after", "next_at", None),
        ("a request that is done and due again", "state", "done"),
        ("an operation that does not exist", "operation", "guess"),
    ],
)
async def test_what_cannot_be_true_of_a_request_is_refused(url: str, what: str, column: str, value: object) -> None:
    made = request()
    async with database(url) as db:
        async with db.transaction() as tx:
            await write(tx, made)
        with pytest.raises(CheckViolationError):
            async with db.transaction() as tx:
                await tx.execute(f"UPDATE partner_requests SET {column} = $2 WHERE id = $1", made.id, value)


async def test_two_workers_claim_different_requests_and_each_for_a_while(databases: Databases) -> None:
    url = databases.fresh()
    async with database(url) as db:
        async with db.transaction() as tx:
            made = [request(after=n) for n in range(4)]
            await write(tx, *made)
            assert await partner_requests.next_due_at(tx, START - SECOND) == START
        now, later = START + 2 * SECOND, START + 60 * SECOND
        async with db.transaction() as one, db.transaction() as two:
            claimed = [replace(each, next_at=later) for each in made]
            assert await partner_requests.claim(one, now, later, 2) == claimed[:2]
            assert await partner_requests.claim(two, now, later, 2) == claimed[2:3]
        async with db.transaction() as tx:
            assert await partner_requests.claim(tx, now, later, 9) == []
            assert await partner_requests.next_due_at(tx, START - SECOND) == START + 3 * SECOND
            assert len(await partner_requests.claim(tx, later, later + SECOND, 9)) == 4
