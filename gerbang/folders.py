"""The data folder: checks that it can be used, and writes private files into it."""

import errno
import os
import pwd
from pathlib import Path

from gerbang.settings import SettingsWrong

MARKERS = frozenset({"gerbang.lock", "postgres.json", "postgres", "secret.key", "sandbox.json", "bank.json"})
"""Names that only Gerbang makes: a folder with one of them is a data folder."""
GITIGNORE = ".gitignore"
IGNORED = frozenset({"lost+found", ".DS_Store", GITIGNORE, ".gitkeep", "bank"})
"""Names that may be in a folder that counts as empty; a new file system has the first, `gerbang bank` makes the last."""
CHOOSE = "Choose another folder with --data or GERBANG_DATA."


class FolderWrong(SettingsWrong):
    """The data folder cannot be used. The message says why and what to do."""


def data_folder(folder: Path) -> Path:
    """The absolute path of a data folder that can be written to.

    It is created if missing, and git ignores what is in it.

    Raises FolderWrong, with nothing changed.
    """
    if not str(folder.absolute()).isprintable():
        raise FolderWrong(f"{str(folder)!r} cannot be used: its name has characters that cannot be printed. {CHOOSE}")
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            # PostgreSQL of root runs under another account, which must be able to enter this folder.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        found = {each.name for each in folder.iterdir()}
        whole = folder.resolve(strict=True)
    except OSError as wrong:
        raise FolderWrong(f"{folder} cannot be used: {_why(folder, wrong)}. {CHOOSE}") from None
    others = found - IGNORED
    if others and not found & MARKERS:
        raise FolderWrong(
            f"{folder} holds files that are not Gerbang's, such as {min(others)}, and nothing is written among them. "
            "Choose a new or an empty folder with --data or GERBANG_DATA."
        )
    if not os.access(whole, os.W_OK | os.X_OK):
        is_read_only = bool(os.statvfs(whole).f_flag & os.ST_RDONLY)
        number = errno.EROFS if is_read_only else errno.EACCES
        wrong = OSError(number, os.strerror(number))
        raise FolderWrong(f"{folder} cannot be used: {_why(folder, wrong)}. {CHOOSE}")
    if not found & MARKERS and GITIGNORE not in found:
        write_private(whole / GITIGNORE, "# Secret keys are kept here.\n*\n")
    return whole


def _why(folder: Path, wrong: OSError) -> str:
    """The reason of a system error on `folder`, with the path that it concerns."""
    ways = (folder.absolute(), *folder.absolute().parents)
    found = next(each for each in ways if os.access(each, os.F_OK))
    what = "it" if found == ways[0] else str(found)
    link = next(each for each in ways if os.path.lexists(each))
    if link != found:
        return f"{'it' if link == ways[0] else link} is a link to {link.readlink()}, which does not exist"
    if wrong.errno == errno.ENOTDIR:
        return f"{what} is a file"
    if wrong.errno in (errno.EACCES, errno.EPERM):
        owner = found.stat().st_uid
        if owner == os.geteuid():
            return f"{what} does not let its owner write (chmod u+rwx does)"
        return f"{what} belongs to {name_of(owner)}, and this is {name_of(os.geteuid())}"
    return wrong.strerror or str(wrong)


def name_of(user: int) -> str:
    """The name of an account by its user id, or a phrase with the id if it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"the user id {user}"


def write_private(path: Path, text: str) -> None:
    """Writes a file that only the folder's owner may read, atomically. Raises FolderWrong."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        # The folder may belong to another account: a symbolic link planted there must not be followed.
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            give_to_owner_of(path.parent, file.fileno())
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        raise FolderWrong(
            f"{path} cannot be written: {wrong.strerror}. Correct that, or choose another folder with --data."
        ) from None


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Run as root, gives an open file to the owner of `folder`, who may start Gerbang there next."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
