"""The embedded PostgreSQL's process: how it is started, known to be ready, and ended, also by the gateway after the one
that was killed.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gerbang.db.server_programs import Account, EmbeddedPostgresFailed, Programs
from gerbang.folders import give_to_owner_of

PORT = 5432
"""A name for the socket's file only: nothing listens on TCP."""
START_SECONDS_MAX = 60
LOG_BYTES_MAX = 10_000_000

_TICK_SECONDS = 0.01
_NO_PROCESS = 2_000_000_000
"""A process id above what any system gives out."""
_LAST_WRITERS_SECONDS_MAX = 10
_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
    # What was asked and with which values may name buyers: the log says what failed, not for whom.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class Place:
    """Where one database lives and who runs it. `home` is private to the account, `data` is the gateway's folder."""

    data: Path
    home: Path
    socket_folder: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.data / "postgres.log"

    @property
    def url(self) -> str:
        return f"postgresql://gerbang@/gerbang?host={quote(str(self.socket_folder))}&port={PORT}"


@contextmanager
def server(place: Place, chosen: Programs) -> Generator[subprocess.Popen[bytes]]:
    """PostgreSQL, taking connections; ended when left. Raises `EmbeddedPostgresFailed` if it does not start."""
    _admit(place)
    for tries_left in reversed(range(int(_LAST_WRITERS_SECONDS_MAX / 0.2))):
        log_start = _log_size(place.log)
        process = _launch(place, chosen)
        try:
            if _ready(place, process):
                yield process
                return
        finally:
            end(process.pid, lambda process=process: process.poll() is not None)
        with place.log.open(errors="replace") as log:
            log.seek(log_start)
            reason = complaint(log.read())
        # The last queries of a server that was killed may still be writing; they end by themselves in a moment.
        if "shared memory block" not in reason or not tries_left:
            raise EmbeddedPostgresFailed(
                f"PostgreSQL could not be started for {place.data}: {reason}. "
                f"Look into {place.log}, or choose another folder with --data."
            )
        time.sleep(0.2)


def complaint(printed: str) -> str:
    """The last complaint among what PostgreSQL printed."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    complaints = [line for line in lines if any(word in line for word in ("FATAL:", "error:", "PANIC:", "ERROR:"))]
    return (complaints or lines or ["it gave no reason"])[-1].rstrip(".")


def end_orphan(place: Place) -> None:
    """Clears up after a gateway that was killed. We hold the lock, so whatever still runs here is nobody's.

    A PostgreSQL that is left is ended, and not taken over: the next one is then surely ours, with today's options.
    """
    file = place.cluster / "postmaster.pid"
    try:
        first, _, rest = file.read_text().partition("\n")
    except FileNotFoundError:
        return
    pid = int(first) if first.strip().isdecimal() else _NO_PROCESS
    if _is_postgres_of(pid, place.cluster):
        end(pid, lambda: not _is_postgres_of(pid, place.cluster))
    if not rest:
        # The machine went down before anything was in it: nobody runs, and PostgreSQL refuses an empty file.
        place.account.shell('rm -f "$1"', file)
    elif file.exists() and _exists(pid):
        # The number belongs to a stranger now, and PostgreSQL would take it for itself. The other lines stay: by them
        # it makes sure that no process of the killed one is still writing.
        place.account.shell('printf %s "$2" > "$1.new"; mv "$1.new" "$1"', file, f"{_NO_PROCESS}\n{rest}")
    place.account.shell('rm -f "$1"/.s.PGSQL.*', place.socket_folder)


def end(pid: int, ended: Callable[[], bool]) -> None:
    """Ends a PostgreSQL: with its last checkpoint, else at once (it recovers at the next start), else by force."""
    for number, seconds in ((signal.SIGINT, 4.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 2.0)):
        if ended():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(int(seconds / _TICK_SECONDS)):
            if ended():
                return
            time.sleep(_TICK_SECONDS)


def leave_socket_folder(place: Place) -> None:
    """Removes the folder that was made for the socket alone."""
    if place.socket_folder != place.home:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            place.account.shell('rmdir "$1"', place.socket_folder)


def _admit(place: Place) -> None:
    """Says who may enter: the account that PostgreSQL runs as and the one that asks, over the socket alone."""
    names = {place.account.name, "root"} if place.account.is_other else {place.account.name}
    place.account.shell(
        'printf %s "$2" > "$1/pg_hba.conf"; printf %s "$3" > "$1/pg_ident.conf"',
        place.cluster,
        "local all all peer map=gateway\n",
        "".join(f'gateway "{name}" gerbang\n' for name in sorted(names)),
    )


def _log_size(log: Path) -> int:
    """Bytes in the log; one that has grown too large is renamed first."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size > LOG_BYTES_MAX:
        log.replace(log.with_name("postgres.log.1"))
        return 0
    return size


def _launch(place: Place, chosen: Programs) -> subprocess.Popen[bytes]:
    folder = str(place.socket_folder).replace('"', '""')
    command: list[str | Path] = [chosen.folder / "postgres", "-D", place.cluster]
    for name, value in (_OPTIONS | {"unix_socket_directories": f'"{folder}"'}).items():
        command += ["-c", f"{name}={value}"]
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        give_to_owner_of(place.data, descriptor)
        return place.account.start(command, log)


def _ready(place: Place, process: subprocess.Popen[bytes]) -> bool:
    """Waits until PostgreSQL takes connections, as its own pg_ctl does: by the last line of postmaster.pid.

    False if it ended instead.
    """
    for _ in range(int(START_SECONDS_MAX / _TICK_SECONDS)):
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError):
            lines = (place.cluster / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
        time.sleep(_TICK_SECONDS)
    raise EmbeddedPostgresFailed(
        f"PostgreSQL is not ready after {START_SECONDS_MAX} seconds. {place.log} says what it is doing; start again "
        "when it has had more time, or choose another folder with --data."
    )


def _is_postgres_of(pid: int, cluster: Path) -> bool:
    """Whether this process is a PostgreSQL on this database. One that has ended and is not yet buried is not."""
    if not Path("/proc/self").exists():
        ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return f"postgres -D {cluster} " in subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    process = Path(f"/proc/{pid}")
    try:
        words = os.fsdecode((process / "cmdline").read_bytes()).split("\0")
        # The folder may have been moved while it ran.
        return Path(words[0]).name == "postgres" and (str(cluster) in words or (process / "cwd").samefile(cluster))
    except OSError:
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
