"""The clock of the sandbox: it moves forward only, and when it answers everything that fell due has been done."""

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

from tests.api.sandbox.explorers import Explorer, receiver
from tests.support.gateways import DOCUMENTS_DAY, Databases, Gateway, Shop


def instant(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def now(explorer: Explorer) -> datetime:
    return instant(explorer.done("GET", "clock")["now"])


def test_the_clock_starts_where_it_was_told_to_and_ticks(traveller: Explorer) -> None:
    first = now(traveller)
    assert DOCUMENTS_DAY <= first < DOCUMENTS_DAY + timedelta(minutes=1)
    assert first < now(traveller) < first + timedelta(minutes=1)


def test_the_offset_is_how_far_the_clock_is_from_the_machines(traveller: Explorer) -> None:
    told = traveller.done("GET", "clock")
    machine = datetime.now(UTC)
    assert abs(instant(told["now"]) - machine - timedelta(seconds=told["offsetSeconds"])) < timedelta(seconds=5)
    traveller.done("POST", "clock/advance", {"seconds": 3600})
    assert traveller.done("GET", "clock")["offsetSeconds"] == pytest.approx(told["offsetSeconds"] + 3600, abs=1)


def test_the_clock_moves_by_seconds(traveller: Explorer) -> None:
    before = now(traveller)
    moved = instant(traveller.done("POST", "clock/advance", {"seconds": 86_400})["now"])
    assert timedelta(days=1) <= moved - before < timedelta(days=1, minutes=1)
    assert moved <= now(traveller)


@pytest.mark.parametrize(
    ("to", "arrived"),
    [
        ("2025-04-01T00:00:00Z", "2025-04-01T00:00:00Z"),
        ("2025-04-01T07:00:00+07:00", "2025-04-01T00:00:00Z"),
        ("2025-04-01T07:00:00", "2025-04-01T00:00:00Z"),
    ],
)
def test_the_clock_moves_to_an_instant(traveller: Explorer, to: str, arrived: str) -> None:
    moved = instant(traveller.done("POST", "clock/advance", {"to": to})["now"])
    assert instant(arrived) <= moved < instant(arrived) + timedelta(minutes=1)


def test_the_clock_never_goes_back(traveller: Explorer) -> None:
    before = now(traveller)
    for to in ("2025-03-30T05:48:00Z", "1970-01-01T00:00:00Z"):
        answered = traveller.try_out("POST", "clock/advance", {"to": to})
        assert answered.status_code == 400
        error = answered.json()["error"]
        assert error["field"] == "to"
        assert "only move forward" in error["message"]
    assert before <= now(traveller) < before + timedelta(minutes=1)


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
def test_a_move_that_makes_no_sense_is_refused_and_moves_nothing(
    explorer: Explorer, body: object, field: str | None
) -> None:
    before = now(explorer)
    assert explorer.refused("POST", "clock/advance", body) == (400, "invalid", field)
    assert now(explorer) - before < timedelta(minutes=1)


def test_the_clock_stops_before_the_calendar_does(databases: Databases, tmp_path: Path) -> None:
    with Gateway(databases.fresh(), tmp_path, clock=datetime(8995, 1, 1, tzinfo=UTC)) as gateway:
        explorer = Explorer.of(gateway.shop)
        assert explorer.refused("POST", "clock/advance", {"seconds": 315_360_000}) == (400, "invalid", None)
        explorer.done("POST", "clock/advance", {"to": "8999-12-31T23:00:00Z"})
        explorer.simulate(explorer.create()["id"])
        assert explorer.news() == ["PAYMENT.PAID"]


def test_everything_that_fell_due_is_done_when_the_clock_answers(traveller: Explorer) -> None:
    """Expiries are written down and retries are sent before the answer comes: nobody needs to sleep or to poll."""
    with receiver([500, 500]) as server:
        traveller.done("PUT", "callbacks/payment", {"url": server.url})
        left_alone = [traveller.create()["id"] for _ in range(20)]
        traveller.simulate(traveller.create()["id"])
        told = traveller.done("POST", "clock/advance", {"seconds": 3 * 3600})
        assert len(server.bodies) == 3
    assert told["done"]["expired"] == 20
    assert traveller.gateway.rows("SELECT state, count(*) FROM payments GROUP BY state ORDER BY state") == [
        {"state": "expired", "count": 20},
        {"state": "paid", "count": 1},
    ]
    assert {traveller.get(f"/v2/payments/{payment}")["data"]["status"] for payment in left_alone} == {"EXPIRED"}
    assert [delivery["state"] for delivery in traveller.deliveries()] == ["delivered"]


def test_what_falls_due_on_the_way_happens_at_its_own_time(traveller: Explorer) -> None:
    with receiver([500] * 7) as server:
        traveller.done("PUT", "callbacks/payment", {"url": server.url})
        traveller.simulate(traveller.create()["id"])
        traveller.done("POST", "clock/advance", {"seconds": 0})
        traveller.done("POST", "clock/advance", {"seconds": 30 * 86_400})
    (delivery,) = traveller.deliveries()
    assert delivery["state"] == "parked"
    tries = [instant(attempt["at"]) for attempt in delivery["tries"]]
    waits = [round((later - earlier).total_seconds()) for earlier, later in pairwise(tries)]
    assert waits == [300, 900, 3600, 10_800, 21_600, 43_200]


def test_a_payment_ends_at_its_own_instant_however_far_the_clock_jumps(traveller: Explorer) -> None:
    payment = traveller.create()
    traveller.done("POST", "clock/advance", {"seconds": 86_400})
    read = traveller.get(f"/v2/payments/{payment['id']}")["data"]
    assert read["status"] == "EXPIRED"
    assert instant(read["updatedAt"]) - instant(payment["expiryAt"]) < timedelta(seconds=1)


def test_the_clock_may_be_moved_by_several_at_once(traveller: Explorer) -> None:
    with receiver([500] * 2) as server:
        traveller.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(5):
            traveller.simulate(traveller.create()["id"])
        before = now(traveller)
        with ThreadPoolExecutor(8) as pool:
            calls = [
                pool.submit(traveller.try_out, "POST", "clock/advance", {"seconds": 600 * number})
                for number in range(1, 9)
            ]
            moved = [call.result() for call in calls]
    assert [answered.status_code for answered in moved] == [200] * 8
    assert now(traveller) - before >= timedelta(seconds=4800)
    assert {delivery["state"] for delivery in traveller.deliveries()} == {"delivered"}


def test_the_clock_goes_on_where_it_was_after_a_restart(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    with Gateway(url, tmp_path) as gateway:
        moved = instant(Explorer.of(gateway.shop).done("POST", "clock/advance", {"seconds": 86_400})["now"])
    # Where it is told to start matters only for a clock that nobody has used.
    for start in (None, DOCUMENTS_DAY):
        with Gateway(url, tmp_path, clock=start) as gateway:
            assert timedelta(0) <= now(Explorer.of(gateway.shop)) - moved < timedelta(minutes=2)


def test_a_process_that_heard_nothing_of_a_move_finds_the_clock_again(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    with Gateway(url, tmp_path) as one, Gateway(url, tmp_path, clock=None) as other:
        explorers = [Explorer(each, other.shop.merchant_id, other.shop.secret) for each in (one, other)]
        moved = instant(explorers[0].done("POST", "clock/advance", {"seconds": 3600})["now"])
        until(lambda: now(explorers[1]) >= moved)
        # Both lose their line, and meanwhile the clock is moved by somebody else.
        one.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'gerbang listening'"
        )
        one.rows("UPDATE sandbox_clock SET offset_seconds = offset_seconds + 86400 RETURNING 1")
        for each in explorers:
            until(lambda each=each: now(each) >= moved + timedelta(days=1))


def test_moving_the_clock_sends_no_try_twice_and_none_late(mover: Explorer) -> None:
    with receiver(itertools.repeat(500), after_seconds=0.4) as server:
        mover.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(12):
            mover.simulate(mover.create()["id"])
        mover.done("POST", "clock/advance", {"seconds": 0})
        # However long the first tries took, the second ones fall due so close together that some are on their way then.
        mover.gateway.rows(
            """UPDATE deliveries d SET next_at = $1::timestamptz + one.place * interval '60 ms'
               FROM (SELECT id, row_number() OVER (ORDER BY id) AS place
                     FROM deliveries WHERE merchant_id = $2 AND state = 'waiting') one
               WHERE d.id = one.id RETURNING d.id""",
            now(mover) + timedelta(seconds=300),
            mover.merchant_id,
        )
        mover.done("POST", "clock/advance", {"seconds": 100_000})
        listed = mover.deliveries(state="parked")
        assert [len(item["tries"]) for item in listed] == [7] * 12
        assert len(server.bodies) == 7 * 12
    for item in listed:
        at = [instant(each["at"]) for each in item["tries"]]
        waits = [round((later - earlier).total_seconds()) for earlier, later in pairwise(at)]
        # A slow machine takes some seconds for each stop; what was passed over is late by minutes at least.
        assert waits == [pytest.approx(wait, abs=60) for wait in (300, 900, 3600, 10_800, 21_600, 43_200)]


def test_moving_the_clock_waits_for_what_is_on_its_way_in_another_process(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    with (
        Gateway(url, tmp_path, work=False) as front,
        Gateway(url, tmp_path, clock=None) as back,
        receiver((), 0.5) as server,
    ):
        mover = Explorer(front, back.shop.merchant_id, back.shop.secret)
        mover.done("PUT", "callbacks/payment", {"url": server.url})
        for _ in range(12):
            mover.simulate(mover.create()["id"])
        mover.done("POST", "clock/advance", {"seconds": 0})
        assert {item["state"] for item in mover.deliveries()} == {"delivered"}
        assert len(server.bodies) == 12


def test_moving_the_clock_ends_while_others_go_on_paying(gateway: Gateway) -> None:
    mover, payers = Explorer.of(gateway.shop), [gateway.new_shop() for _ in range(3)]
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
            # Two days may have gone by since then, and it is too late for this one.
            paid += ask(f"/{made.json()['data']['id']}/tasks", action="receive_payment").status_code == 201
        return paid

    with ThreadPoolExecutor(len(payers)) as pool:
        paying = [pool.submit(pay, shop) for shop in payers]
        try:
            for move in ({"seconds": 1}, {"workingDays": 2}, {"seconds": 0}):
                began = time.monotonic()
                mover.done("POST", "clock/advance", move)
                assert time.monotonic() - began < 25, "they pay without end"
        finally:
            enough.set()
        assert all(each.result() > 3 for each in paying)


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
