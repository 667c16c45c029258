"""What is remembered: the way to PostgreSQL, and its transactions. All SQL is on this floor, one file for each noun.

Locks are taken in one order, so that transactions wait for each other but never in a circle: paycodes, idempotency keys,
payments, charges, reports, settlements, payouts, accounts by id, and last the tallies of merchants. Within one noun rows are taken in the order
of their keys.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gerbang import network
from gerbang.db import _complaints
from gerbang.errors import Refused, Unavailable
from gerbang.settings import SettingsWrong

if TYPE_CHECKING:
    Tx = PoolConnectionProxy[asyncpg.Record]
else:
    Tx = PoolConnectionProxy
"""An open transaction, or a connection to read with."""

CONNECTION_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the library says when the server takes its leave between two statements
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
VERSION_MIN = 15
MIGRATION_LOCK = 7_003_241_501
PING_SECONDS_MAX = 2.0
ACQUIRE_SECONDS_MAX = 10.0


async def wait_as_for_writing(tx: Tx) -> None:
    """Makes the commit of a transaction that only reads wait as a writing one does, for all that it has read.

    A commit whose waiting for a standby was broken off can be read here, and may yet be lost with this server: what
    repeats an earlier answer must not promise more than the answer did.
    """
    await tx.execute("SELECT pg_logical_emit_message(true, 'gerbang', '')")


def _is_closed(connection: Tx) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool has taken it back already, as it does with one that it saw closing


async def _nothing_to_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nobody sets anything in a session here, so a connection needs no round trip to forget it."""


class Database:
    """A pool of connections. Once it is open, it raises Unavailable wherever PostgreSQL cannot be reached."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Raises SettingsWrong for a database that cannot be reached, lets nobody in or is too old; it shows no password."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=min(2, self._connections),
                max_size=self._connections,
                timeout=ACQUIRE_SECONDS_MAX,
                command_timeout=60,
                reset=_nothing_to_reset,
                server_settings={"application_name": "gerbang", "timezone": "UTC", "jit": "off"},
            )
        except (*CONNECTION_LOST, asyncpg.PostgresError, ValueError) as failure:
            raise SettingsWrong(_complaints.of_opening(failure, self._url)) from failure
        async with self.reading() as connection:
            version = connection.get_server_version().major
        if version < VERSION_MIN:
            await self.close()
            raise SettingsWrong(_complaints.of_version(version, VERSION_MIN, self._url))

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 3)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Tx]:
        """A connection for single statements that only read."""
        assert self._pool is not None, "the database is not open"
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS_MAX)
        except CONNECTION_LOST as lost:
            raise Unavailable from lost
        try:
            yield connection
        except asyncpg.InterfaceError as failure:
            # The library's word for its caller's mistakes too: only a closed connection is a lost one.
            if not _is_closed(connection):
                raise
            raise Unavailable from failure
        except CONNECTION_LOST as lost:
            raise Unavailable from lost
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Everything inside is committed together, or not at all. The network is closed meanwhile.

        A refusal undoes it, and then waits as a commit does: "it is cancelled already" must stay true too.
        """
        async with self.reading() as connection:
            try:
                with network.forbidden("inside a database transaction"):
                    async with connection.transaction():
                        yield connection
            except Unavailable:
                raise
            except Refused:
                await wait_as_for_writing(connection)
                raise

    async def ping(self) -> None:
        """Raises Unavailable when PostgreSQL does not answer within two seconds."""
        asking = asyncio.ensure_future(self._ask())
        # It is left alone then, and not awaited: giving back a connection on which nothing comes takes much longer.
        if not (await asyncio.wait([asking], timeout=PING_SECONDS_MAX))[0]:
            asking.add_done_callback(lambda late: late.cancelled() or late.exception())
            asking.cancel()
            raise Unavailable
        asking.result()

    async def _ask(self) -> None:
        async with self.reading() as connection:
            await connection.fetchval("SELECT 1")

    async def listen(
        self, channel: str, hear: Callable[[str], None], look: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        """Calls `hear` with the payload of every notification on a channel, until it is told to stop.

        The connection is made anew when it is lost. What was said before it was made is not heard: `look` finds out. It
        is stopped and not cancelled: an event loop on which the making of a connection was broken off never closes.
        """
        while not stop.is_set():
            with suppress(*CONNECTION_LOST, Unavailable):
                connection = await asyncpg.connect(
                    self._url, timeout=ACQUIRE_SECONDS_MAX, server_settings={"application_name": "gerbang listening"}
                )
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.add_listener(channel, lambda _c, _p, _n, payload: hear(str(payload)))
                    await look()
                    await _first_of(lost, stop)
                finally:
                    await connection.close(timeout=1)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()


def migrations() -> list[tuple[int, str, str]]:
    """The migrations in order: number, name, SQL."""
    folder = resources.files("gerbang.db") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(f.name.split("_")[0]), f.name, f.read_text()) for f in files]


async def migrate(database: Database, then: Callable[[Tx], Awaitable[None]] | None = None) -> list[str]:
    """Brings the schema up to date and returns the names of what was applied. Any number of processes may try at once.

    `then` belongs to it: one process does it at a time, and when it refuses, nothing was changed. Raises SettingsWrong
    where PostgreSQL refuses.
    """
    try:
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            applied = await _migrated(tx)
            if then is not None:
                await then(tx)
    except asyncpg.PostgresError as refused:
        raise SettingsWrong(_complaints.of_migrating(refused)) from refused
    return applied


async def _migrated(tx: Tx) -> list[str]:
    await tx.execute("CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL)")
    known = {row["number"] for row in await tx.fetch("SELECT number FROM migrations")}
    missing = [(number, name, sql) for number, name, sql in migrations() if number not in known]
    for number, name, sql in missing:
        await tx.execute(sql)
        await tx.execute("INSERT INTO migrations (number, name) VALUES ($1, $2)", number, name)
    return [name for _, name, _ in missing]
