"""Reads what the connections file only names: secrets, keys and certificates, from files and environment variables."""

import os
import re
import stat
from pathlib import Path
from typing import Any, cast

import msgspec

from gerbang.folders import name_of
from gerbang.settings import PREFIX, environment_text

BYTES_MAX = 64 * 1024
FORM = 'must be { file = "…" } or { env = "…" }'
NEVER_HERE = f"{FORM}: a secret is never written into this file"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Referenced(msgspec.Struct, frozen=True):
    """A text that was read. `source` names the place, `file` is its path if it is one, `remark` what is unsafe about it."""

    text: str
    source: str
    file: str | None = None
    remark: str | None = None


class ReferenceWrong(Exception):
    """Nothing could be read. The message goes on after the path of the member: `must be …`, `names …`."""


def resolve(value: Any, folder: Path, *, secret: bool) -> Referenced:
    """What `{file = "…"}` or `{env = "…"}` leads to, without the line ends around it. Raises ReferenceWrong.

    A relative path begins at `folder`. No message has anything of what was read, or of a secret that was written down.
    """
    if not isinstance(value, dict):
        raise ReferenceWrong(NEVER_HERE if secret else FORM)
    match cast(dict[str, Any], value):
        case {"file": str(path), **rest} if path and not rest:
            return _from_file(folder / path, secret=secret)
        case {"env": str(name), **rest} if name and not rest:
            return _from_environment(name)
        case _:
            raise ReferenceWrong(FORM)


def _from_environment(name: str) -> Referenced:
    if not _VARIABLE.fullmatch(name):
        raise ReferenceWrong("must name an environment variable in letters, digits and _")
    if name.startswith(PREFIX):
        raise ReferenceWrong(
            f"must name an environment variable that does not begin with {PREFIX}: those are Gerbang's own settings"
        )
    text = (environment_text(name) or "").strip("\r\n")
    if not text.strip():
        raise ReferenceWrong(f"names the environment variable {name}, which is not set or empty")
    return Referenced(text, f"the environment variable {name}")


def _from_file(path: Path, *, secret: bool) -> Referenced:
    named = f"names the file {path if str(path).isprintable() else repr(str(path))}, which"
    try:
        # A pipe would be waited for without O_NONBLOCK.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ReferenceWrong(f"{named} is not an ordinary file")
            raw = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise ReferenceWrong(f"{named} does not exist") from None
    except PermissionError:
        raise ReferenceWrong(f"{named} {name_of(os.geteuid())} may not read") from None
    except IsADirectoryError:
        raise ReferenceWrong(f"{named} is a folder") from None
    except (OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else None
        raise ReferenceWrong(f"{named} cannot be read: {why or 'its name has characters that no file has'}") from None
    if len(raw) > BYTES_MAX:
        raise ReferenceWrong(f"{named} is longer than {BYTES_MAX // 1024} KiB: no secret or key is")
    try:
        text = raw.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise ReferenceWrong(f"{named} is not text; a key or certificate must be in PEM form") from None
    if not text.strip():
        raise ReferenceWrong(f"{named} is empty")
    open_to_all = secret and found.st_mode & stat.S_IRWXO
    return Referenced(
        text,
        f"the file {path}",
        file=str(path),
        remark=f"{named} every user of this machine can reach: run chmod o-rwx {path}" if open_to_all else None,
    )
