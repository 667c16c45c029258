"""Output that never blocks the process, whatever reads it: a stopped terminal, a pager, a log collector that hangs."""

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
"""The most bytes kept for a reader that does not read; further lines are dropped and counted."""
LAST_SECONDS = 1.0
"""How long the end of the process waits for output to be written."""
_now = TimeStamper(fmt="iso")


def never_wait() -> None:
    """Makes standard output and standard error neither block nor fail from now on."""
    writers: dict[tuple[int, int], UnblockedFile] = {}
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = getattr(sys, name)
        try:
            # None: it was closed at the start, and `hold_standard_ones` has opened /dev/null in its place.
            descriptor = number if file is None else file.fileno()
        except (OSError, ValueError):
            continue  # it is not a file of the system, and cannot block
        if file is not None:
            file.flush()
        status = os.fstat(descriptor)
        # Both may be the same terminal, where their lines must stay in order.
        same = (status.st_dev, status.st_ino)
        if same not in writers:
            writers[same] = UnblockedFile(descriptor)
            atexit.register(writers[same].finish)
        text = io.TextIOWrapper(
            writers[same],  # pyright: ignore[reportArgumentType]  it needs no buffer in between
            encoding="utf-8" if file is None else file.encoding,
            errors="backslashreplace",
            write_through=True,
        )
        setattr(sys, name, text)


class UnblockedFile(io.RawIOBase):
    """A file that is written by a thread of its own, in order, so that `write` never blocks.

    Lines are dropped while too many bytes wait or when nothing can be written; a line in their place says how many,
    once it can be written.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._idle = False
        # Reentrant: a signal handler may print while `write` holds the lock.
        self._change = threading.Condition(threading.RLock())
        threading.Thread(target=self._write_on, name=f"output {descriptor}", daemon=True).start()

    def write(self, data: Any, /) -> int:
        """Queues `data`, or drops it if too much waits; returns its length in bytes."""
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
        """Waits until all is written, at most `seconds`."""
        with self._change:
            self._change.wait_for(lambda: self._idle and not self._waiting, seconds)

    def _write_on(self) -> None:
        refused, text = 0, b""
        while True:
            with self._change:
                # Under one lock, so that no line comes between the dropped lines and the line that reports them.
                self._size -= len(text)
                self._idle = True
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting or self._lost)
                self._idle = False
                # The dropped lines came after these, for which there was room.
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
                    return False  # there is no reader any more, or the disk is full: the lines are dropped
                # Another process that shares the file has made it non-blocking.
                select.select([], [self._descriptor], [])
        return True


def _lines(text: bytes) -> int:
    return text.count(b"\n")


def _gap(lost: int) -> bytes:
    """The log line in place of `lost` dropped lines; empty if there are none."""
    if not lost:
        return b""
    line = {"lines": lost, "event": "lines are missing here: nobody took them", "level": "warning"}
    return json.dumps(dict(_now(None, "warning", line))).encode() + b"\n"
