"""`gerbang run`: start, keys, a first payment, stop and restart; and many processes on one database in production."""

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gerbang.listening import base_url, cannot_listen, listen
from gerbang.settings import Settings, SettingsWrong
from tests.support.gateways import Databases
from tests.support.plain_http import TRUSTS_NOBODY
from tests.support.ports import held_ports
from tests.support.programs import (
    Caller,
    is_gone,
    keys_of,
    postgres_of,
    program,
    program_with_descriptors,
    short_folder,
    typed,
)
from tests.support.snap_bank import live_connections

FIRST_START_SECONDS_MAX = 5.0
SECOND_START_SECONDS_MAX = 2.0
STOP_SECONDS_MAX = 5.0
SLOW_MACHINE = 4
"""The factor on the promised start times, since tests may share the processors."""
SECRET_KEY = "a key of at least thirty-two characters"


@pytest.fixture
def empty() -> Iterator[Path]:
    """The path of a data folder that does not exist yet."""
    with short_folder() as folder:
        yield folder / "var"


def run(data: Path, *arguments: str, port: int = 0) -> list[str]:
    return ["run", "--port", str(port), "--data", str(data), *arguments]


def caller(data: Path) -> Caller:
    keys = keys_of(data)
    return Caller(keys["baseUrl"], keys["v2"]["merchantId"], keys["v2"]["merchantSecret"])


def test_one_command_starts_everything_and_a_second_start_keeps_the_data(empty: Path) -> None:
    with program(*run(empty, "--clock", "2025-03-30T05:48:17Z")) as first:
        url = first.url()
        assert time.monotonic() - first.started < FIRST_START_SECONDS_MAX * SLOW_MACHINE
        assert "the clock: 2025-03-30T05:48:" in first.out
        keys = keys_of(empty)
        assert list(keys) == ["baseUrl", "v2", "v4", "dashboard"]
        assert keys["baseUrl"] == url
        assert list(keys["v2"]) == ["merchantId", "merchantSecret", "callbackApiKey", "callbackSigningSecret"]
        assert list(keys["v4"]) == ["apiKey", "secretKey", "signingSecret", "disbursementSigningSecret"]
        assert list(keys["dashboard"]) == ["email", "password"]
        assert all(re.fullmatch(r"[!-~]+", key) for part in ("v2", "v4", "dashboard") for key in keys[part].values())
        assert (empty / "sandbox.json").stat().st_mode & 0o777 == 0o600
        assert (empty / "secret.key").stat().st_mode & 0o777 == 0o600
        assert keys["v2"]["merchantSecret"] in first.out
        assert str(empty / "sandbox.json") in first.out
        paid, left = caller(empty).create("order-1"), caller(empty).create("order-2")
        assert caller(empty).pay(paid["id"]).json()["data"]["updated"] == "true"
        assert caller(empty).received_events(1) == ["PAYMENT.PAID"]
        assert first.stop() == 0
        assert first.err == ""
    with program(*run(empty)) as second:
        again = second.url()
        assert time.monotonic() - second.started < SECOND_START_SECONDS_MAX * SLOW_MACHINE
        assert keys_of(empty) == keys | {"baseUrl": again}
        assert [caller(empty).status(one["id"]) for one in (paid, left)] == ["PAID", "REQUIRE_ACTION"]
        # The callback URL of the sandbox merchant follows the new port.
        caller(empty).pay(left["id"])
        assert caller(empty).received_events(2) == ["PAYMENT.PAID"] * 2
        assert "2025-03-30T05:4" in second.out, "the clock went on where it was"


def test_the_keys_are_private_whatever_the_umask(empty: Path) -> None:
    empty.mkdir()
    (empty / "sandbox.json").write_text("{}")
    (empty / "sandbox.json").chmod(0o644)
    old = os.umask(0)
    try:
        with program(*run(empty)) as running:
            running.url()
            modes = {path.name: path.stat().st_mode & 0o777 for path in empty.iterdir() if path.is_file()}
    finally:
        os.umask(old)
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(data: Path, by: signal.Signals) -> None:
    with program(*run(data)) as running:
        url = urlsplit(running.url())
        database = postgres_of(data)
        # An open connection and an unfinished request do not delay the stop.
        with (
            httpx.Client(base_url=url.geturl(), verify=TRUSTS_NOBODY) as idle,
            socket.create_connection((url.hostname or "", url.port or 0)) as half,
        ):
            assert idle.get("/healthz").status_code == 200
            half.sendall(b"POST /v2/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            started = time.monotonic()
            assert running.stop(by) == 0
            assert time.monotonic() - started < STOP_SECONDS_MAX
        assert is_gone(database)
        assert running.err == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname or "", url.port or 0)).close()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["cluster.*", "cluster/postmaster.pid"], ids=["made", "started"])
