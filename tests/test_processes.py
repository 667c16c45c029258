"""`gerbang serve --processes`: several processes on one port, which begin and end together."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.gateways import Databases
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.programs import Program, program

DEAF = """
import os, signal
from gerbang.processes import together
from gerbang.settings import Settings

def answer(listener, first):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.write(1, b"begun\\n")  # in one piece: the other writes too
    os.read(0, 1)  # until the test has ended

raise SystemExit(together(Settings(host="127.0.0.1", port=0, processes=2), answer))
"""
KEY = "a secret key of more than 32 characters"


@contextmanager
def serving(databases: Databases, *arguments: str) -> Generator[Program]:
    settings = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": KEY}
    with program("serve", "--processes", "2", *(arguments or ("--port", "0")), **settings) as running:
        yield running


def children(running: Program) -> list[int]:
    pid = running.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def seconds_of(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_gone(pids: list[int]) -> None:
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids):
        assert time.monotonic() < end, "a process is left over"
        time.sleep(0.02)


def ask_on_new_connections(url: str, times: int) -> None:
    for _ in range(times):
        assert httpx.get(f"{url}/livez", timeout=10, verify=TRUSTS_NOBODY).status_code == 200


def test_every_process_answers_and_a_signal_stops_them_all(databases: Databases) -> None:
    with serving(databases) as running:
        url, both = running.url(), children(running)
        assert len(both) == 2
        before = [seconds_of(pid) for pid in both]
        end = time.monotonic() + 30
        while not all(seconds_of(pid) - was > 0.02 for pid, was in zip(both, before, strict=True)):
            assert time.monotonic() < end, "one of them answers nothing"
            ask_on_new_connections(url, 20)

        assert running.stop() == 0

        wait_until_gone(both)
        assert running.out.count("Gerbang answers at") == running.out.count("Gerbang has stopped.") == 1
        assert running.err == ""


@pytest.mark.parametrize(
    ("by", "code", "how"),
    [(signal.SIGKILL, 9, {"signal": "SIGKILL"}), (signal.SIGTERM, 1, {"exit_code": 0})],
    ids=["killed", "stopped"],
)
def test_when_one_process_ends_the_others_are_stopped(
    databases: Databases, by: signal.Signals, code: int, how: dict[str, object]
) -> None:
    with serving(databases) as running:
        running.url()
        first, second = children(running)

        os.kill(first, by)

        assert running.ended() == code
        wait_until_gone([second])
        [line] = running.err.splitlines()
        said = json.loads(line)
        assert (said["level"], said["event"]) == ("error", "one process has ended, so the others are stopped")
        assert (said["pid"], said["processes"]) == (first, 2)
        assert how.items() <= said.items()


def test_a_signal_before_the_processes_listen_for_it_is_a_stop_like_any_other() -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert [running.stdout.readline() for _ in range(2)] == [b"begun\n"] * 2
        running.terminate()
        assert running.wait(10) == 0


def test_when_the_process_that_waits_is_killed_no_other_is_left(databases: Databases) -> None:
    with serving(databases) as running:
        running.url()
        both = children(running)

        running.process.kill()

        wait_until_gone(both)


def test_a_port_that_another_gateway_has_is_not_shared_with_it(databases: Databases) -> None:
    with serving(databases) as first, serving(databases, "--port", str(httpx.URL(first.url()).port)) as second:
        assert second.ended() == 1
        assert "Another program may have it" in second.err or "Address already in use" in second.err
        assert second.err.count("\n") == 1


@pytest.mark.parametrize("processes", ["0", "65", "two"])
def test_another_number_is_refused(databases: Databases, processes: str) -> None:
    with program("serve", "--processes", processes, GERBANG_DATABASE_URL="postgresql://nowhere/x") as running:
        assert running.ended() == 2
        assert "--processes" in running.err
