"""Whether a process lives (/livez) and can do its work (/readyz, /healthz): 503 with the reason while it cannot, and 200 again."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import asyncpg
import httpx
import pytest

from gerbang.db.embedded import postgres
from tests.support.gateways import Gateway, Shop
from tests.support.services import connected, run

READ_ONLY = "ALTER DATABASE {{database}} SET default_transaction_read_only = {}"
REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '{}'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON installation EXECUTE FUNCTION refuse()"""
NOT_REFUSING = "DROP FUNCTION refuse CASCADE"


def said(gateway: Gateway, statements: str) -> None:
    """What somebody else does in the database; all who were connected have to connect anew."""

    async def story() -> None:
        assert gateway.settings.database_url is not None
        async with connected(gateway.settings.database_url) as connection:
            await connection.execute("SET default_transaction_read_only = off")
            name = await connection.fetchval("SELECT current_database()")
            await connection.execute(statements.replace("{database}", name))
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                name,
            )

    run(story)


@contextlib.contextmanager
def held(url: str | None, statement: str) -> Generator[None]:
    """A transaction of somebody else's that holds what the statement has locked."""
    assert url is not None
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("BEGIN"))
        runner.run(connection.execute(statement))
        yield
        runner.run(connection.close())


class Plug:
    """A PostgreSQL of its own that can be pulled out and put back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = contextlib.ExitStack()
        self.url = ""

    def put_in(self) -> None:
        self.url = self._running.enter_context(postgres(self._folder, say=lambda _: None))

    def pull_out(self) -> None:
        self._running.close()


@pytest.fixture
def plug(data: Path) -> Generator[Plug]:
    plug = Plug(data)
    plug.put_in()
    yield plug
    plug.pull_out()


@pytest.fixture
def plugged(plug: Plug, tmp_path: Path) -> Generator[Gateway]:
    with Gateway(plug.url, tmp_path / "gateway") as gateway:
        yield gateway


def until(gateway: Gateway, status: int, reason: str = "", seconds: float = 10) -> httpx.Response:
    """Asks until the gateway answers so."""
    end = time.monotonic() + seconds
    while (answered := gateway.client.get("/healthz")).status_code != status or reason not in answered.text:
        assert time.monotonic() < end, f"still {answered.status_code} {answered.text}"
        time.sleep(0.1)
    return answered


def test_a_gateway_that_can_work_says_so(shared_gateway: Gateway) -> None:
    answered = shared_gateway.client.get("/healthz")
    assert (answered.status_code, answered.json()) == (200, {"status": "ok"})
    assert answered.headers["cache-control"] == "no-store"
    head = shared_gateway.client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


def test_health_is_asked_for_and_never_posted(shared_gateway: Gateway) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answered = shared_gateway.client.request(method, "/healthz")
        assert answered.status_code == 405
        assert "GET" in answered.headers["allow"]


def test_a_gateway_lives_whatever_its_database_does(plug: Plug, plugged: Gateway) -> None:
    plug.pull_out()
    until(plugged, 503)
    assert (plugged.client.get("/livez").status_code, plugged.client.get("/readyz").status_code) == (200, 503)


@pytest.mark.parametrize(
    ("changed", "back", "reason"),
    [
        (READ_ONLY.format("on"), READ_ONLY.format("off"), "takes no writes"),
        (REFUSING.format("53100"), NOT_REFUSING, "disk is full"),
        (REFUSING.format("57014"), NOT_REFUSING, "took too long"),
        ("UPDATE migrations SET number = -number", "UPDATE migrations SET number = -number", "gerbang migrate"),
        ("UPDATE installation SET mode = 'live'", "UPDATE installation SET mode = 'sandbox'", "another database"),
    ],
    ids=["only reads", "disk full", "cancelled", "older tables", "another database"],
)
def test_a_gateway_that_cannot_write_is_not_ready(gateway: Gateway, changed: str, back: str, reason: str) -> None:
    said(gateway, changed)
    until(gateway, 503, reason)
    assert gateway.client.get("/livez").status_code == 200
    shop = gateway.shop
    said(gateway, back)
    until(gateway, 200)
    assert shop.create()["status"] == "REQUIRE_ACTION"


def test_a_gateway_behind_a_lock_is_not_ready(gateway: Gateway) -> None:
    """As behind a change of tables that waits for somebody's long query."""
    with held(gateway.settings.database_url, "LOCK TABLE payments"):
        until(gateway, 503, "holds a lock", seconds=5)
    until(gateway, 200)


def test_many_who_ask_for_health_make_few_writes(gateway: Gateway) -> None:
    until(gateway, 200)
    commits = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS count"
    (before,) = gateway.rows(commits)
    for _ in range(50):
        assert gateway.client.get("/readyz").status_code == 200
    (after,) = gateway.rows(commits)
    assert after["count"] - before["count"] < 20


def refusals(shop: Shop) -> list[tuple[int, str]]:
    """How each kind of work is refused, in its own dialect's words."""
    create = {"clientReferenceId": "x", "amount": {"value": 20_000, "currency": "IDR"}}
    answered = [shop.call("POST", "/v2/payments", create), shop.call("GET", "/v2/payments")]
    sandbox = shop.call("GET", "/sandbox/inbox")
    return [
        *((one.status_code, one.json()["code"]) for one in answered),
        (sandbox.status_code, sandbox.json()["error"]["code"]),
    ]


def test_a_gateway_without_its_database_says_why_and_comes_back_by_itself(plug: Plug, plugged: Gateway) -> None:
    shop = plugged.shop
    kept = shop.create()
    plug.pull_out()
    gone = until(plugged, 503)
    assert gone.json()["status"] == "unavailable"
    assert "database cannot be reached" in gone.json()["reason"]
    assert refusals(shop) == [(503, "service_unavailable")] * 2 + [(503, "unavailable")]
    assert plugged.client.get("/docs/v2_sessions").status_code == 200
    plug.put_in()
    assert until(plugged, 200).json() == {"status": "ok"}
    assert shop.get(f"/v2/payments/{kept['id']}")["data"]["status"] == "REQUIRE_ACTION"
    # Its workers are back too: what is paid now is told.
    shop.simulate(kept["id"])
    assert shop.news() == ["PAYMENT.PAID"]


def test_a_database_that_says_nothing_is_as_good_as_gone(plug: Plug, plugged: Gateway) -> None:
    backends = [
        row["pid"] for row in plugged.rows("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    ]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert until(plugged, 503).json()["status"] == "unavailable"
        assert time.monotonic() - started < 5
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    until(plugged, 200)
    assert plugged.shop.create()["status"] == "REQUIRE_ACTION"