def test_a_signal_during_the_start_leaves_nothing_running(empty: Path, by: signal.Signals, moment: str) -> None:
    """While the database is created, and while it is started."""
    with program(*run(empty)) as running:
        until(lambda: any(part.stat().st_size for part in (empty / "postgres").glob(moment)), 20)
        started = time.monotonic()
        code = running.stop(by)
        assert time.monotonic() - started < STOP_SECONDS_MAX
        assert code in (0, 130), running.err
        assert "Traceback" not in running.err
    # There is no process id if it was never started, and none after a clean stop.
    with contextlib.suppress(FileNotFoundError):
        assert is_gone(postgres_of(empty)), "PostgreSQL outlived a stop"
    with program(*run(empty)) as running:
        running.url()


def test_after_a_kill_the_next_start_recovers(data: Path) -> None:
    with program(*run(data)) as first:
        first.url()
        payment = caller(data).create("order-1")["id"]
        orphan = postgres_of(data)
        first.process.kill()
        first.ended()
    with program(*run(data)) as second:
        second.url()
        assert postgres_of(data) != orphan
        assert caller(data).status(payment) == "REQUIRE_ACTION"


@pytest.mark.fast
def test_a_repeated_order_is_not_an_error_in_the_databases_log(data: Path) -> None:
    with program(*run(data)) as running:
        running.url()
        shop = caller(data)
        shop.create("order-1")
        with pytest.raises(AssertionError, match="exists already"):
            shop.create("order-1")
        assert shop.create("order-2")["status"] == "REQUIRE_ACTION"
        # Read before the stop, which may cancel a worker's statement: PostgreSQL calls that an error, too.
        assert "ERROR" not in (data / "postgres.log").read_text()


@pytest.mark.parametrize("same_port", [False, True])
def test_a_second_gateway_on_one_folder_says_so_and_exits(data: Path, same_port: bool) -> None:
    with program(*run(data)) as first:
        url = first.url()
        keys = keys_of(data)
        port = urlsplit(url).port or 0
        with program(*run(data, port=port if same_port else 0)) as second:
            assert second.ended(20) == 1
        assert second.out == ""
        assert second.err.startswith("gerbang: Another gateway (process ")
        assert f"{first.process.pid}) is running on {data}" in second.err
        assert "--data" in second.err
        assert len(second.err.splitlines()) == 1
        assert keys_of(data) == keys
        assert caller(data).create("order-1")["status"] == "REQUIRE_ACTION"


def test_a_port_in_use_is_reported_and_nothing_is_left_running(empty: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with program(*run(empty, port=taken.getsockname()[1])) as running:
            assert running.ended() == 1
        assert f"Cannot listen on localhost port {taken.getsockname()[1]}" in running.err
        assert "--port" in running.err
        assert len(running.err.splitlines()) == 1
    with program(*run(empty)) as running:
        running.url()


def test_the_printed_commands_run_in_any_shell(data: Path) -> None:
    with program(*run(data)) as running:
        running.url()
        running.printed("(retail_outlet)")
        script = running.out[running.out.index("Create a payment:") :]
        script = re.sub(r"(?m)^[A-Z].*:$", "", script)
        assert script.count("curl") == 5
        done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60, check=True)
        assert '"status":"REQUIRE_ACTION"' in done.stdout
        assert '"virtualAccountNumber":"' in done.stdout
        assert '{"updated":"true"}' in done.stdout
        assert '"event":"PAYMENT.PAID"' in done.stdout
        assert '"retailOutletName":"ALFAMART"' in done.stdout
        assert caller(data).received_events(1) == ["PAYMENT.PAID"]


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
    ],
)
def test_the_printed_address_can_be_called(host: str, shown: str) -> None:
    assert base_url(Settings(host=host), 8000) == f"http://{shown}:8000"
    assert base_url(Settings(host=host, public_url="https://pay.example.id"), 8000) == "https://pay.example.id"


