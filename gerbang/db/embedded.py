"""A PostgreSQL for one command on a laptop: made, started, found again after a crash, and stopped.

It listens on a unix socket in a private folder and nowhere else, and believes nobody but the account that runs it and the
one that runs the gateway (peer authentication). Its folder is `<data>/postgres`; where root's data folder cannot be
reached by the account that PostgreSQL runs as, it is a private folder elsewhere (`server_programs.LASTING_FOLDERS`).
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gerbang.db.server_process import (
    PORT,
    Place,
    complaint,
    end_orphan,
    leave_socket_folder,
    server,
)
from gerbang.db.server_programs import Account, EmbeddedPostgresFailed, Programs, account_of, lasting_folder, programs
from gerbang.folders import data_folder, give_to_owner_of, name_of, write_private

__all__ = ["EmbeddedPostgresFailed", "Postgres", "postgres", "running_url", "watched_postgres"]

SOCKET_PATH_BYTES_MAX = 103
"""Linux allows 107 and macOS 103."""
LOOK_SECONDS = 0.5
"""How often it is looked whether PostgreSQL still runs."""
NOTICE_SECONDS = 1.0
"""How long a gateway whose PostgreSQL has ended still answers that it is unavailable, before it ends too."""


def _to_stderr(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL that runs for a data folder: where it is reached, and its process."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]

    async def watch(self) -> None:
        """Stays for as long as it runs. Raises `EmbeddedPostgresFailed` when it has ended without being asked to."""
        while self.process.poll() is None:  # noqa: ASYNC110  a plain subprocess has no event to wait for
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(NOTICE_SECONDS)
        raise EmbeddedPostgresFailed(
            f"PostgreSQL has ended unasked, and without it there is nothing to work on. Start again: it recovers by "
            f"itself, and what was answered is kept. {self.data / 'postgres.log'} may say why it ended."
        )


@contextmanager
def postgres(
    data_dir: Path, *, major: int | None = None, keep: bool = True, say: Callable[[str], None] = _to_stderr
) -> Generator[str]:
    """The URL of `watched_postgres`, for who does not stay long enough to watch it."""
    with watched_postgres(data_dir, major=major, keep=keep, say=say) as running:
        yield running.url


@contextmanager
def watched_postgres(
    data_dir: Path,
    *,
    major: int | None = None,
    keep: bool = True,
    say: Callable[[str], None] = _to_stderr,
    first: Callable[[], object] = lambda: None,
) -> Generator[Postgres]:
    """A running PostgreSQL that keeps its data for this folder; it is stopped at the end.

    `major` is the version that makes a new database, the newest unless given; an old one keeps its own. `keep=False`
    removes the database at the end. `say` gets a sentence on where the data is when that is not `data_dir`. `first` is called once the
    folder is ours and before anything is made for a database. Only one gateway can have a data folder at a time.
    Raises `EmbeddedPostgresFailed`, `FolderWrong`.
    """
    data = data_dir.absolute()
    with contextlib.ExitStack() as held:
        try:
            data = data_folder(data)
            held.enter_context(_lock(data))
            first()
            place = _place(data, say)
            known = {"home": _pointer(place), "url": place.url, "data": str(data)}
            write_private(data / "postgres.json", json.dumps(known) + "\n")
            if place.home.parent != data:
                # Someone may have copied the data folder, and with it the pointer to this home.
                held.enter_context(_lock(place.home.parent, f"{place.home.name}.lock"))
            chosen = programs(place.account, _made_by(place.cluster) or major)
            end_orphan(place)
            if not place.cluster.exists():
                _make(place, chosen)
            held.callback(leave_socket_folder, place)
            if not keep:
                held.callback(_remove, place)
            process = held.enter_context(server(place, chosen))
        except (OSError, subprocess.SubprocessError) as failed:
            why = str(failed)
            if isinstance(failed, subprocess.CalledProcessError):
                why = complaint(failed.output)
            elif isinstance(failed, OSError) and failed.filename:
                why = f"{failed.filename}: {failed.strerror}"
            raise EmbeddedPostgresFailed(
                f"The database of {data} could not be started: {why}. "
                "Correct that, or choose another folder with --data."
            ) from failed
        yield Postgres(place.url, data, process)


def running_url(data_dir: Path) -> str | None:
    """The URL of the database that a gateway is running on this folder now, or None. Raises `EmbeddedPostgresFailed`."""
    try:
        with (data_dir / "gerbang.lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return str(json.loads((data_dir / "postgres.json").read_text())["url"])
    except PermissionError as wrong:
        raise EmbeddedPostgresFailed(
            f"{wrong.filename or data_dir} belongs to another user: do this as that user."
        ) from None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return None


# --- whose folder it is ---------------------------------------------------------------------------------------------


@contextmanager
def _lock(folder: Path, name: str = "gerbang.lock") -> Generator[None]:
    """Holds the folder for this process. The system lets go of it whatever the process dies of."""
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        raise EmbeddedPostgresFailed(
            f"{folder} belongs to another user. Start as that user, or choose another folder with --data."
        ) from None
    with os.fdopen(descriptor, "r+") as file:
        # A look by running_url may hold it for an instant.
        for wait in (0.05, 0.1, 0.1, 0.0):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(wait)
        else:
            pid = file.read().strip() or "unknown"
            raise EmbeddedPostgresFailed(
                f"Another gateway (process {pid}) is running on {folder}. "
                "Stop it, or choose another folder with --data."
            )
        give_to_owner_of(folder, file.fileno())
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


# --- where it lives -------------------------------------------------------------------------------------------------


def _pointer(place: Place) -> str:
    # Relative while it is inside, so that the data folder can be moved.
    return place.home.name if place.home.parent == place.data else str(place.home)


def _place(data: Path, say: Callable[[str], None]) -> Place:
    """Finds the database of this data folder, or makes an empty private folder for a new one."""
    try:
        known = json.loads((data / "postgres.json").read_text())
        home = data / str(known["home"])
        recorded = True
        if home.parent != data:
            _demand_no_copy(data, Path(known.get("data", data)), home)
    except FileNotFoundError:
        home = data / "postgres"
        recorded = False
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EmbeddedPostgresFailed(
            f"{data / 'postgres.json'} says where the database is, and cannot be read. Repair it, or choose another "
            "folder with --data."
        ) from None
    if home.exists():
        owner = home.stat().st_uid
        account = account_of(owner)
        if owner != account.uid:
            raise EmbeddedPostgresFailed(
                f"{home} belongs to {name_of(owner)}, as is so after a start by root, and PostgreSQL runs as {account.name} "
                f"here. Start as root, or let root give it to you (chown -R {account.name} {home}), or choose another folder "
                "with --data."
            )
        if not account.can_enter(home):
            raise EmbeddedPostgresFailed(
                f"The account {account.name}, as which PostgreSQL runs, cannot reach {home}. Allow others to pass "
                "through the folders above it (chmod o+x), or choose another folder with --data."
            )
    elif recorded and home.parent != data:
        raise EmbeddedPostgresFailed(
            f"The database of {data} was kept in {home}, which is gone. Restore it, or remove {data} to begin anew."
        )
    else:
        account = account_of(None)
        home = _new_home(data, account)
    if home.parent != data:
        say(f"PostgreSQL runs as {account.name}, which cannot reach {data}: its database is kept in {home}")
    return Place(data, home, _socket_folder(home, account), account)


def _demand_no_copy(data: Path, first: Path, home: Path) -> None:
    """Raises EmbeddedPostgresFailed for a copy of a folder that is still there: both would go on in one database."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        still = first.resolve() != data and json.loads((first / "postgres.json").read_text())["home"] == str(home)
        if still:
            raise EmbeddedPostgresFailed(
                f"{data} is a copy of {first}, whose database is kept in {home} and was not copied with it. Start on "
                f"{first}, or remove {data / 'postgres.json'} to begin here with an empty database."
            )


