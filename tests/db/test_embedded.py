"""The embedded PostgreSQL: made, kept, found again after a crash, private, and never two on one folder.

Each gateway here is a process of its own, so that it can be killed. When the tests run as root, they are done as root
and as an ordinary user as well.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from gerbang.db import embedded, server_programs
from tests.support.memory import new_folder

USERS = ("", "nobody") if os.geteuid() == 0 else ("",)
"""As whom the gateway runs: as whoever runs the tests, and where that is root, also as an ordinary user."""

GATEWAY = """
import asyncio, os, pwd, sys
from pathlib import Path
# All imports come first: the ordinary user may not be able to reach this Python's files.
import asyncpg
from gerbang.db import embedded

async def ask(url, query):
    connection = await asyncpg.connect(url, timeout=5)
    answer = await connection.fetchval(query)
    await connection.close()
    return answer

asyncio.run(asyncio.sleep(0))
data, user, major = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) or None
if user:
    entry = pwd.getpwnam(user)
    os.setgroups([]); os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)
try:
    with embedded.postgres(data, major=major) as url:
        print(url, flush=True)
        for query in sys.stdin:
            print(asyncio.run(ask(url, query)), flush=True)
except embedded.EmbeddedPostgresFailed as failed:
    sys.exit(str(failed))