def test_localhost_answers_in_both_families_on_one_port() -> None:
    with listen(Settings(port=0)) as listener:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, listener.port), 5).close()
    with listen(Settings(host="127.0.0.1", port=0)) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("::1", listener.port), 5).close()


def test_a_port_that_is_in_use_in_one_family_is_not_used_in_the_other() -> None:
    """Otherwise a call to localhost would reach the one or the other by chance."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsWrong, match=f"Cannot listen on localhost port {port}: Address already in use"):
            listen(Settings(port=port))
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_under_1024_is_reported_as_reserved() -> None:
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    shown = cannot_listen(Settings(port=443), refused)
    assert shown.startswith(
        "Cannot listen on localhost port 443: the system keeps ports under 1024 for its administrator."
    )
    assert "--port" in shown
    assert "Another program" not in shown
    assert "Permission denied" in cannot_listen(Settings(port=8000), refused)


def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    """With Nagle's algorithm every second answer of a kept connection would wait for 40 ms."""

    async def story() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def peer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line: socket.socket = writer.get_extra_info("socket")
            accepted.set_result(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen(Settings(port=0)) as listener:
            async with await asyncio.start_server(peer, sock=listener.sockets[0]):
                _, writer = await asyncio.open_connection(listener.host, listener.port)
                writer.close()
                return await accepted

    assert asyncio.run(story()) != 0


# -- production ---------------------------------------------------------------------------------------------------------


def merchant(environment: dict[str, str]) -> tuple[str, str]:
    shown = typed(
        "merchant", "create", "--name", "Toko", "--short-name", "TOKO", "--email", "t@toko.example", **environment
    )
    return shown["merchant id"], shown["merchant secret"]


def test_many_processes_work_on_one_database(databases: Databases) -> None:
    shared = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": SECRET_KEY, "GERBANG_PORT": "0"}
    with program("serve", **shared) as one, program("serve", **shared) as two, program("work", **shared) as worker:
        here = Caller(one.url(), *merchant(shared))
        there = here.at(two.url())
        worker.printed("(working)")
        inbox = f"{there.url}/sandbox/inbox/{here.merchant_id}"
        here.done("PUT", "/sandbox/callbacks/payment", {"url": inbox})
        # Created on one process, paid on another; the third sends the callback.
        payment = here.create("order-1")["id"]
        assert there.pay(payment).json()["data"]["updated"] == "true"
        assert here.status(payment) == there.status(payment) == "PAID"
        assert here.received_events(1) == there.received_events(1) == ["PAYMENT.PAID"]
        # A clock moved on one process moves on all.
        left = there.create("order-2")["id"]
        moved = instant(here.done("POST", "/sandbox/clock/advance", {"seconds": 86_400})["now"])
        assert moved - datetime.now(UTC) > timedelta(hours=23)
        until(lambda: instant(there.done("GET", "/sandbox/clock")["now"]) >= moved)
        assert there.status(left) == here.status(left) == "EXPIRED"
        # What falls due from now on falls due by the new clock, also in the worker.
        later = here.create("order-3")
        assert instant(later["expiryAt"]) > moved
        assert [one.stop(), two.stop(), worker.stop()] == [0, 0, 0]
        assert one.err + two.err + worker.err == ""


def test_a_worker_answers_health_checks(databases: Databases) -> None:
    shared = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": SECRET_KEY, "GERBANG_PORT": "0"}
    with program("work", "--port", "0", **shared) as worker:
        url = worker.url()
        for path in ("livez", "readyz", "healthz"):
            assert httpx.get(f"{url}/{path}", timeout=10, verify=TRUSTS_NOBODY).json() == {"status": "ok"}
        assert httpx.get(f"{url}/v2/payments", timeout=10).status_code == 404, "nothing else is answered there"
        assert worker.stop() == 0


def test_a_process_raises_its_limit_of_descriptors_and_refuses_connections_beyond_it(databases: Databases) -> None:
    """The soft limit is 64 and the hard limit 96, of which 24 are kept for the database and files."""
    shared = {"GERBANG_DATABASE_URL": databases.fresh(), "GERBANG_SECRET_KEY": SECRET_KEY, "GERBANG_PORT": "0"}
    with program_with_descriptors(64, 96, "serve", **shared) as server:
        url = urlsplit(server.url())
        assert "96 file descriptors: up to 72 connections at once, 36 of them pages" in server.out
        with contextlib.ExitStack() as open_:
            lines = [
                open_.enter_context(socket.create_connection((url.hostname or "", url.port or 0), 10))
                for _ in range(90)
            ]
            until(lambda: "a connection was refused" in server.err)
            shown = [line.recv(100)[:13] for line in lines[80:]]
        assert shown == [b"HTTP/1.1 503 "] * 10
        assert server.err.count("a connection was refused") == 1
        until(lambda: httpx.get(f"{url.geturl()}/healthz", verify=TRUSTS_NOBODY).status_code == 200)
        assert server.stop() == 0


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_live_mode_has_no_sandbox(databases: Databases, data: Path, tmp_path: Path) -> None:
    live = {
        "GERBANG_MODE": "live",
        "GERBANG_CONNECTIONS": str(live_connections(tmp_path, "virtual_account")),
        "GERBANG_DATABASE_URL": databases.fresh(),
        "GERBANG_SECRET_KEY": SECRET_KEY,
        "GERBANG_PUBLIC_URL": "https://pay.example.id",
        "GERBANG_PORT": "0",
    }
    with program(*run(data), **live) as refused:
        assert refused.ended() == 1
    assert refused.err.startswith("gerbang: Live mode does not run on")
    keys = merchant(live)
    with program(
        "callbacks", "set", "--merchant", keys[0], "--product", "payment", "--url", "http://127.0.0.1:9/", **live
    ) as set_:
        assert set_.ended() == 1
    assert "not on the public internet" in set_.err
    shown = typed(
        "callbacks", "set", "--merchant", keys[0], "--product", "payment", "--url", "https://8.8.8.8/x", **live
    )
    assert shown["url"] == "https://8.8.8.8/x"
    with (
        held_ports() as (port,),
        program("serve", "--port", str(port), **live | {"GERBANG_PORT": "1"}) as server,
    ):
        assert server.printed(r"answers at (.+)") == f"https://pay.example.id (listening on 127.0.0.1 port {port})"
        here = Caller(f"http://127.0.0.1:{port}", *keys)
        payment = here.create("order-1")
        assert payment["status"] == "REQUIRE_ACTION"
        answered = here.pay(payment["id"])
        assert (answered.status_code, answered.json()["code"]) == (403, "forbidden_access")
        assert here.status(payment["id"]) == "REQUIRE_ACTION"
        for method, path in (
            ("GET", "clock"),
            ("POST", "clock/advance"),
            ("GET", "inbox"),
            ("POST", f"inbox/{keys[0]}"),
            ("GET", "deliveries"),
            ("PUT", "callbacks/payment"),
            ("POST", "bank/reports"),
            ("GET", "events"),
            ("GET", "ledger"),
        ):
            assert here.ask(method, f"/sandbox/{path}").status_code == 404, path
        assert httpx.get(f"{here.url}/docs/sandbox", verify=TRUSTS_NOBODY).status_code == 404
        assert httpx.get(f"{here.url}/docs/v2_sessions", verify=TRUSTS_NOBODY).status_code == 200
        assert server.stop() == 0
        assert server.err == ""


@pytest.mark.parametrize("missing", ["GERBANG_SECRET_KEY", "GERBANG_PUBLIC_URL", "GERBANG_DATABASE_URL"])
def test_live_mode_does_not_start_with_missing_settings(missing: str) -> None:
    live = {
        "GERBANG_MODE": "live",
        "GERBANG_DATABASE_URL": "postgresql://127.0.0.1:9/gerbang",
        "GERBANG_SECRET_KEY": SECRET_KEY,
        "GERBANG_PUBLIC_URL": "https://pay.example.id",
    }
    del live[missing]
    for command in ("serve", "work"):
        with program(command, **live) as refused:
            assert refused.ended() == 1
        assert refused.err.startswith(f"gerbang: Live mode needs {missing}")


@pytest.mark.parametrize("command", ["serve", "work", "migrate", "audit"])
def test_a_database_that_cannot_be_reached_is_reported_in_one_line(command: str) -> None:
    nowhere = {"GERBANG_DATABASE_URL": "postgresql://127.0.0.1:9/gerbang", "GERBANG_SECRET_KEY": SECRET_KEY}
    with program(command, GERBANG_PORT="0", **nowhere) as refused:
        assert refused.ended() == 1
    assert refused.err.startswith("gerbang: The database at 127.0.0.1:9 cannot be reached")
    assert len(refused.err.splitlines()) == 1