def _new_home(data: Path, account: Account) -> Path:
    """An empty folder that only the account can enter: inside the data folder, or where the account can reach it."""
    inside = data / "postgres"
    if not account.is_other or account.can_enter(data):
        inside.mkdir(mode=0o700)
        if account.is_other:
            os.chown(inside, account.uid, account.gid, follow_symlinks=False)
        return inside
    above = lasting_folder(account)
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    # A taken name is what an earlier data folder at this path has left behind. It is not ours to delete.
    for each in (name, *(f"{name}-{number}" for number in range(2, 1000))):
        with contextlib.suppress(FileExistsError):
            (above / each).mkdir(mode=0o700)
            os.chown(above / each, account.uid, account.gid, follow_symlinks=False)
            return above / each
    raise EmbeddedPostgresFailed(f"{above} is full of databases of {data}: remove the ones that you do not need.")


def _socket_folder(home: Path, account: Account) -> Path:
    """The database's own folder, or a short private one where the socket's path would be longer than systems allow."""
    if _fits(home):
        return home
    name = f"gerbang-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    for above in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  made private and checked
        folder = above / name
        if not _fits(folder):
            continue
        with contextlib.suppress(subprocess.CalledProcessError):
            account.shell('test -d "$1" || mkdir -m 700 "$1"', folder)
            found = folder.lstat()
            if (found.st_uid, found.st_mode) == (account.uid, 0o040700):
                return folder
    raise EmbeddedPostgresFailed(
        f"The path of {home} is too long for a socket, and no private folder {name} could be made in the system's "
        "temporary folders. Choose a shorter path with --data."
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX


def _made_by(cluster: Path) -> int | None:
    """The major version that made the database, None if there is none yet."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _make(place: Place, chosen: Programs) -> None:
    """A new database, made aside and then put in its place: a kill in between leaves nothing half-made."""
    account, fresh = place.account, place.home / f"cluster.{os.getpid()}"
    # A start that was killed half-way may have left a process that still writes for a moment.
    account.shell('for _ in 1 2 3 4 5 6 7 8 9; do rm -rf "$1"/cluster.* && exit; sleep 0.3; done; exit 1', place.home)
    initdb = [chosen.folder / "initdb", "-N", "-D", fresh, "-U", "gerbang", "-E", "UTF8", "--no-locale"]
    account.run([*initdb, "--auth-local=peer", "--auth-host=reject"])
    account.run([chosen.folder / "postgres", "--single", "-D", fresh, "postgres"], "CREATE DATABASE gerbang\n")
    account.shell('mv "$1" "$2"', fresh, place.cluster)


def _remove(place: Place) -> None:
    place.account.shell('rm -rf "$1"/*', place.home)
    place.home.rmdir()
    (place.data / "postgres.json").unlink()
    if place.home.parent != place.data:
        place.home.with_name(f"{place.home.name}.lock").unlink()