"""


class Gateway:
    """A process that runs an embedded PostgreSQL on a folder and answers queries."""

    def __init__(self, data: Path, user: str = "", major: int = 0) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-c", GATEWAY, str(data), user, str(major)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._line()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ask(self, query: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(f"{query}\n")
        self.process.stdin.flush()
        return self._line()

    def refusal(self) -> str:
        """What a gateway that does not start says."""
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 1, said
        return said.strip()

    def stop(self) -> None:
        said = self.process.communicate(timeout=10)[1]
        assert self.process.returncode == 0, said

    def kill(self) -> None:
        """As the system kills when memory runs out: nothing is tidied up."""
        self.process.kill()
        self.process.communicate()

    @property
    def home(self) -> Path:
        return self.data / json.loads((self.data / "postgres.json").read_text())["home"]

    @property
    def server_pid(self) -> int:
        return int((self.home / "cluster" / "postmaster.pid").read_text().splitlines()[0])

    def __enter__(self) -> Self:
        assert self.url, self.refusal()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.stop()


def remove_with_database(data: Path) -> None:
    """Removes a data folder, and its database where that is kept elsewhere."""
    pointer = data / "postgres.json"
    if pointer.exists():
        home = data / json.loads(pointer.read_text())["home"]
        shutil.rmtree(home, ignore_errors=True)
        if home.parent != data:
            home.with_name(f"{home.name}.lock").unlink(missing_ok=True)
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def above() -> Iterator[Path]:
    """A short folder that every account can reach, and in which all can make theirs."""
    folder = new_folder("gerbang-test-")
    folder.chmod(0o777)
    yield folder
    for data in folder.iterdir():
        remove_with_database(data)
    shutil.rmtree(folder)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Path]:
    """A data folder below one that only its owner can enter, as a home often is."""
    tmp_path.chmod(0o700)
    data = tmp_path / "var"
    yield data
    remove_with_database(data)


def is_running(pid: int) -> bool:
    """Whether this process runs. One that has ended and waits for its parent does not."""
    listed = Path(f"/proc/{pid}/stat")
    if Path("/proc/self").exists():
        return listed.exists() and listed.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: int) -> bool:
    """Whether this process ends within two seconds."""
    for _ in range(200):
        if not is_running(pid):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("user", USERS)
def test_an_empty_folder_becomes_a_database_and_a_restart_keeps_it(above: Path, user: str) -> None:
    with Gateway(above / "var", user) as gateway:
        assert int(gateway.ask("SHOW server_version_num")) >= 150000
        assert gateway.ask("SELECT current_database() || ' ' || current_user") == "gerbang gerbang"
        assert gateway.ask("SHOW server_encoding") == "UTF8"
        gateway.ask("CREATE TABLE kept (amount bigint)")
        gateway.ask("INSERT INTO kept VALUES (10000)")
        server = gateway.server_pid
    assert ends(server), "PostgreSQL outlived a clean stop"
    with Gateway(above / "var", user) as gateway:
        assert gateway.ask("SELECT amount FROM kept") == "10000"


@pytest.mark.parametrize("user", USERS)
def test_after_a_kill_the_next_start_ends_what_was_left_and_loses_nothing(above: Path, user: str) -> None:
    with Gateway(above / "var", user) as gateway:
        gateway.ask("CREATE TABLE kept AS SELECT 10000 AS amount")
        orphan = gateway.server_pid
        gateway.kill()
    assert is_running(orphan), "there is nothing to recover from"
    with Gateway(above / "var", user) as gateway:
        assert not is_running(orphan)
        assert gateway.ask("SELECT amount FROM kept") == "10000"


@pytest.mark.parametrize("user", USERS)
def test_after_a_kill_of_everything_the_next_start_recovers(above: Path, user: str) -> None:
    with Gateway(above / "var", user) as gateway:
        gateway.ask("CREATE TABLE kept AS SELECT 10000 AS amount")
        server = gateway.server_pid
        gateway.kill()
        os.kill(server, signal.SIGKILL)
    assert ends(server)
    with Gateway(above / "var", user) as gateway:
        assert gateway.ask("SELECT amount FROM kept") == "10000"


@pytest.mark.parametrize("user", USERS)
def test_a_stale_process_id_that_is_a_strangers_by_now_is_no_obstacle_and_no_victim(above: Path, user: str) -> None:
    with Gateway(above / "var", user) as gateway:
        server, home = gateway.server_pid, gateway.home
        gateway.kill()
        os.kill(server, signal.SIGKILL)
    assert ends(server)
    owner = home.stat()
    switch = os.geteuid() == 0
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if switch else None) as stranger:
        stale = home / "cluster" / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *stale.read_text().splitlines()[1:], ""]))
        try:
            with Gateway(above / "var", user) as gateway:
                assert gateway.ask("SELECT 1") == "1"
            assert stranger.poll() is None, "a process that was not ours was ended"
        finally:
            stranger.kill()


@pytest.mark.parametrize("content", ["", "\n"])
def test_a_process_id_file_that_was_never_written_is_no_obstacle(above: Path, content: str) -> None:
    with Gateway(above / "var") as gateway:
        home = gateway.home
    (home / "cluster" / "postmaster.pid").write_text(content)
    with Gateway(above / "var") as gateway:
        assert gateway.ask("SELECT 1") == "1"


def test_a_database_that_was_left_half_made_is_made_again(above: Path) -> None:
    with Gateway(above / "var") as gateway:
        home = gateway.home
    (home / "cluster").rename(home / "cluster.1")
    (home / "cluster.1" / "PG_VERSION").unlink()
    with Gateway(above / "var") as gateway:
        assert gateway.ask("SELECT 1") == "1"
    assert [path.name for path in home.glob("cluster*")] == ["cluster"]


@pytest.mark.parametrize("user", USERS)
def test_a_second_gateway_on_one_folder_says_who_has_it_and_leaves(above: Path, user: str) -> None:
    with Gateway(above / "var", user) as first:
        said = Gateway(above / "var", user).refusal()
        assert said.startswith(f"Another gateway (process {first.process.pid}) is running on {above / 'var'}. ")
        assert "--data" in said
        assert first.ask("SELECT 1") == "1"


def test_two_folders_that_point_to_one_database_cannot_run_it_both(above: Path) -> None:
    home = above / "kept elsewhere" / "database"
    home.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
    for name in ("one", "two"):
        (above / name).mkdir()
        (above / name / "postgres.json").write_text(json.dumps({"home": str(home), "url": ""}))
    with Gateway(above / "one") as first:
        assert first.home == home
        assert f"Another gateway (process {first.process.pid})" in Gateway(above / "two").refusal()


def test_a_copy_of_a_folder_whose_database_is_kept_elsewhere_does_not_go_on_in_it(above: Path) -> None:
    home = above / "kept elsewhere" / "database"
    home.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
    one, two = above / "one", above / "two"
    one.mkdir()
    (one / "postgres.json").write_text(json.dumps({"home": str(home), "url": ""}))
    with Gateway(one) as first:
        assert first.ask("CREATE TABLE kept AS SELECT 7 AS it") == "None"
    shutil.copytree(one, two)
    said = Gateway(two).refusal()
    assert said.startswith(f"{two} is a copy of {one}, whose database is kept in {home} and was not copied with it.")
    shutil.rmtree(two)
    one.rename(two)
    with Gateway(two) as moved:
        assert moved.ask("SELECT it FROM kept") == "7"


@pytest.mark.parametrize("user", USERS)
def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_behind(above: Path, user: str) -> None:
    data = above / ("a long name with spaces, ümlauts, 'quotes' and \"more\" " * 3).strip() / "var"
    data.parent.mkdir()
    data.parent.chmod(0o777)
    assert len(os.fsencode(data)) > 107
    with Gateway(data, user) as gateway:
        assert gateway.ask("SELECT 1") == "1"
        sockets = Path(gateway.ask("SHOW unix_socket_directories").strip('"'))
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()
    remove_with_database(data)


def test_a_folder_that_nobody_else_can_enter_works_and_nothing_above_it_is_changed(private: Path) -> None:
    def seen() -> list[tuple[Path, int, int, int]]:
        return [(path, (at := path.stat()).st_mode, at.st_uid, at.st_gid) for path in private.parents]

    before = seen()
    with Gateway(private) as gateway:
        assert gateway.ask("SELECT 1") == "1"
        assert gateway.home.stat().st_mode & 0o777 == 0o700
        home = gateway.home
    assert seen() == before
    with Gateway(private) as gateway:
        assert gateway.home == home


def test_nobody_but_the_gateway_can_enter(above: Path) -> None:
    with Gateway(above / "var") as gateway:
        assert gateway.ask("SHOW listen_addresses") == ""
        rules = gateway.ask("SELECT string_agg(type || ' ' || auth_method, ',') FROM pg_hba_file_rules")
        assert rules == "local peer"
        assert gateway.home.stat().st_mode & 0o777 == 0o700


def test_writes_are_safe_when_the_power_fails(above: Path) -> None:
    with Gateway(above / "var") as gateway:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert gateway.ask(f"SHOW {setting}") == "on"


def test_a_database_of_another_version_is_refused_with_what_to_do(above: Path) -> None:
    with Gateway(above / "var") as gateway:
        home = gateway.home
    (home / "cluster" / "PG_VERSION").write_text("12\n")
    said = Gateway(above / "var").refusal()
    assert "PostgreSQL 12" in said
    assert "Install PostgreSQL 12, or choose another folder with --data." in said


@pytest.mark.parametrize("major", [16, 18])
def test_the_programs_of_the_wheel_work_and_a_folder_keeps_its_version(above: Path, major: int) -> None:
    with Gateway(above / "var", major=major) as gateway:
        assert int(gateway.ask("SHOW server_version_num")) // 10000 == major
    with Gateway(above / "var") as gateway:
        assert int(gateway.ask("SHOW server_version_num")) // 10000 == major


def test_programs_that_the_account_cannot_reach_are_copied_to_where_it_can(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    oldest = list(server_programs.wheel_folders())[-1].parent
    wheel = oldest.parent
    shutil.copytree(oldest, tmp_path / wheel.name / oldest.name, symlinks=True)
    if wheel.with_name(f"{wheel.name}.libs").exists():
        shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), tmp_path / f"{wheel.name}.libs")
    account = server_programs.account_of(None)
    unreachable = tmp_path / wheel.name / oldest.name / "bin"
    found = server_programs.programs_in(unreachable, account)
    assert found
    try:
        assert (found.folder == unreachable) is not account.is_other
        assert "PostgreSQL" in account.run([found.folder / "initdb", "--version"])
    finally:
        if account.is_other:
            shutil.rmtree(found.folder.parents[2])


def test_the_url_of_a_running_gateway_can_be_asked_for(above: Path) -> None:
    data = above / "var"
    assert embedded.running_url(data) is None
    with Gateway(data) as gateway:
        assert embedded.running_url(data) == gateway.url
    assert embedded.running_url(data) is None


@pytest.mark.parametrize("folder", ["above", "private"])
def test_a_database_that_is_not_to_be_kept_leaves_nothing(folder: str, request: pytest.FixtureRequest) -> None:
    given: Path = request.getfixturevalue(folder)
    data = given / "var"
    with embedded.postgres(data, keep=False, say=lambda _: None):
        home = data / json.loads((data / "postgres.json").read_text())["home"]
        assert home.exists()
    assert not home.exists()
    assert not home.with_name(f"{home.name}.lock").exists()
    assert {path.name for path in data.iterdir()} == {".gitignore", "gerbang.lock", "postgres.log"}


def test_a_database_that_is_another_accounts_says_whose_and_what_helps(above: Path) -> None:
    """As after a start by root on an ordinary user's folder."""
    data, user = above / "var", USERS[-1]
    own = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())

    def explained(home: Path, owner: str) -> None:
        assert Gateway(data, user).refusal() == (
            f"{home} belongs to {owner}, as is so after a start by root, and PostgreSQL runs as {own.pw_name} here. Start as "
            f"root, or let root give it to you (chown -R {own.pw_name} {home}), or choose another folder with --data."
        )

    data.mkdir()
    (data / "postgres.json").write_text(json.dumps({"home": "/etc"}))
    os.chown(data, own.pw_uid, own.pw_gid)
    explained(Path("/etc"), "root")
    (data / "postgres.json").unlink()
    if user:
        with Gateway(data) as roots:
            assert roots.ask("CREATE TABLE kept AS SELECT 7 AS it") == "None"
        explained(data / "postgres", (data / "postgres").owner())
        subprocess.run(["chown", "-R", user, data / "postgres"], check=True)
        with Gateway(data, user) as users:
            assert users.ask("SELECT it FROM kept") == "7"


def test_what_is_in_the_way_is_named(above: Path) -> None:
    (above / "file").write_text("")
    assert str(above / "file") in Gateway(above / "file" / "var").refusal()
    (above / "broken").mkdir()
    (above / "broken" / "postgres.json").write_text("{")
    assert "postgres.json" in Gateway(above / "broken").refusal()
    (above / "broken" / "postgres.json").unlink()
    (above / "gone").mkdir()
    (above / "gone" / "postgres.json").write_text(json.dumps({"home": str(above / "nowhere")}))
    assert "which is gone" in Gateway(above / "gone").refusal()
