"""Stopping: a gateway says so, waits for requests under way, and does not wait after a second signal."""

import asyncio
import contextlib
import itertools
import json
import os
import pty
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.support.gateways import Databases
from tests.support.programs import ROOT, Caller, Program, clean_environment, keys_of, program
from tests.support.services import connected

DRAIN_SECONDS = 3
KEYS = "X-MERCHANT-ID: 01a21b62-f4cb-7334-b712-5a25893fb71c\r\nX-MERCHANT-SECRET: x\r\n"
SIGN_IN = f"POST /v1/access-token HTTP/1.1\r\nHost: x\r\n{KEYS}Content-Type: application/json\r\n"
HALF = "POST /sandbox/inbox/{} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\nhalf"
STOPS = "Stopping: what is under way may end, 3 seconds at most. Asked again, it stops at once.\n"
"""What a gateway prints at the first signal."""
PROTOCOLS = ("HTTP/1.1\r\nHost: x", "HTTP/1.1\r\nHost: x\r\nConnection: close")


def until(running: Program, line: str, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while line not in running.out:
        assert time.monotonic() < end, f"not printed: {line}\n{running.out}{running.err}"
        time.sleep(0.01)


def warnings(running: Program) -> list[dict[str, object]]:
    """The lines of its log from warnings up; checks that every line is JSON."""
    return [line for line in map(json.loads, running.err.splitlines()) if line["level"] not in ("debug", "info")]


def line_to(url: str, sent: bytes) -> socket.socket:
    """A connection on which `sent` was sent."""
    address = httpx.URL(url)
    line = socket.create_connection((address.host, address.port or 0), 10)
    line.sendall(sent)
    return line


def received(line: socket.socket, end: bytes = b"") -> bytes:
    """What is received up to `end`, or until the gateway closes the connection."""
    received = b""
    while not (end and end in received) and (part := line.recv(65_536)):
        received += part
    return received


def half_a_post(running: Program, data: Path) -> socket.socket:
    """A connection on which a request was sent in part."""
    url = running.url()
    half = line_to(url, HALF.format(keys_of(data)["v2"]["merchantId"]).encode())
    running.url()  # what was sent before this is read by now
    return half


@contextlib.contextmanager
def gateway_with_open_pages(database_url: str, data: Path) -> Generator[tuple[Program, list[socket.socket]]]:
    """A gateway with open status streams of two payment pages, some of them with Connection: close."""
    with program("run", "--port", "0", "--data", str(data), GERBANG_DATABASE_URL=database_url) as running:
        url, lines = running.url(), list[socket.socket]()
        running.printed("(at a retail outlet)")
        keys = keys_of(data)["v2"]
        shop = Caller(url, keys["merchantId"], keys["merchantSecret"])
        back = dict.fromkeys(("successReturnUrl", "failureReturnUrl", "expirationReturnUrl"), "https://shop.example")
        for number in range(2):
            order = {"clientReferenceId": f"order-{number}", "amount": {"value": 20_000, "currency": "IDR"}}
            created = shop.done("POST", "/v2/payments", {**order, "mode": "REDIRECT", "redirectUrl": back})["data"]
            target = created["paymentUrl"].removeprefix(url).replace("/detail?", "/detail/events?")
            lines += [line_to(url, f"GET {target} {rest}\r\n\r\n".encode()) for rest in PROTOCOLS]
        with contextlib.ExitStack() as open_lines:
            for line in lines:
                open_lines.enter_context(line)
                assert b"\ndata: " in received(line, b"\n\n\r\n")
            yield running, lines


@contextlib.contextmanager
def locked(database_url: str) -> Generator[None]:
    """Locks the tables of merchants and credentials, so that requests wait."""
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
def test_a_gateway_prints_that_it_stops_and_that_it_has_stopped(data: Path, by: signal.Signals) -> None:
    with program("run", "--port", "0", "--data", str(data)) as running:
        running.url()
        running.printed("(at a retail outlet)")
        assert running.stop(by) == 0
        assert running.out.endswith(f"\n{STOPS}Gerbang has stopped.\n")
        assert running.err == ""


def test_a_second_signal_does_not_wait_for_requests_under_way(databases: Databases) -> None:
    url = databases.fresh()
    with program("serve", "--port", "0", GERBANG_DATABASE_URL=url, GERBANG_SECRET_KEY="k" * 32) as running:
        address = httpx.URL(running.url())
        with locked(url), socket.create_connection((address.host, address.port or 0), 10) as waiting:
            body = b'{"grantType":"client_credentials"}'
            waiting.sendall(f"{SIGN_IN}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            until(running, STOPS)
            time.sleep(0.3)
            assert running.process.poll() is None, "it did not wait for what is under way"
            started = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - started < DRAIN_SECONDS
        assert running.out.endswith("Gerbang has stopped at once.\n")
    assert warnings(running) == []


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_open_status_streams_end_at_once_without_an_error(databases: Databases, data: Path, by: signal.Signals) -> None:
    with gateway_with_open_pages(databases.fresh(), data) as (running, lines):
        started = time.monotonic()
        assert running.stop(by) == 0
        assert time.monotonic() - started < DRAIN_SECONDS
        assert [received(line) for line in lines] == [b"0\r\n\r\n"] * len(lines)
    assert warnings(running) == []


def test_an_unfinished_request_is_cut_after_the_drain_and_counted_in_the_log(databases: Databases, data: Path) -> None:
    with gateway_with_open_pages(databases.fresh(), data) as (running, lines), half_a_post(running, data) as half:
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert [received(line) for line in lines] == [b"0\r\n\r\n"] * len(lines)
        assert time.monotonic() - started < DRAIN_SECONDS, "the pages waited for somebody else's request"
        assert running.ended() == 0
        assert DRAIN_SECONDS - 0.5 < time.monotonic() - started < DRAIN_SECONDS * 3
        assert received(half) == b""
    assert [(line["level"], line["requests"]) for line in warnings(running)] == [("warning", 1)]


def test_a_second_signal_with_open_streams_and_an_unfinished_request_is_no_error(
    databases: Databases, data: Path
) -> None:
    with gateway_with_open_pages(databases.fresh(), data) as (running, _), half_a_post(running, data):
        running.process.send_signal(signal.SIGINT)
        until(running, STOPS)
        started = time.monotonic()
        assert running.stop(signal.SIGINT) == 0
        assert time.monotonic() - started < DRAIN_SECONDS
    assert running.out.endswith("Gerbang has stopped at once.\n")
    assert warnings(running) == []


@pytest.mark.parametrize("command", ["serve", "serve --processes 3", "work", "run --data {data}"])
@pytest.mark.parametrize("seconds", [0.001, 0.02])
def test_no_further_signal_kills_a_gateway_that_stops(
    databases: Databases, data: Path, command: str, seconds: float
) -> None:
    settings = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": "k" * 32}
    with program(*command.format(data=data).split(), "--port", "0", **settings) as running:
        running.url()
        for by in itertools.cycle([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]):
            running.process.send_signal(by)
            time.sleep(seconds)
            if running.process.poll() is not None:
                break
        assert running.ended() == 0
        assert running.out.count("Gerbang has stopped") == 1


def test_ctrl_c_of_make_run_prints_the_stop_and_no_error_of_make(data: Path) -> None:
    """As typed into a terminal, which sends the signal to make, to the shell and to the gateway."""
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
        while "at a retail outlet" not in shown:
            shown += os.read(screen, 65_536).decode()
        os.write(screen, b"\x03")
        with contextlib.suppress(OSError):  # every process has closed the terminal
            while part := os.read(screen, 65_536).decode():
                shown += part
    finally:
        make.terminate()
        make.wait(10)
        os.close(screen)
    after = shown.replace("\r", "").partition("^C\n")[2]
    assert after.startswith(STOPS)
    assert after.endswith("Gerbang has stopped.\n")
    assert "make" not in after
