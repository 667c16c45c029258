"""Two real PostgreSQL clusters on this machine, of which the second follows the first: to be killed, silenced and promoted."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from gerbang.db import Database, migrate
from gerbang.db.embedded import postgres
from gerbang.db.server_programs import Account, Programs, account_of, programs
from tests.support.programs import short_folder

OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",  # a killed process loses nothing by it, and no machine is switched off here
    "shared_buffers": "16MB",
    "max_connections": "100",  # as where the template was made: a standby with fewer does not start
    "wal_retrieve_retry_interval": "100ms",
    "jit": "off",
    "timezone": "UTC",
}
SECONDS_MAX = 30.0


def until(true: Callable[[], bool], what: str, seconds: float = SECONDS_MAX) -> None:
    """Waits until something has become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


@dataclass
class Cluster:
    """One cluster: its folder, which holds its socket too, and its process while it runs."""

    folder: Path
    account: Account
    programs: Programs
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://gerbang@/gerbang?host={quote(str(self.folder))}"

    def start(self) -> None:
        command: list[str | Path] = [self.programs.folder / "postgres", "-D", self.folder / "data"]
        for name, value in (OPTIONS | {"unix_socket_directories": str(self.folder)}).items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = self.account.start(command, log)
        until(self._takes_connections, f"PostgreSQL starts: {(self.folder / 'log').read_text(errors='replace')}")

    def _takes_connections(self) -> bool:
        with suppress(OSError, asyncpg.CannotConnectNowError):
            self.ask("SELECT 1")
            return True
        return False

    def stop(self) -> None:
        """Ends it in good order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(SECONDS_MAX)
            self.process = None

    def kill(self) -> None:
        """Ends all of it at once, also what is silenced, as when a machine dies."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait(SECONDS_MAX)
            self.process = None

    def silence(self) -> None:
        """It says nothing any more, and closes no connection."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        # Stopped first, the parent makes no further children, and stays the one by whom they are found.
        os.kill(self.process.pid, signal.SIGSTOP)
        for child in _children(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, number)
        os.kill(self.process.pid, number)

    def promote(self) -> None:
        assert self.ask("SELECT pg_promote(true, 30)") is True

    def ask(self, query: str, *arguments: object) -> Any:
        """One value, asked for over a connection of its own."""

        async def asked() -> Any:
            connection = await asyncpg.connect(self.url, timeout=10)
            try:
                return await connection.fetchval(query, *arguments)
            finally:
                await connection.close(timeout=2)

        return asyncio.run(asked())

    def set(self, name: str, value: str) -> None:
        """Changes a setting of the running cluster."""
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(folder.name))
    return found


@dataclass
class Pair:
    """A cluster and the one that follows it."""

    first: Cluster
    second: Cluster

    @property
    def url(self) -> str:
        """Both hosts, the first of them first."""
        folders = ",".join(quote(str(each.folder)) for each in (self.first, self.second))
        return f"postgresql://gerbang@/gerbang?host={folders}&target_session_attrs=read-write"

    def follow(self, *, synchronous: bool) -> None:
        """Waits until the second follows, and makes commits wait for it if they shall."""
        self.first.set("synchronous_standby_names", "second" if synchronous else "")
        state = "sync" if synchronous else "async"
        until(
            lambda: self.first.ask("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") == state,
            f"the second cluster follows, {state}",
        )
        self.catch_up()

    def catch_up(self) -> None:
        """Waits until the second has all that the first has."""
        position = self.first.ask("SELECT pg_current_wal_flush_lsn()::text")
        until(
            lambda: self.second.ask("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", position) is True,
            "the second cluster has caught up",
        )

    def part(self) -> None:
        """From now on the second receives nothing from the first."""
        self.second.set("primary_conninfo", "")
        until(lambda: self.first.ask("SELECT count(*) FROM pg_stat_replication") == 0, "the second no longer follows")

    def fail_over(self) -> None:
        """The first dies, and the second takes its place."""
        self.first.kill()
        self.second.promote()


@contextmanager
def made() -> Generator[Path]:
    """A data folder whose embedded PostgreSQL has all tables and does not run, to be copied: making one takes seconds."""
    with short_folder() as above:
        data = above / "made"
        with postgres(data, say=lambda _: None) as url:
            asyncio.run(_migrated(url))
        for name in ("gerbang.lock", "postgres.log"):
            (data / name).unlink()
        yield data


def copied(made: Path, data: Path) -> Path:
    """A data folder like the one that was made, for a gateway that starts there for the first time."""
    subprocess.run(["cp", "-a", f"{made}/.", data], check=True)
    return data


@contextmanager
def template(made: Path) -> Generator[Path]:
    """A folder with a cluster that has all tables and does not run, to make pairs of."""
    with short_folder() as above:
        subprocess.run(["cp", "-a", f"{made}/postgres/.", above / "template"], check=True)
        account = account_of((above / "template").stat().st_uid if os.geteuid() == 0 else None)
        entries = "local all all trust\nlocal replication all trust\n"
        account.shell('cd "$1"; mv cluster data; printf %s "$2" > data/pg_hba.conf', above / "template", entries)
        yield above / "template"


async def _migrated(url: str) -> None:
    database = Database(url, 2)
    await database.open()
    await migrate(database)
    await database.close()


@contextmanager
def pair(made: Path) -> Generator[Pair]:
    """Two clusters that run, both copies of the template; the second follows the first."""
    account = account_of(made.stat().st_uid if os.geteuid() == 0 else None)
    chosen = programs(account, None)
    with short_folder() as above:
        first, second = (Cluster(_home(above / name, account), account, chosen) for name in ("a", "b"))
        try:
            for each in (first, second):
                account.shell('cp -R "$1/data" "$2/data"', made, each.folder)
            first.start()
            follow = f"primary_conninfo = 'host={first.folder} user=gerbang application_name=second'\n"
            account.shell(
                'printf %s "$2" >> "$1/postgresql.auto.conf"; : > "$1/standby.signal"', second.folder / "data", follow
            )
            second.start()
            yield Pair(first, second)
        finally:
            for each in (first, second):
                each.kill()
                if account.is_other:
                    shutil.rmtree(each.folder, ignore_errors=True)


def _home(folder: Path, account: Account) -> Path:
    folder.mkdir(mode=0o700)
    if account.is_other:
        os.chown(folder, account.uid, account.gid)
    return folder
