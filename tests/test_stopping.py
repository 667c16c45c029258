"""Stopping: a gateway says that it stops and that it has, waits for what is under way, and not when it is asked twice."""

import asyncio
import contextlib
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateways import Databases
from tests.houses import connected
from tests.programs import ROOT, Program, clean_environment, program, short_folder

DRAIN_SECONDS = 3
STOPS = "Stopping: what is under way may end, 3 seconds at most. Asked again, it stops at once.\n"
"""What is promised to somebody who waits."""


@pytest.fixture
def data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder / "var"


def until(running: Program, line: str, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while line not in running.out:
        assert time.monotonic() < end, f"not printed: {line}\n{running.out}{running.err}"
        time.sleep(0.01)


@contextlib.contextmanager
def locked(database_url: str) -> Generator[None]:
    """Nobody gets on with anything of a merchant's while this lasts."""
    taken, over = threading.Event(), threading.Event()

    async def hold() -> None:
        async with connected(database_url) as connection, connection.transaction():
            await connection.execute("LOCK TABLE credentials, merchants")
            taken.set()
            await asyncio.to_thread(over.wait)

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    assert taken.wait(10)
    try:
        yield
    finally:
        over.set()
        holder.join()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_a_gateway_is_told_that_it_stops_and_that_it_has(data: Path, by: signal.Signals) -> None:
    with program("run", "--port", "0", "--data", str(data)) as running:
        running.url()
        running.printed("(at a till)")
        assert running.stop(by) == 0
        assert running.out.endswith(f"\n{STOPS}Gerbang has stopped.\n")
        assert running.err == ""


def test_who_asks_a_second_time_does_not_wait_for_what_is_under_way(databases: Databases) -> None:
    url = databases.fresh()
    with program("serve", "--port", "0", GERBANG_DATABASE_URL=url, GERBANG_SECRET_KEY="k" * 32) as running:
        address = httpx.URL(running.url())
        with locked(url), socket.create_connection((address.host, address.port or 0), 10) as waiting:
            body = b'{"grantType":"client_credentials"}'
            head = f"POST /v1/access-token HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            keys = "X-MERCHANT-ID: 01a21b62-f4cb-7334-b712-5a25893fb71c\r\nX-MERCHANT-SECRET: x\r\n"
            waiting.sendall(f"{head}{keys}Content-Type: application/json\r\n\r\n".encode() + body)
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            until(running, STOPS)
            time.sleep(0.3)
            assert running.process.poll() is None, "it did not wait for what is under way"
            started = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - started < DRAIN_SECONDS / 2
        assert running.out.endswith("Gerbang has stopped at once.\n")


def test_ctrl_c_of_make_run_says_what_happens_and_make_says_nothing(data: Path) -> None:
    """As typed into a terminal, which sends it to make, to the shell and to the gateway alike."""
    screen, terminal = pty.openpty()
    make = subprocess.Popen(
        ["setsid", "--ctty", "make", "-o", ".venv/.python", "-o", ".venv/.run", "run", f"ARGS=--port 0 --data {data}"],
        cwd=ROOT,
        env={name: value for name, value in clean_environment().items() if not name.startswith("MAKE")},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = ""
    try:
        while "at a till" not in shown:
            shown += os.read(screen, 65_536).decode()
        os.write(screen, b"\x03")
        with contextlib.suppress(OSError):  # the last one has left the terminal
            while part := os.read(screen, 65_536).decode():
                shown += part
    finally:
        make.terminate()
        make.wait(10)
        os.close(screen)
    told = shown.replace("\r", "").partition("^C\n")[2]
    assert told.startswith(STOPS)
    assert told.endswith("Gerbang has stopped.\n")
    assert "make" not in told
