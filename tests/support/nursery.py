"""A process that has loaded the gateway and the bank, and starts each by a fork: to load them takes most of a start."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import ROOT, clean_environment


def _nurse() -> None:
    """Starts a program for each line on standard input, and prints its process id."""
    import gerbang.app
    import gerbang.bank_simulator
    from gerbang.cli import main

    assert gerbang.app is not None and gerbang.bank_simulator is not None, "they are only to be loaded"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that who is killed is gone, and no zombie
    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for number, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
                os.dup2(opened, number)
            os.environ.update(wanted["environment"])
            code = 1
            try:
                code = main(wanted["arguments"])
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(child, flush=True)


class Nursery:
    """Starts programs that are loaded already."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """Starts `gerbang …`, with what it prints in a file, and gives its process id."""
        wanted = {"arguments": arguments, "environment": dict(environment), "log": str(log)}
        assert self._process.stdin is not None and self._process.stdout is not None, "both are pipes"
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def nursery() -> Generator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.nursery"],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None and process.stdout is not None, "both are pipes"
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def killed(pid: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Ends a process and waits until it is gone."""
    end = time.monotonic() + 30
    try:
        os.kill(pid, by)
        while True:
            os.kill(pid, 0)
            assert time.monotonic() < end, "it does not end"
            time.sleep(0.005)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    _nurse()
