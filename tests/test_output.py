"""Output: a reader that stops reading or goes away does not stop the gateway."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from gerbang.output import LAST_SECONDS, WAITING_BYTES_MAX, UnblockedFile
from tests.support.gateways import Databases
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.programs import ROOT, clean_environment, short_folder

PIPE_BYTES = 65_536
"""The capacity of a pipe on Linux."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def content(reader: int, writer: int) -> list[str]:
    """Closes the writer of a pipe and reads all lines from it."""
    os.close(writer)
    text = b""
    while part := os.read(reader, 1_000_000):
        text += part
    return text.decode().splitlines()


def test_dropped_lines_are_counted_in_their_place(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    file = UnblockedFile(os.dup(writer))
    filling = "x" * 9_990
    count = 2 * WAITING_BYTES_MAX // 10_000
    started = time.monotonic()
    for number in range(count):
        file.write(f"{number:<8} {filling}\n".encode())
    assert time.monotonic() - started < LAST_SECONDS, "it waited for a reader"
    with os.fdopen(os.dup(reader), "r") as lines:
        first: list[str] = []
        while not (line := lines.readline()).startswith("{"):
            first.append(line)
        file.finish(10)
        file.write(b"again\n")
        printed: list[str] = []
        while line != "again\n":
            printed.append(line)
            line = lines.readline()
    missing = [json.loads(one) for one in printed]
    assert [int(line.split()[0]) for line in first] == list(range(len(first)))
    assert WAITING_BYTES_MAX <= len("".join(first)) <= WAITING_BYTES_MAX + PIPE_BYTES
    assert sum(one["lines"] for one in missing) == count - len(first)
    assert {(one["event"], one["level"]) for one in missing} == {
        ("lines are missing here: nobody took them", "warning")
    }


def test_the_last_lines_are_waited_for_within_a_limit(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    file = UnblockedFile(os.dup(writer))
    file.write(b"x" * (PIPE_BYTES + 10))
    took: list[float] = []
    for _ in range(3):
        started = time.monotonic()
        file.finish(0.2)
        took.append(time.monotonic() - started)
    assert 0.15 < min(took) < 1
    os.read(reader, PIPE_BYTES)
    file.finish(5)
    assert os.read(reader, PIPE_BYTES) == b"x" * 10


def test_a_non_blocking_pipe_loses_no_lines(pipe: tuple[int, int]) -> None:
    """A parent process that shares the pipe may have made it non-blocking."""
    reader, writer = pipe
    os.set_blocking(writer, False)
    file = UnblockedFile(os.dup(writer))
    sent = b"".join(b"%09d\n" % number for number in range(4 * PIPE_BYTES // 10))
    file.write(sent)
    text = b""
    while len(text) < len(sent):
        text += os.read(reader, PIPE_BYTES)
    assert text == sent


def test_lines_that_could_not_be_written_are_reported_once_writing_works(tmp_path: Path) -> None:
    """As on a disk that was full: here a file that cannot be written at first."""
    log = tmp_path / "log"
    log.touch()
    descriptor = os.open(log, os.O_RDONLY)
    file = UnblockedFile(descriptor)
    for line in (b"one\n", b"two\n"):
        file.write(line)
        file.finish()
    os.dup2(os.open(log, os.O_WRONLY), descriptor)
    file.write(b"three\n")
    file.finish()
    missing, line = log.read_text().splitlines()
    assert (json.loads(missing)["lines"], line) == (2, "three")


class Unread:
    """A `gerbang run` with a given standard output and error, which writes many lines."""

    def __init__(self, database_url: str, data: Path, before: Sequence[str] = (), output: int | None = None) -> None:
        self._data = data
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "gerbang", "run", "--port", "0", "--data", str(data)],
            cwd=ROOT,
            env={**clean_environment(), "GERBANG_DATABASE_URL": database_url},
            stdout=output,
            stderr=output,
        )

    def make_noise(self, lines: int) -> None:
        """Sends requests of which each writes a line of 250 bytes to the log."""
        for _ in range(600):
            if (self._data / "sandbox.json").exists():
                break
            assert self.process.poll() is None, "it ended"
            time.sleep(0.05)
        keys = json.loads((self._data / "sandbox.json").read_text())
        basic = (keys["v4"]["apiKey"], keys["v4"]["secretKey"])
        attributes = {"paymentMethodType": "qris", "paymentMethodOptions": {"displayName": "Budi"}, "referenceId": "1"}
        with httpx.Client(base_url=keys["baseUrl"], auth=basic, timeout=10, verify=TRUSTS_NOBODY) as client:
            for amount in range(20_000, 20_001 + lines):
                body = {"data": {"attributes": attributes | {"amount": amount}}}
                assert client.post("/api/v4/payments", json=body).status_code == 201

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


@pytest.fixture
def data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def started(databases: Databases, data: Path) -> Iterator[Callable[..., Unread]]:
    running: list[Unread] = []

    def start(*before: str, output: int | None = None) -> Unread:
        running.append(Unread(databases.fresh(), data, before, output))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


def test_a_gateway_whose_output_is_not_read_keeps_answering_and_stops_on_a_signal(
    started: Callable[..., Unread], pipe: tuple[int, int]
) -> None:
    reader, writer = pipe
    gateway = started(output=writer)
    gateway.make_noise(300)
    assert gateway.stop() == 0
    held = content(reader, writer)
    assert len("\n".join(held)) > 0.9 * PIPE_BYTES, "there was not more than the pipe could hold"


def test_a_gateway_whose_output_is_closed_keeps_answering(
    started: Callable[..., Unread], pipe: tuple[int, int]
) -> None:
    reader, writer = pipe
    os.close(reader)
    gateway = started(output=writer)
    gateway.make_noise(3)
    assert gateway.stop() == 0


def test_a_gateway_that_was_started_without_output_keeps_answering(started: Callable[..., Unread]) -> None:
    gateway = started("sh", "-c", 'exec "$@" >&- 2>&-', "sh")
    gateway.make_noise(3)
    assert gateway.stop() == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_that_was_started_without_standard_files_succeeds(databases: Databases, closed: str) -> None:
    environment = {**clean_environment(), "GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": "k" * 32}
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "gerbang", "merchant", "list"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == ("" if ">&- " in f"{closed} ".replace("2>&-", "") else "There are no merchants yet.\n")


def test_a_command_whose_result_cannot_be_printed_says_that_it_was_done(databases: Databases) -> None:
    environment = {**clean_environment(), "GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": "k" * 32}
    made = ["merchant", "create", "--name", "Toko", "--short-name", "TK", "--email", "t@toko.example"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "gerbang", *made],
            cwd=ROOT,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        "gerbang: It was done, and cannot be shown: No space left on device. What was found can be asked for again; a "
        "merchant's new secrets come from `gerbang merchant rotate-secret`.\n"
    )


def test_the_failure_of_a_gateway_is_the_last_line_it_prints() -> None:
    """Also during the start, and for an error in the code."""
    code = "import sys; from gerbang.output import never_wait; never_wait(); print('first'); 1 / 0"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "first\n")
    assert ended.stderr.endswith("ZeroDivisionError: division by zero\n")
