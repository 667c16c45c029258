"""Callbacks: their content, when they are sent, how they are authenticated, and how they are retried."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gerbang.clock import SystemClock
from gerbang.domain.signatures import verify_standard_webhooks
from tests.api.v2_sessions.contracts import CONTRACT, CheckedShop
from tests.api.v2_sessions.listeners import Listener
from tests.api.v2_sessions.sessions import in_state, rupiah, waiting
from tests.support.http_servers import ReceivedRequest

OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}
RETRY_SCHEDULE = [timedelta(minutes=5), timedelta(minutes=15), *(timedelta(hours=hours) for hours in (1, 3, 6, 12))]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


def set_callback_url(shop: CheckedShop, listener: Listener, product: str = "payment") -> dict[str, str]:
    """Sends the shop's callbacks to the listener; returns the key and the secret that authenticate them."""
    answered = shop.call("PUT", f"/sandbox/callbacks/{product}", {"url": listener.url})
    assert answered.status_code == 200, answered.text
    return answered.json()


def received(shop: CheckedShop, listener: Listener) -> list[ReceivedRequest]:
    """The callbacks that the listener received after everything due was sent, each checked against the contract."""
    shop.advance(seconds=0)
    for callback in listener.received:
        assert CONTRACT.event_faults(callback.body) == [], callback.body
    return listener.received


def delivery(shop: CheckedShop) -> dict[str, Any]:
    """The newest delivery."""
    return shop.get("/sandbox/deliveries?limit=1")["items"][0]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- contents --------------------------------------------------------------------------------------------------------


def test_the_callback_of_a_paid_payment_is_the_payment_as_it_is_read(shop: CheckedShop, listener: Listener) -> None:
    set_callback_url(shop, listener)
    session = shop.create(mode="REDIRECT", customer={"email": "budi@shop.example"}, metadata={"z": 1, "a": 1.5})
    shop.simulate(session["id"])
    [callback] = received(shop, listener)
    assert callback.parsed == {"event": "PAYMENT.PAID", "data": shop.get(f"/v2/payments/{session['id']}")["data"]}
    assert b'"metadata":{"z":1,"a":1.5}' in callback.body
    assert (callback.method, callback.path) == ("POST", "/callbacks?shop=1")


def test_each_charge_on_a_static_payment_has_a_callback_with_that_charge_alone(
    shop: CheckedShop, listener: Listener
) -> None:
    set_callback_url(shop, listener)
    # BCA settles days later, so no settlement event is between them.
    session = shop.create(**OPEN, paymentMethodOptions={"virtualAccount": {"channel": "BCA"}})
    for value in (11_000, 12_000, 13_000):
        shop.simulate(session["id"], amount=rupiah(value))
    bodies = [callback.parsed for callback in received(shop, listener)]
    assert {each["event"] for each in bodies} == {"CHARGE.SUCCESS"}
    assert {each["data"]["status"] for each in bodies} == {"ACTIVE"}
    # They are sent concurrently, so they arrive in any order.
    charges = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    in_order = sorted((each["data"]["chargeDetails"] for each in bodies), key=lambda alone: alone[0]["amount"]["value"])
    assert in_order == [[charge] for charge in reversed(charges)]


def test_a_cancelled_payment_has_a_callback(shop: CheckedShop, listener: Listener) -> None:
    set_callback_url(shop, listener)
    payment_id = waiting(shop)
    session = shop.post(f"/v2/payments/{payment_id}/cancel", {"cancellationReason": "DUPLICATED"})["data"]
    [callback] = received(shop, listener)
    assert callback.parsed == {"event": "PAYMENT.CANCELLED", "data": session}


@pytest.mark.parametrize("state", ["REQUIRE_ACTION", "ACTIVE", "EXPIRED", "INACTIVE"])
def test_states_without_a_vendor_event_have_no_callback(shop: CheckedShop, listener: Listener, state: str) -> None:
    set_callback_url(shop, listener)
    in_state(shop, state)
    assert received(shop, listener) == []


