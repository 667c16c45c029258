"""Connections to PostgreSQL, transactions and migrations. All SQL is in this package, one file for each noun.

A transaction locks the tables of ORDER in that order, and the rows of one table in the order of their keys, so that no two
transactions wait for each other in a circle. `changes.write` keeps it for all that it writes. A new row waits only for an
equal row that another transaction is about to commit; should two transactions deadlock over new rows, PostgreSQL ends one
of them, and it is tried again.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gerbang import network
from gerbang.db import _complaints
from gerbang.db._hosts import NEXT, Connection, Hosts
from gerbang.errors import Refused, Unavailable
from gerbang.logs import Seldom
from gerbang.settings import SettingsWrong

if TYPE_CHECKING:
    Tx = PoolConnectionProxy[asyncpg.Record]
else:
    Tx = PoolConnectionProxy
"""An open transaction, or a connection to read with."""

ORDER = (
    "statement_imports",
    "statement_lines",
    "findings",
    "reconciled_days",
    "idempotency_keys",
    "payments",
    "partner_requests",
    "payment_lookups",
    "charges",
    "paycodes",
    "customers",
    "stored_cards",
    "reports",
    "report_names",
    "bank_calls",
    "inquiries",
    "reversals",
    "settlements",
    "payouts",
    "refunds",
    "bulk_payouts",
    "account_inquiries",
    "withdrawals",
    "accounts",
    "counters",
)
"""The tables in the order in which a transaction locks or updates rows of several of them."""
CONNECTION_LOST = (*NEXT, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)
READ_ONLY = asyncpg.ReadOnlySQLTransactionError
CANNOT_NOW = (READ_ONLY, asyncpg.DiskFullError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
"""What PostgreSQL says when it is there and cannot do it now: 25006, 53100, 57014, 55P03."""
VERSION_MIN = 15
FIRST_MIGRATION = "0001_tables.sql"
OLDER_GERBANG = (
    "This database was made by an older Gerbang, whose tables cannot be brought to this version: start on an empty "
    "database, or with --data and a new folder. The old one was left as it is."
)
MIGRATION_LOCK = 7_003_241_501
MIGRATING_SECONDS_MAX = 60.0
PROMPTLY_SECONDS_MAX = 2.0
SESSION = {"timezone": "UTC", "jit": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}
"""Plans are kept, also those that were made when tables were empty or not counted yet (new, restored, upgraded). All that
is asked here has an index, so none of them may read a table from end to end. And where the first of many are asked for,
they are read in the order of that index, not all of them in order to be sorted.
"""
ACQUIRE_SECONDS_MAX = 10.0
DAYS_SECONDS_MAX = 300.0
"""All that moved on an account in some days is read by operators only, and of a busy account takes longer than any other statement."""
ROLL_BACK_SECONDS_MAX = 1.0
LISTENING_BEAT_SECONDS = 10.0


async def wait_as_for_writing(tx: Tx) -> None:
    """Makes the commit of a transaction that only reads wait as a writing one does, for all that it has read.

    A commit whose waiting for a standby was broken off can be read here, and may yet be lost with this server: an answer that
    is given again must be as durable as the commit that it repeats.
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
    """A pool of connections. Once it is open, it raises Unavailable wherever PostgreSQL cannot be reached, or cannot write.

    A process may find another server behind the same URL at any time, which lacks what was committed last. So nothing of
    what the database holds is remembered beside it, and every new connection is looked at by `recognise`.
    """

    recognise: Callable[[Tx], Awaitable[None]] | None = None
    """Raises Unavailable for a database that is not the one that was opened."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections
        self._hosts: Hosts | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._log = Seldom()
        self.connections_changed = 0
        """How often one was made or lost. What is remembered for a moment is forgotten then: it may be another server."""

    async def open(self) -> None:
        """Raises SettingsWrong for a database that cannot be reached, lets nobody in or is too old; it shows no password."""
        try:
            self._hosts = Hosts(self._url)
            self._pool = await asyncpg.create_pool(
                self._url,
                connect=self._connect,
                min_size=min(2, self._connections),
                max_size=self._connections,
                reset=_nothing_to_reset,
                connection_class=Connection,
                server_settings={"application_name": "gerbang", **SESSION},
            )
        except (*CONNECTION_LOST, asyncpg.PostgresError, ValueError) as failure:
            raise SettingsWrong(_complaints.of_opening(failure, self._url)) from failure
        async with self.reading() as connection:
            version = connection.get_server_version().major
        if version < VERSION_MIN:
            await self.close()
            raise SettingsWrong(_complaints.of_version(version, VERSION_MIN, self._url))

    async def _connect(self, dsn: str | None = None, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """A new connection of the pool, which gives the URL that it was made with."""
        assert self._hosts is not None, "the database is not open"
        connection = await self._hosts.connect(**how)
        self.connections_changed += 1
        if self.recognise is not None:
            try:
                await self.recognise(cast("Tx", connection))
            except BaseException as failure:
                connection.terminate()
                if isinstance(failure, asyncpg.PostgresError) and not isinstance(failure, CONNECTION_LOST):
                    raise _complaints.unavailable(failure, self._log) from failure
                raise
        return connection

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 3)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Tx]:
        """A connection without a transaction: each statement sees what is committed, and commits by itself what it writes."""
        assert self._pool is not None, "the database is not open"
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS_MAX)
        except CONNECTION_LOST as lost:
            raise _complaints.unavailable(lost, self._log) from lost
        try:
            yield connection
        except CANNOT_NOW as refused:
            if isinstance(refused, READ_ONLY):
                await self._pool.expire_connections()
            raise _complaints.unavailable(refused, self._log) from refused
        except CONNECTION_LOST as lost:
            # InterfaceError is the library's word for its caller's mistakes too: only a closed connection is a lost one.
            if isinstance(lost, asyncpg.InterfaceError) and not _is_closed(connection):
                raise
            # What happened to this one will have happened to all: each is made anew when it is next asked for.
            self.connections_changed += 1
            await self._pool.expire_connections()
            raise _complaints.unavailable(lost, self._log) from lost
        finally:
            with suppress(*CONNECTION_LOST):  # it is thrown away then
                await self._pool.release(connection, timeout=ROLL_BACK_SECONDS_MAX)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Everything inside is committed together, or not at all. The network is closed meanwhile.

        A refusal undoes it, and then waits as a commit does: "it is cancelled already" must stay true too.
        """
        async with self.reading() as connection:
            try:
                with network.forbidden("inside a database transaction"):
                    try:
                        await connection.execute("BEGIN")
                        yield connection
                    except BaseException:
                        try:
                            await connection.execute("ROLLBACK", timeout=ROLL_BACK_SECONDS_MAX)
                        except BaseException as failed:
                            connection.terminate()  # a server without its client rolls back by itself
                            if not isinstance(failed, CONNECTION_LOST):
                                raise
                        raise
                    await connection.execute("COMMIT")
            except Unavailable:
                raise
            except Refused:
                await wait_as_for_writing(connection)
                raise

    async def promptly(self, work: Callable[[Tx], Awaitable[None]]) -> None:
        """Does some work in a transaction of its own. Raises Unavailable when that takes longer than two seconds."""
        doing = asyncio.ensure_future(self._do(work))
        # It is left alone then, and not awaited: giving back a connection on which nothing comes takes longer.
        if not (await asyncio.wait([doing], timeout=PROMPTLY_SECONDS_MAX))[0]:
            doing.add_done_callback(lambda late: late.cancelled() or late.exception())
            doing.cancel()
            raise Unavailable(what="does not answer in time") from TimeoutError()
        doing.result()

    async def _do(self, work: Callable[[Tx], Awaitable[None]]) -> None:
        async with self.transaction() as tx:
            await work(tx)

    async def listen(
        self, channel: str, receive: Callable[[str], None], look: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        """Calls `receive` with the payload of every notification on a channel, until `stop` is set.

        The connection is made anew when it is lost. What was notified before that is not received: `look` finds out. It
        is stopped and not cancelled: an event loop on which the making of a connection was broken off never closes.
        """
        while not stop.is_set():
            with suppress(*CONNECTION_LOST, Unavailable):
                assert self._hosts is not None, "the database is not open"
                connection = await self._hosts.connect(server_settings={"application_name": "gerbang listening"})
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.add_listener(channel, lambda _c, _p, _n, payload: receive(str(payload)))
                    await look()
                    while not await _first_of(lost, stop, seconds=LISTENING_BEAT_SECONDS):
                        await connection.execute("SELECT 1")  # a server that is silent closes nothing
                finally:
                    await connection.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


def reason_of(gone: Unavailable) -> str:
    """Why nothing can be written, for the operator: it may name what merchants need not know."""
    return _complaints.of_work(gone.__cause__) or Unavailable().message


async def _first_of(*events: asyncio.Event, seconds: float) -> bool:
    """Waits for one of them; False if none came in time."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    happened, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=seconds)
    for each in waiting:
        each.cancel()
    return bool(happened)


@cache
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
            await tx.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK, timeout=MIGRATING_SECONDS_MAX)
            applied = await _migrated(tx)
            if then is not None:
                await then(tx)
    except (asyncpg.PostgresError, Unavailable) as refused:
        cause = refused.__cause__ if isinstance(refused, Unavailable) else refused
        if not isinstance(cause, asyncpg.PostgresError) or isinstance(cause, CONNECTION_LOST):
            raise
        raise SettingsWrong(_complaints.of_migrating(cause)) from refused
    return applied


async def _migrated(tx: Tx) -> list[str]:
    await tx.execute("CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL)")
    missing = await missing_migrations(tx)
    for number, name, sql in missing:
        await tx.execute(sql, timeout=MIGRATING_SECONDS_MAX)
        await tx.execute("INSERT INTO migrations (number, name) VALUES ($1, $2)", number, name)
    return [name for _, name, _ in missing]


async def missing_migrations(tx: Tx) -> list[tuple[int, str, str]]:
    """The migrations that a database lacks: number, name, SQL. Raises SettingsWrong for tables that cannot be brought here."""
    there = await tx.fetchval("SELECT to_regclass('migrations') IS NOT NULL")
    applied = await tx.fetch("SELECT number, name FROM migrations") if there else []
    known = {row["number"]: row["name"] for row in applied}
    if known.get(1, FIRST_MIGRATION) != FIRST_MIGRATION:
        raise SettingsWrong(OLDER_GERBANG)
    return [(number, name, sql) for number, name, sql in migrations() if number not in known]
