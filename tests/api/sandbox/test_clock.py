"""The sandbox clock: it only moves forward, and everything that falls due is done before the response."""

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.api.sandbox.sandbox_shops import Receiver, SandboxShop
from tests.support.gateways import DOCUMENTS_DAY, Databases, Gateway, Shop


def instant(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def now(merchant: SandboxShop) -> datetime:
    return instant(merchant.done("GET", "clock")["now"])


def test_the_clock_starts_at_the_configured_time_and_runs(sole_merchant: SandboxShop) -> None:
    first = now(sole_merchant)
    assert DOCUMENTS_DAY <= first < DOCUMENTS_DAY + timedelta(minutes=1)
    assert first < now(sole_merchant) < first + timedelta(minutes=1)


def test_the_offset_is_how_far_the_clock_is_from_the_machines(sole_merchant: SandboxShop) -> None:
    answered = sole_merchant.done("GET", "clock")
    machine = datetime.now(UTC)
    assert abs(instant(answered["now"]) - machine - timedelta(seconds=answered["offsetSeconds"])) < timedelta(seconds=5)
    sole_merchant.done("POST", "clock/advance", {"seconds": 3600})
    assert sole_merchant.done("GET", "clock")["offsetSeconds"] == pytest.approx(answered["offsetSeconds"] + 3600, abs=1)


def test_the_clock_moves_by_seconds(sole_merchant: SandboxShop) -> None:
    before = now(sole_merchant)
    moved = instant(sole_merchant.done("POST", "clock/advance", {"seconds": 86_400})["now"])
    assert timedelta(days=1) <= moved - before < timedelta(days=1, minutes=1)
    assert moved <= now(sole_merchant)


@pytest.mark.parametrize(
    ("to", "arrived"),
    [
        ("2025-04-01T00:00:00Z", "2025-04-01T00:00:00Z"),
        ("2025-04-01T07:00:00+07:00", "2025-04-01T00:00:00Z"),
        ("2025-04-01T07:00:00", "2025-04-01T00:00:00Z"),
    ],
)
def test_the_clock_moves_to_an_instant(sole_merchant: SandboxShop, to: str, arrived: str) -> None:
    moved = instant(sole_merchant.done("POST", "clock/advance", {"to": to})["now"])
    assert instant(arrived) <= moved < instant(arrived) + timedelta(minutes=1)


def test_the_clock_never_goes_back(sole_merchant: SandboxShop) -> None:
    before = now(sole_merchant)
    for to in ("2025-03-30T05:48:00Z", "1970-01-01T00:00:00Z"):
        answered = sole_merchant.request("POST", "clock/advance", {"to": to})
        assert answered.status_code == 400
        error = answered.json()["error"]
        assert error["field"] == "to"
        assert "only move forward" in error["message"]
    assert before <= now(sole_merchant) < before + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"seconds": 1, "to": "2026-01-01T00:00:00Z"}, None),
        ({"seconds": None, "to": None}, None),
        ({"seconds": 1, "workingDays": 1}, None),
        ({"to": "2026-01-01T00:00:00Z", "workingDays": 1}, None),
        ({"workingDays": 0}, "workingDays"),
        ({"workingDays": -1}, "workingDays"),
        ({"workingDays": 61}, "workingDays"),
        ({"workingDays": 1.5}, "workingDays"),
        ({"workingDays": "1"}, "workingDays"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": 1.5}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": 315_360_001}, "seconds"),
        ({"seconds": 10**30}, "seconds"),
        ({"to": "tomorrow"}, "to"),
        ({"to": 1743313697}, "to"),
        ({"to": "2025-02-30T00:00:00Z"}, "to"),
        ({"to": "9999-12-31T23:59:59-14:00"}, "to"),
        ({"to": "2036-01-01T00:00:00Z"}, "to"),
        ([], None),
        (b"", None),
        (b"{", None),
        (b'{"seconds":1,"seconds":2}', "seconds"),
        (b'{"seconds":1e400}', "seconds"),
    ],
)
def test_an_invalid_move_is_refused_and_moves_nothing(merchant: SandboxShop, body: object, field: str | None) -> None:
    before = now(merchant)
    assert merchant.refused("POST", "clock/advance", body) == (400, "invalid", field)
    assert now(merchant) - before < timedelta(minutes=1)