@pytest.mark.parametrize(
    ("state", "paid", "reason"),
    [
        ("EXPIRED", 20000, "LATE"),
        ("PAID", 20000, "DOUBLE"),
        ("REQUIRE_ACTION", 20001, "OVERPAID"),
        ("REQUIRE_ACTION", 19999, "UNDERPAID"),
        ("INACTIVE", 20000, "LATE"),
    ],
)
def test_money_held_in_suspense_has_a_callback_with_our_own_event_name(
    shop: CheckedShop, listener: Listener, state: str, paid: int, reason: str
) -> None:
    payment_id = in_state(shop, state)
    shop.advance(seconds=0)
    set_callback_url(shop, listener, "money")
    assert shop.simulate(payment_id, amount=rupiah(paid), bankReference=f"REF-{payment_id}") == "false"
    [callback] = received(shop, listener)
    session = shop.get(f"/v2/payments/{payment_id}")["data"]
    [charge] = session["chargeDetails"] or [None]
    number = (charge or session["paymentMethod"])["virtualAccount"]["virtualAccountNumber"]
    [row] = shop.gateway.rows("SELECT id FROM reports WHERE merchant_id = $1 AND outcome <> 'booked'", shop.merchant_id)
    data = callback.parsed["data"]
    assert callback.parsed["event"] == "MONEY.SET_ASIDE"
    assert data | {"receivedAt": ""} == {
        "id": str(row["id"]),
        "paymentSessionId": payment_id,
        "clientReferenceId": session["clientReferenceId"],
        "chargeId": charge["id"] if charge else None,
        "reason": reason,
        "amount": rupiah(paid),
        "number": number,
        "receivedAt": "",
    }
    assert session["status"] == state


def test_a_callback_shows_the_state_at_its_event_however_late_it_is_sent(
    sole_shop: CheckedShop, listener: Listener
) -> None:
    set_callback_url(sole_shop, listener)
    listener.status = 500
    session = sole_shop.create(**OPEN)
    sole_shop.simulate(session["id"], amount=rupiah(11_000))
    first = received(sole_shop, listener)[0].body
    sole_shop.simulate(session["id"], "EXPIRED")
    listener.status = 200
    sole_shop.advance(seconds=300)
    assert [callback.body for callback in listener.received] == [first, first]
    assert listener.received[1].parsed["data"]["status"] == "ACTIVE"


# -- authentication --------------------------------------------------------------------------------------------------


def test_a_callback_carries_the_key_and_a_standard_signature(shop: CheckedShop, listener: Listener) -> None:
    keys = set_callback_url(shop, listener)
    shop.simulate(shop.create()["id"])
    [callback] = received(shop, listener)
    headers = callback.headers
    assert headers["x-api-key"] == keys["apiKey"]
    assert (headers["content-type"], headers["accept"]) == ("application/json", "application/json")
    assert headers["webhook-id"] == delivery(shop)["eventId"]
    now = int(SystemClock().now().timestamp())
    assert abs(now - int(headers["webhook-timestamp"])) <= 10
    secrets = [keys["signingSecret"]]
    assert verify_standard_webhooks(secrets, headers, callback.body, now)
    assert not verify_standard_webhooks(secrets, headers, callback.body + b" ", now)
    assert not verify_standard_webhooks(secrets, headers | {"webhook-id": "msg_0"}, callback.body, now)
    assert not verify_standard_webhooks(["whsec_" + "QUJD" * 8], headers, callback.body, now)


def test_keys_differ_between_merchants_and_stay_when_the_address_changes(shop: CheckedShop, listener: Listener) -> None:
    keys = set_callback_url(shop, listener)
    other = set_callback_url(CheckedShop.of(shop.gateway.new_shop()), listener)
    assert keys["apiKey"] != other["apiKey"]
    assert keys["signingSecret"] != other["signingSecret"]
    assert set_callback_url(shop, listener) == keys


