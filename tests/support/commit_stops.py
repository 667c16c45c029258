"""Stops a gateway or a simulated bank just before a chosen commit, from outside: by triggers in their databases."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

_LOCK = 471_100
"""The first key of the advisory locks; the second is a commit's number."""
_IN_POSTGRES = f"""
CREATE SCHEMA crash;
CREATE SEQUENCE crash.commits;
CREATE FUNCTION crash.commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') LIKE 'gerbang%'
       AND current_setting('crash.seen', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('crash.seen', pg_current_xact_id()::text, true);
        PERFORM pg_advisory_xact_lock_shared({_LOCK}, nextval('crash.commits')::integer);
    END IF;
    RETURN NULL;
END $$;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER crash AFTER INSERT OR UPDATE OR DELETE ON %I '
                       'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crash.commit()', name);
    END LOOP;
END $$;
"""
"""Each commit of the gateway that changes a row takes a number, and waits where somebody else holds its lock."""
_AT_WORK = "FROM pg_stat_activity WHERE application_name LIKE 'gerbang%' AND datname = current_database()"
_WAITING = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {_LOCK} AND NOT granted"


class GatewayCommits:
    """The commits of a gateway, counted, with one before which it stands."""

    def __init__(self, url: str) -> None:
        self._one_at_a_time = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._connection = self._run(asyncpg.connect(url))
        self._run(self._connection.execute(_IN_POSTGRES))
        self._stop: int | None = None

    def _run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def rows(self, query: str, *values: object) -> list[Any]:
        """What a query finds. Any thread may ask."""
        with self._one_at_a_time:
            return self._run(self._connection.fetch(query, *values))

    def arm(self, stop: int | None) -> None:
        """From now on commits are counted from 1, and that one waits."""
        self.let_go()
        self.rows("SELECT setval('crash.commits', 1, false)")
        if stop is not None:
            self.rows(f"SELECT pg_advisory_lock({_LOCK}, $1)", stop)
            self._stop = stop

    @property
    def count(self) -> int:
        """How many there were."""
        [[last, is_called]] = self.rows("SELECT last_value, is_called FROM crash.commits")
        return last if is_called else 0

    @property
    def held(self) -> bool:
        """Whether the gateway stands before the commit."""
        return self._stop is not None and bool(self.rows(_WAITING))

    def let_go(self) -> None:
        """Nothing waits any more."""
        if self._stop is not None:
            self.rows(f"SELECT pg_advisory_unlock({_LOCK}, $1)", self._stop)
            self._stop = None

    def after_the_kill(self, *, kept: bool) -> None:
        """The gateway is gone: the commit that it asked for is carried out, or its connection is lost before. Waits for that."""
        if not kept:
            self.rows(f"SELECT pg_terminate_backend(pid) FROM ({_WAITING}) AS waiting")
        self.let_go()
        end = time.monotonic() + 10
        while self.rows(f"SELECT pid {_AT_WORK}"):
            assert time.monotonic() < end, "a process of PostgreSQL still works for a gateway that is gone"
            time.sleep(0.005)

    def close(self) -> None:
        self._run(self._connection.close())
        self._loop.close()


_IN_SQLITE = """
CREATE TABLE crash (commits INTEGER NOT NULL, stop INTEGER NOT NULL);
INSERT INTO crash VALUES (0, 0);
CREATE VIEW crash_end AS WITH RECURSIVE n(i) AS (
    SELECT 1 UNION ALL SELECT 1 FROM n WHERE (SELECT commits = stop FROM crash)) SELECT i FROM n;
"""
"""The view has no end while the commit's number is that of the stop, so whoever reads it stands there until it is killed."""
_COUNTED = """
CREATE TRIGGER crash_{name} BEFORE {event} BEGIN
    UPDATE crash SET commits = commits + 1;
    SELECT count(*) FROM crash_end;
END;
"""
_LAST_ROWS = {
    "called": "INSERT ON external_ids",
    "kept": "INSERT ON records",
    "changed": "UPDATE ON records",
}
"""What the bank writes last in each of its transactions."""
_STANDS_SECONDS = 0.1
"""No transaction of the bank takes so long."""


class BankCommits:
    """The commits of a simulated bank, counted, with one before which it stands. The bank must have made its tables."""

    def __init__(self, file: Path) -> None:
        self._file, self._stop = file, 0
        self._since: float | None = None
        with self._open() as ledger:
            ledger.executescript(
                _IN_SQLITE + "".join(_COUNTED.format(name=name, event=event) for name, event in _LAST_ROWS.items())
            )

    @contextmanager
    def _open(self, seconds: float = 5.0) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=seconds)) as ledger:
            yield ledger

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds in the bank's ledger."""
        with self._open() as ledger:
            return ledger.execute(query, values).fetchall()

    def arm(self, stop: int | None) -> None:
        """From now on commits are counted from 1, and the bank stands before that one."""
        self._stop, self._since = stop or 0, None
        self.rows("UPDATE crash SET commits = 0, stop = ?", self._stop)

    @property
    def count(self) -> int:
        """How many there were."""
        [(commits,)] = self.rows("SELECT commits FROM crash")
        return commits

    @property
    def held(self) -> bool:
        """Whether the bank stands before the commit: it is inside a transaction, and stays there."""
        if not self._stop or self._may_write():
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > _STANDS_SECONDS

    def _may_write(self) -> bool:
        with self._open(0) as ledger:
            try:
                ledger.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            ledger.execute("ROLLBACK")
        return True
