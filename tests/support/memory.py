"""Where tests keep databases: in memory where this machine has a folder for it, which saves the waits for a disk."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES_MIN = 6_000_000_000
"""Two workers fill about two thirds of it. A container's usual 64 MB are not enough."""


def memory_folder() -> Path | None:
    """The system's folder in memory, None where there is none, or too little room in it."""
    try:
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES_MIN:
            return MEMORY
    except OSError:
        pass
    return None


def new_folder(prefix: str, *, on_disk: bool = False) -> Path:
    """A new folder that PostgreSQL's account can pass through: in memory where that is possible, unless `on_disk`."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=None if on_disk else memory_folder()))
    folder.chmod(0o711)
    return folder