def test_events_are_numbered_in_their_order(shop: CheckedShop, listener: Listener) -> None:
    set_callback_url(shop, listener)
    session = shop.create(**OPEN)
    for value in (11_000, 12_000, 13_000):
        shop.simulate(session["id"], amount=rupiah(value))
    numbers = [int(callback.headers["x-gerbang-sequence"]) for callback in received(shop, listener)]
    # Event 1 is the creation of the payment. BRI settles at once, so a settlement event may be between them.
    assert (len(set(numbers)), min(numbers)) == (3, 2)
    assert {item["sequence"] for item in shop.get("/sandbox/deliveries")["items"]} == set(numbers)


# -- retries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_delivered_callback_is_not_sent_again(shop: CheckedShop, listener: Listener, status: int) -> None:
    set_callback_url(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(received(shop, listener)) == 1
    assert (delivery(shop)["state"], delivery(shop)["nextAt"]) == ("delivered", None)


def test_retries_follow_the_schedule_to_the_second_and_then_the_callback_is_parked(
    sole_shop: CheckedShop, listener: Listener
) -> None:
    keys = set_callback_url(sole_shop, listener)
    listener.status = 503
    sole_shop.simulate(sole_shop.create()["id"])
    received(sole_shop, listener)
    for number, wait in enumerate(RETRY_SCHEDULE, 1):
        tried = delivery(sole_shop)
        assert (tried["state"], len(tried["tries"]), len(listener.received)) == ("waiting", number, number)
        due = instant(tried["nextAt"])
        assert due - instant(tried["tries"][-1]["at"]) == wait
        sole_shop.advance(to=(due - timedelta(seconds=10)).isoformat())
        assert len(listener.received) == number
        sole_shop.advance(to=due.isoformat())
        assert timedelta(0) <= instant(delivery(sole_shop)["tries"][-1]["at"]) - due < timedelta(seconds=5)
    parked = delivery(sole_shop)
    assert (parked["state"], parked["nextAt"], len(parked["tries"])) == ("parked", None, 7)
    assert {attempt["status"] for attempt in parked["tries"]} == {503}
    sole_shop.advance(seconds=30 * 86_400)
    assert len(listener.received) == 7
    assert sole_shop.get("/sandbox/deliveries?state=parked")["items"] == [parked]
    # Each try has the same bytes and the same id, with a new signature.
    assert len({callback.body for callback in listener.received}) == 1
    assert {callback.headers["webhook-id"] for callback in listener.received} == {parked["eventId"]}
    for callback, attempt in zip(listener.received, parked["tries"], strict=True):
        assert instant(callback.headers["x-gerbang-clock"]) == instant(attempt["at"])
        at = int(callback.headers["webhook-timestamp"])
        assert verify_standard_webhooks([keys["signingSecret"]], callback.headers, callback.body, at)


def test_a_receiver_on_real_time_accepts_a_callback_after_the_sandbox_clock_was_moved(
    sole_shop: CheckedShop, listener: Listener
) -> None:
    keys = set_callback_url(sole_shop, listener)
    sole_shop.advance(seconds=3_000 * 86_400)
    sole_shop.simulate(sole_shop.create()["id"])
    [callback] = received(sole_shop, listener)
    real = SystemClock().now()
    assert verify_standard_webhooks(
        [keys["signingSecret"]], callback.headers, callback.body, int(real.timestamp()), tolerance_seconds=60
    )
    assert instant(callback.headers["x-gerbang-clock"]) > real + timedelta(days=300)


@pytest.mark.parametrize("status", [500, 502, 504, 599, 408, 429, 0])
def test_temporary_errors_are_retried(shop: CheckedShop, listener: Listener, status: int) -> None:
    set_callback_url(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(received(shop, listener)) == 1
    tried = delivery(shop)
    assert (tried["state"], tried["tries"][0]["status"]) == ("waiting", status or None)
    assert bool(tried["tries"][0]["error"]) == (status == 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422])
def test_permanent_errors_are_not_retried(shop: CheckedShop, listener: Listener, status: int) -> None:
    set_callback_url(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(received(shop, listener)) == 1
    assert (delivery(shop)["state"], delivery(shop)["nextAt"]) == ("given_up", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(shop: CheckedShop, listener: Listener, status: int) -> None:
    set_callback_url(shop, listener)
    listener.status, listener.headers = status, {"Location": listener.url.replace("callbacks", "elsewhere")}
    shop.simulate(shop.create()["id"])
    assert [callback.path for callback in received(shop, listener)] == ["/callbacks?shop=1"]
    assert delivery(shop)["state"] == "given_up"


def test_a_refused_connection_is_retried_until_a_server_is_there(sole_shop: CheckedShop) -> None:
    with Listener() as gone:
        set_callback_url(sole_shop, gone)
    sole_shop.simulate(sole_shop.create()["id"])
    sole_shop.advance(seconds=0)
    assert (delivery(sole_shop)["state"], delivery(sole_shop)["tries"][0]["status"]) == ("waiting", None)
    with Listener() as there:
        set_callback_url(sole_shop, there)
        sole_shop.advance(seconds=300)
        assert [callback.parsed["event"] for callback in there.received] == ["PAYMENT.PAID"]
    assert delivery(sole_shop)["state"] == "delivered"


def test_a_shop_that_recovers_receives_each_callback_once(sole_shop: CheckedShop, listener: Listener) -> None:
    set_callback_url(sole_shop, listener)
    listener.status = 500
    session = sole_shop.create(**OPEN)
    for number in range(5):
        sole_shop.simulate(session["id"], amount=rupiah(10_000 + number))
    received(sole_shop, listener)
    listener.status = 200
    listener.received.clear()
    sole_shop.advance(seconds=300)
    amounts = sorted(callback.parsed["data"]["chargeDetails"][0]["amount"]["value"] for callback in listener.received)
    assert amounts == [10_000, 10_001, 10_002, 10_003, 10_004]


# -- resending ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404, 500])
def test_any_callback_can_be_resent(shop: CheckedShop, listener: Listener, status: int) -> None:
    set_callback_url(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    received(shop, listener)
    listener.status = 200
    answered = shop.call("POST", f"/sandbox/deliveries/{delivery(shop)['id']}/resend")
    assert (answered.status_code, answered.json()["id"]) == (200, delivery(shop)["id"])
    first, second = received(shop, listener)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert delivery(shop)["state"] == "delivered"
    assert [attempt["number"] for attempt in delivery(shop)["tries"]] == [1, 2]


def test_a_parked_callback_that_is_resent_gets_the_whole_retry_schedule_again(
    sole_shop: CheckedShop, listener: Listener
) -> None:
    set_callback_url(sole_shop, listener)
    listener.status = 500
    sole_shop.simulate(sole_shop.create()["id"])
    sole_shop.advance(seconds=30 * 86_400)
    assert len(listener.received) == 7
    sole_shop.call("POST", f"/sandbox/deliveries/{delivery(sole_shop)['id']}/resend")
    sole_shop.advance(seconds=30 * 86_400)
    assert len(listener.received) == 14
    tries = [instant(attempt["at"]) for attempt in delivery(sole_shop)["tries"][7:]]
    for wait, (earlier, later) in zip(RETRY_SCHEDULE, pairwise(tries), strict=True):
        assert wait <= later - earlier < wait + timedelta(seconds=5)
    assert delivery(sole_shop)["state"] == "parked"


@pytest.mark.parametrize("id_", ["00000000-0000-4000-8000-000000000000", "1"])
def test_an_unknown_callback_cannot_be_resent(shop: CheckedShop, id_: str) -> None:
    assert shop.call("POST", f"/sandbox/deliveries/{id_}/resend").status_code == 404


def test_a_shop_without_a_server_finds_its_callbacks_in_the_inbox(shop: CheckedShop) -> None:
    session = shop.create()
    shop.simulate(session["id"])
    [item] = shop.inbox()
    assert item["body"]["data"]["id"] == session["id"]
    assert item["headers"]["x-api-key"]
    assert delivery(shop)["state"] == "delivered"
