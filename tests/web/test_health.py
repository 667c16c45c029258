"""GET /healthz: 200 while the gateway can do its work, 503 with the reason while its database is gone, and 200 again."""

import contextlib
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from gerbang.db.embedded import postgres
from tests.gateways import Gateway, Shop


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
def plug(tmp_path: Path) -> Generator[Plug]:
    plug = Plug(tmp_path / "postgres")
    plug.put_in()
    yield plug
    plug.pull_out()


@pytest.fixture
def plugged(plug: Plug, tmp_path: Path) -> Generator[Gateway]:
    with Gateway(plug.url, tmp_path / "gateway") as gateway:
        yield gateway


def until(gateway: Gateway, status: int, seconds: float = 10) -> httpx.Response:
    """Asks until the gateway answers so."""
    end = time.monotonic() + seconds
    while (answered := gateway.client.get("/healthz")).status_code != status:
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
