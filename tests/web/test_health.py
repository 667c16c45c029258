"""Health checks: /livez, and /readyz and /healthz with 503 and the reason while the gateway cannot work."""

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


def run_as_another(gateway: Gateway, statements: str) -> None:
    """Runs statements in the gateway's database and ends all of its connections."""

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
    """An open transaction of another client that holds the locks of a statement."""
    assert url is not None
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("BEGIN"))
        runner.run(connection.execute(statement))
        yield
        runner.run(connection.close())


class OwnPostgres:
    """A PostgreSQL of its own that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = contextlib.ExitStack()
        self.url = ""

    def start(self) -> None:
        self.url = self._running.enter_context(postgres(self._folder, say=lambda _: None))

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def own_postgres(data: Path) -> Generator[OwnPostgres]:
    own_postgres = OwnPostgres(data)
    own_postgres.start()
    yield own_postgres
    own_postgres.stop()


@pytest.fixture
def own_gateway(own_postgres: OwnPostgres, tmp_path: Path) -> Generator[Gateway]:
    with Gateway(own_postgres.url, tmp_path / "gateway") as gateway:
        yield gateway


def until(gateway: Gateway, status: int, reason: str = "", seconds: float = 10) -> httpx.Response:
    """Requests /healthz until it answers with this status and reason. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while (answered := gateway.client.get("/healthz")).status_code != status or reason not in answered.text:
        assert time.monotonic() < end, f"still {answered.status_code} {answered.text}"
        time.sleep(0.1)
    return answered


def test_a_gateway_that_can_work_is_ready(shared_gateway: Gateway) -> None:
    answered = shared_gateway.client.get("/healthz")
    assert (answered.status_code, answered.json()) == (200, {"status": "ok"})
    assert answered.headers["cache-control"] == "no-store"
    head = shared_gateway.client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


def test_health_checks_allow_get_and_head_only(shared_gateway: Gateway) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answered = shared_gateway.client.request(method, "/healthz")
        assert answered.status_code == 405
        assert "GET" in answered.headers["allow"]


def test_livez_answers_200_without_a_database(own_postgres: OwnPostgres, own_gateway: Gateway) -> None:
    own_postgres.stop()
    until(own_gateway, 503)
    assert (own_gateway.client.get("/livez").status_code, own_gateway.client.get("/readyz").status_code) == (200, 503)


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
    run_as_another(gateway, changed)
    until(gateway, 503, reason)
    assert gateway.client.get("/livez").status_code == 200
    shop = gateway.shop
    run_as_another(gateway, back)
    until(gateway, 200)
    assert shop.create()["status"] == "REQUIRE_ACTION"


def test_a_gateway_is_not_ready_while_a_lock_blocks_its_tables(gateway: Gateway) -> None:
    """As when a migration waits for a long query."""
    with held(gateway.settings.database_url, "LOCK TABLE payments"):
        until(gateway, 503, "holds a lock", seconds=5)
    until(gateway, 200)


def test_many_health_checks_make_few_writes(gateway: Gateway) -> None:
    until(gateway, 200)
    commits = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS count"
    (before,) = gateway.rows(commits)
    for _ in range(50):
        assert gateway.client.get("/readyz").status_code == 200
    (after,) = gateway.rows(commits)
    assert after["count"] - before["count"] < 20


def refusals(shop: Shop) -> list[tuple[int, str]]:
    """Status and error code with which each dialect refuses its requests."""
    create = {"clientReferenceId": "x", "amount": {"value": 20_000, "currency": "IDR"}}
    answered = [shop.call("POST", "/v2/payments", create), shop.call("GET", "/v2/payments")]
    sandbox = shop.call("GET", "/sandbox/inbox")
    return [
        *((one.status_code, one.json()["code"]) for one in answered),
        (sandbox.status_code, sandbox.json()["error"]["code"]),
    ]


def test_a_gateway_without_its_database_gives_the_reason_and_recovers_by_itself(
    own_postgres: OwnPostgres, own_gateway: Gateway
) -> None:
    shop = own_gateway.shop
    kept = shop.create()
    own_postgres.stop()
    gone = until(own_gateway, 503)
    assert gone.json()["status"] == "unavailable"
    assert "database cannot be reached" in gone.json()["reason"]
    assert refusals(shop) == [(503, "service_unavailable")] * 2 + [(503, "unavailable")]
    assert own_gateway.client.get("/docs/v2_sessions").status_code == 200
    own_postgres.start()
    assert until(own_gateway, 200).json() == {"status": "ok"}
    assert shop.get(f"/v2/payments/{kept['id']}")["data"]["status"] == "REQUIRE_ACTION"
    # Its workers are back too: a payment sends a callback.
    shop.simulate(kept["id"])
    assert shop.received_events() == ["PAYMENT.PAID"]


def test_a_database_that_does_not_answer_makes_the_gateway_not_ready(
    own_postgres: OwnPostgres, own_gateway: Gateway
) -> None:
    backends = [
        row["pid"] for row in own_gateway.rows("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    ]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert until(own_gateway, 503).json()["status"] == "unavailable"
        assert time.monotonic() - started < 5
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    until(own_gateway, 200)
    assert own_gateway.shop.create()["status"] == "REQUIRE_ACTION"