def test_the_clock_cannot_move_past_its_last_year(databases: Databases, tmp_path: Path) -> None:
    with Gateway(databases.fresh(), tmp_path, clock=datetime(8995, 1, 1, tzinfo=UTC)) as gateway:
        merchant = SandboxShop.of(gateway.shop)
        assert merchant.refused("POST", "clock/advance", {"seconds": 315_360_000}) == (400, "invalid", None)
        merchant.done("POST", "clock/advance", {"to": "8999-12-31T23:00:00Z"})
        merchant.simulate(merchant.create()["id"])
        assert merchant.received_events() == ["PAYMENT.PAID"]


def test_everything_that_falls_due_is_done_before_the_response(sole_merchant: SandboxShop) -> None:
    """Expiries are stored and retries are sent before the response, so tests need not sleep or poll."""
    with Receiver([500, 500]) as server:
        sole_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        left_alone = [sole_merchant.create()["id"] for _ in range(20)]
        sole_merchant.simulate(sole_merchant.create()["id"])
        answered = sole_merchant.done("POST", "clock/advance", {"seconds": 3 * 3600})
        assert len(server.received) == 3
    assert answered["done"]["expired"] == 20
    assert sole_merchant.gateway.rows("SELECT state, count(*) FROM payments GROUP BY state ORDER BY state") == [
        {"state": "expired", "count": 20},
        {"state": "paid", "count": 1},
    ]
    assert {sole_merchant.get(f"/v2/payments/{payment}")["data"]["status"] for payment in left_alone} == {"EXPIRED"}
    assert [delivery["state"] for delivery in sole_merchant.deliveries()] == ["delivered"]


def test_what_falls_due_on_the_way_happens_at_its_own_time(sole_merchant: SandboxShop) -> None:
    with Receiver([500] * 7) as server:
        sole_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        sole_merchant.simulate(sole_merchant.create()["id"])
        sole_merchant.done("POST", "clock/advance", {"seconds": 0})
        sole_merchant.done("POST", "clock/advance", {"seconds": 30 * 86_400})
    (delivery,) = sole_merchant.deliveries()
    assert delivery["state"] == "parked"
    tries = [instant(attempt["at"]) for attempt in delivery["tries"]]
    waits = [round((later - earlier).total_seconds()) for earlier, later in pairwise(tries)]
    assert waits == [300, 900, 3600, 10_800, 21_600, 43_200]


def test_a_payment_expires_at_its_own_instant_however_far_the_clock_moves(sole_merchant: SandboxShop) -> None:
    payment = sole_merchant.create()
    sole_merchant.done("POST", "clock/advance", {"seconds": 86_400})
    read = sole_merchant.get(f"/v2/payments/{payment['id']}")["data"]
    assert read["status"] == "EXPIRED"
    assert instant(read["updatedAt"]) - instant(payment["expiryAt"]) < timedelta(seconds=1)


def test_the_clock_can_be_moved_by_several_requests_at_once(sole_merchant: SandboxShop) -> None:
    with Receiver([500] * 2) as server:
        sole_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(5):
            sole_merchant.simulate(sole_merchant.create()["id"])
        before = now(sole_merchant)
        with ThreadPoolExecutor(8) as pool:
            calls = [
                pool.submit(sole_merchant.request, "POST", "clock/advance", {"seconds": 600 * number})
                for number in range(1, 9)
            ]
            moved = [call.result() for call in calls]
    assert [answered.status_code for answered in moved] == [200] * 8
    assert now(sole_merchant) - before >= timedelta(seconds=4800)
    assert {delivery["state"] for delivery in sole_merchant.deliveries()} == {"delivered"}


