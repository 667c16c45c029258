"""Printing that never waits for whoever reads it: a terminal that was stopped, a pager, a log collector that hangs."""

import atexit
import errno
import io
import json
import os
import select
import sys
import threading
from typing import Any

from structlog.processors import TimeStamper

WAITING_BYTES_MAX = 4_000_000
"""What is kept for a reader that takes nothing; what comes after that is lost, and counted."""
LAST_SECONDS = 1.0
"""How long the end of the process waits for what is still to be read."""
_now = TimeStamper(fmt="iso")


def never_wait() -> None:
    """From now on neither standard output nor standard error makes this process wait, or fails."""
    writers: dict[tuple[int, int], Unwaited] = {}
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = getattr(sys, name)
        try:
            # None: whoever started us had closed it, and `hold_standard_ones` has opened it on nothing.
            descriptor = number if file is None else file.fileno()
        except (OSError, ValueError):
            continue  # it is no file of the system's, and nobody can stop reading it
        if file is not None:
            file.flush()
        status = os.fstat(descriptor)
        # Both may lead to one terminal, where their lines are to stay in order.
        same = (status.st_dev, status.st_ino)
        if same not in writers:
            writers[same] = Unwaited(descriptor)
            atexit.register(writers[same].finish)
        text = io.TextIOWrapper(
            writers[same],  # pyright: ignore[reportArgumentType]  it needs no buffer between
            encoding="utf-8" if file is None else file.encoding,
            errors="backslashreplace",
            write_through=True,
        )
        setattr(sys, name, text)


class Unwaited(io.RawIOBase):
    """A file that a thread of its own writes, in order, so that who prints never waits.

    Lines are lost where too many wait already, or where nobody can take them any more; a line in their place says how
    many, once it can be written.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._idle = False
        # Reentrant: a signal may interrupt who prints, and print itself.
        self._change = threading.Condition(threading.RLock())
        threading.Thread(target=self._write_on, name=f"output {descriptor}", daemon=True).start()

    def write(self, data: Any, /) -> int:
        """Takes all, or loses it; says how many bytes that were."""
        line = bytes(data)
        with self._change:
            if self._size + len(line) > WAITING_BYTES_MAX:
                self._lost += _lines(line)
            else:
                self._waiting.append(line)
                self._size += len(line)
            if self._idle:
                self._change.notify_all()
        return len(line)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def finish(self, seconds: float = LAST_SECONDS) -> None:
        """Waits until all is written, but not longer than that."""
        with self._change:
            self._change.wait_for(lambda: self._idle and not self._waiting, seconds)

    def _write_on(self) -> None:
        refused, text = 0, b""
        while True:
            with self._change:
                # Room is made and all is taken in one go: no line comes between what was lost and the telling of it.
                self._size -= len(text)
                self._idle = True
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting or self._lost)
                self._idle = False
                # What was lost came after these lines, for which there was room.
                text, lost = b"".join(self._waiting), self._lost
                self._waiting, self._lost = [], 0
            if self._written(_gap(refused) + text + _gap(lost)):
                refused = 0
            else:
                refused += _lines(text) + lost

    def _written(self, text: bytes) -> bool:
        rest = memoryview(text)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except OSError as failed:
                if failed.errno != errno.EAGAIN:
                    return False  # there is no reader any more, or the disk is full
                # Somebody with whom we share it has made it one that does not wait.
                select.select([], [self._descriptor], [])
        return True


def _lines(text: bytes) -> int:
    return text.count(b"\n")


def _gap(lost: int) -> bytes:
    """The line that stands where so many lines are missing."""
    if not lost:
        return b""
    spec = {"lines": lost, "event": "lines are missing here: nobody took them", "level": "warning"}
    return json.dumps(dict(_now(None, "warning", spec))).encode() + b"\n"
