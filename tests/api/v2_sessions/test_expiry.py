"""Expiry: a payment expires at its own instant for every reader, whether or not a worker has stored it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import rupiah, status_of, waiting
from tests.support.gateways import Databases, Gateway

QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
STATIC: dict[str, Any] = {"paymentType": "MULTIPLE", "expiryAt": "2025-03-30T06:03:00Z"}


@pytest.fixture
def idle(databases: Databases, tmp_path: Path) -> Iterator[CheckedShop]:
    """A shop on a gateway without workers."""
    with Gateway(databases.fresh(), tmp_path, work=False) as gateway:
        yield CheckedShop.of(gateway.shop)


def move(shop: CheckedShop, to: datetime) -> None:
    """Sets the clock to an instant and stops it there. No worker runs."""
    clock: Any = shop.gateway.services.world.clock
    clock.move_to(to)
    clock._ticking = False
    assert clock.now() == to


def end_of(session: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(session["expiryAt"])


def stored_states(shop: CheckedShop) -> set[str]:
    return {row["state"] for row in shop.gateway.rows("SELECT state FROM payments")}


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({}, "REQUIRE_ACTION", "EXPIRED"),
        (QR, "REQUIRE_ACTION", "EXPIRED"),
        ({"autoConfirm": False}, "REQUIRE_CONFIRMATION", "EXPIRED"),
        ({"paymentMethod": None, "paymentMethodOptions": None}, "REQUIRE_PAYMENT_METHOD", "EXPIRED"),
        (STATIC, "ACTIVE", "INACTIVE"),
    ],
)
def test_a_payment_expires_at_its_instant_for_every_reader(
    idle: CheckedShop, changes: dict[str, Any], before: str, after: str
) -> None:
    session = idle.create(**changes)
    reference = session["clientReferenceId"]

    def read() -> list[dict[str, Any]]:
        return [
            idle.get(f"/v2/payments/{session['id']}")["data"],
            *idle.get("/v2/payments")["data"],
            *idle.get(f"/v2/payments?clientReferenceId={reference}")["data"],
        ]

    move(idle, end_of(session) - timedelta(microseconds=1))
    assert [found["status"] for found in read()] == [before] * 3
    move(idle, end_of(session))
    kept = stored_states(idle)
    found = read()
    assert [each["status"] for each in found] == [after] * 3
    assert found[0] == found[1] == found[2]
    assert datetime.fromisoformat(found[0]["updatedAt"]) == end_of(session).replace(microsecond=0)
    charges = idle.get(f"/v2/charges?clientReferenceId={reference}")["data"]
    assert {charge["status"] for charge in charges} <= {"EXPIRED"}
    assert len(charges) == (before == "REQUIRE_ACTION")
    # Reading did not store it.
    assert stored_states(idle) == kept
    assert not kept & {"expired", "inactive"}


def test_an_expired_payment_is_neither_confirmed_cancelled_nor_paid(idle: CheckedShop) -> None:
    payment_id = waiting(idle)
    session = idle.create()
    move(idle, end_of(session))
    for path in (f"/v2/payments/{payment_id}/confirm", f"/v2/payments/{payment_id}/cancel"):
        answered = idle.call("POST", path, {"paymentMethod": {"type": "QR"}} if path.endswith("confirm") else {})
        assert "EXPIRED" in refusal(answered, status=422, code="api_validation_error")
    assert idle.simulate(session["id"]) == "false"
    assert status_of(idle, session["id"]) == "EXPIRED"
    [row] = idle.gateway.rows("SELECT outcome FROM reports")
    assert row["outcome"] == "late"


def test_an_expired_payment_cannot_be_ended_again(idle: CheckedShop) -> None:
    session = idle.create()
    move(idle, end_of(session))
    body = {"paymentSessionId": session["id"], "chargeStatus": "EXPIRED"}
    answered = idle.call("POST", "/v2/payments/simulations", body)
    assert "EXPIRED" in refusal(answered, status=422, code="api_validation_error")


def test_a_virtual_account_that_ends_before_its_payment_expires_at_its_own_instant(idle: CheckedShop) -> None:
    options = {"virtualAccount": {"channel": "BRI", "expiryAt": "2025-03-30T05:55:00Z"}}
    session = idle.create(paymentMethodOptions=options)
    move(idle, datetime.fromisoformat("2025-03-30T05:55:00Z"))
    read = idle.get(f"/v2/payments/{session['id']}")["data"]
    assert (read["status"], read["chargeDetails"][0]["status"]) == ("REQUIRE_ACTION", "EXPIRED")
    assert idle.simulate(session["id"]) == "false"


def test_paid_in_time_stays_paid(idle: CheckedShop) -> None:
    session = idle.create()
    move(idle, end_of(session) - timedelta(microseconds=1))
    assert idle.simulate(session["id"]) == "true"
    move(idle, end_of(session) + timedelta(days=1))
    read = idle.get(f"/v2/payments/{session['id']}")["data"]
    assert (read["status"], read["chargeDetails"][0]["status"]) == ("PAID", "SUCCESS")


def test_an_open_static_payment_never_expires(idle: CheckedShop) -> None:
    session = idle.create(paymentType="MULTIPLE", amount=None)
    move(idle, datetime.fromisoformat("2034-01-01T00:00:00Z"))
    assert status_of(idle, session["id"]) == "ACTIVE"
    assert idle.simulate(session["id"], amount=rupiah(10_000)) == "true"


def test_the_worker_stores_the_expiry_that_readers_already_see(sole_shop: CheckedShop) -> None:
    session, static = sole_shop.create(), sole_shop.create(**STATIC)
    sole_shop.advance(to="2025-03-30T06:10:00Z")
    assert stored_states(sole_shop) == {"expired", "inactive"}
    events = sole_shop.get("/sandbox/events")["items"]
    ended = {event["paymentId"]: event["createdAt"] for event in events if event["event"] == "payment.expired"}
    assert ended == {session["id"]: session["expiryAt"], static["id"]: static["expiryAt"]}
    assert sole_shop.received_events() == []


def test_ending_a_payment_early_is_visible_at_once(sole_shop: CheckedShop) -> None:
    session = sole_shop.create()
    assert sole_shop.simulate(session["id"], "EXPIRED") == "true"
    read = sole_shop.get(f"/v2/payments/{session['id']}")["data"]
    assert (read["status"], read["chargeDetails"][0]["status"]) == ("EXPIRED", "EXPIRED")
    assert end_of(read) < end_of(session)