def test_the_clock_continues_after_a_restart(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    with Gateway(url, tmp_path) as gateway:
        moved = instant(SandboxShop.of(gateway.shop).done("POST", "clock/advance", {"seconds": 86_400})["now"])
    # The configured start only matters for a database without a clock.
    for start in (None, DOCUMENTS_DAY):
        with Gateway(url, tmp_path, clock=start) as gateway:
            assert timedelta(0) <= now(SandboxShop.of(gateway.shop)) - moved < timedelta(minutes=2)


def test_a_process_that_missed_a_move_reads_the_clock_again(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    with Gateway(url, tmp_path) as one, Gateway(url, tmp_path, clock=None) as other:
        merchants = [SandboxShop(each, other.shop.merchant_id, other.shop.secret) for each in (one, other)]
        moved = instant(merchants[0].done("POST", "clock/advance", {"seconds": 3600})["now"])
        until(lambda: now(merchants[1]) >= moved)
        # Both processes lose their LISTEN connection, and meanwhile the clock is moved in the database.
        one.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'gerbang listening'"
        )
        one.rows("UPDATE sandbox_clock SET offset_seconds = offset_seconds + 86400 RETURNING 1")
        for each in merchants:
            until(lambda each=each: now(each) >= moved + timedelta(days=1))


def test_moving_the_clock_sends_no_try_twice_and_none_late(moving_merchant: SandboxShop) -> None:
    with Receiver(itertools.repeat(500), after_seconds=0.4) as server:
        moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(12):
            moving_merchant.simulate(moving_merchant.create()["id"])
        moving_merchant.done("POST", "clock/advance", {"seconds": 0})
        # Second tries fall due 60 ms apart, so some of them are still being sent when the next fall due.
        moving_merchant.gateway.rows(
            """UPDATE deliveries d SET next_at = $1::timestamptz + one.place * interval '60 ms'
               FROM (SELECT id, row_number() OVER (ORDER BY id) AS place
                     FROM deliveries WHERE merchant_id = $2 AND state = 'waiting') one
               WHERE d.id = one.id RETURNING d.id""",
            now(moving_merchant) + timedelta(seconds=300),
            moving_merchant.merchant_id,
        )
        moving_merchant.done("POST", "clock/advance", {"seconds": 100_000})
        listed = moving_merchant.deliveries(state="parked")
        assert [len(item["tries"]) for item in listed] == [7] * 12
        assert len(server.received) == 7 * 12
    for item in listed:
        at = [instant(each["at"]) for each in item["tries"]]
        waits = [round((later - earlier).total_seconds()) for earlier, later in pairwise(at)]
        # A slow machine takes some seconds for each step; a try that was missed would be late by minutes.
        assert waits == [pytest.approx(wait, abs=60) for wait in (300, 900, 3600, 10_800, 21_600, 43_200)]


def test_moving_the_clock_waits_for_callbacks_that_another_process_is_sending(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.fresh()
    with (
        Gateway(url, tmp_path, work=False) as receiving,
        Gateway(url, tmp_path, clock=None) as working,
        Receiver((), 0.5) as server,
    ):
        moving_merchant = SandboxShop(receiving, working.shop.merchant_id, working.shop.secret)
        moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(12):
            moving_merchant.simulate(moving_merchant.create()["id"])
        moving_merchant.done("POST", "clock/advance", {"seconds": 0})
        assert {item["state"] for item in moving_merchant.deliveries()} == {"delivered"}
        assert len(server.received) == 12


def test_moving_the_clock_ends_while_other_requests_go_on_paying(gateway: Gateway) -> None:
    moving_merchant, payers = SandboxShop.of(gateway.shop), [gateway.new_shop() for _ in range(3)]
    enough = threading.Event()

    def pay(shop: Shop) -> int:
        def ask(path: str, **attributes: object) -> httpx.Response:
            body = {"data": {"attributes": attributes}}
            return shop.client.post(f"/api/v4/payments{path}", json=body, auth=shop.v4_keys)

        bri = {"paymentMethodType": "virtual_bank_account", "paymentMethodOptions": {"bankShortCode": "BRI"}}
        paid = 0
        while not enough.is_set():
            made = ask("", referenceId=str(uuid4()), amount=20_000, **bri)
            assert made.status_code == 201, made.text
            # The clock may have moved two days since then, and the payment has expired.
            paid += ask(f"/{made.json()['data']['id']}/tasks", action="receive_payment").status_code == 201
        return paid

    with ThreadPoolExecutor(len(payers)) as pool:
        paying = [pool.submit(pay, shop) for shop in payers]
        try:
            for move in ({"seconds": 1}, {"workingDays": 2}, {"seconds": 0}):
                began = time.monotonic()
                moving_merchant.done("POST", "clock/advance", move)
                assert time.monotonic() - began < 25, "the move did not end while payments went on"
        finally:
            enough.set()
        assert all(each.result() > 3 for each in paying)


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
