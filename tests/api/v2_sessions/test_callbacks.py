"""Callbacks: what a shop is told and when, how it can tell our word from a stranger's, and how often it is told again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gerbang.clock import SystemClock
from gerbang.domain.signatures import verify_standard_webhooks
from tests.api.v2_sessions.contracts import CONTRACT, CheckedShop
from tests.api.v2_sessions.listeners import Heard, Listener
from tests.api.v2_sessions.sessions import in_state, rupiah, waiting

OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}
RETRY_SCHEDULE = [timedelta(minutes=5), timedelta(minutes=15), *(timedelta(hours=hours) for hours in (1, 3, 6, 12))]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


def listens(shop: CheckedShop, listener: Listener, product: str = "payment") -> dict[str, str]:
    """Points the shop's callbacks to the listener; the key and the secret that they carry."""
    answered = shop.call("PUT", f"/sandbox/callbacks/{product}", {"url": listener.url})
    assert answered.status_code == 200, answered.text
    return answered.json()


def heard(shop: CheckedShop, listener: Listener) -> list[Heard]:
    """What the listener has heard once everything that is due was sent, each held against the contract."""
    shop.advance(seconds=0)
    for callback in listener.heard:
        assert CONTRACT.event_faults(callback.body) == [], callback.body
    return listener.heard


def delivery(shop: CheckedShop) -> dict[str, Any]:
    """The newest delivery."""
    return shop.get("/sandbox/deliveries?limit=1")["items"][0]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- what is told -----------------------------------------------------------------------------------------------------


def test_a_paid_payment_is_told_as_it_is_read(shop: CheckedShop, listener: Listener) -> None:
    listens(shop, listener)
    session = shop.create(mode="REDIRECT", customer={"email": "budi@shop.example"}, metadata={"z": 1, "a": 1.5})
    shop.simulate(session["id"])
    [callback] = heard(shop, listener)
    assert callback.said == {"event": "PAYMENT.PAID", "data": shop.get(f"/v2/payments/{session['id']}")["data"]}
    assert b'"metadata":{"z":1,"a":1.5}' in callback.body
    assert (callback.method, callback.path) == ("POST", "/callbacks?shop=1")


def test_each_arrival_at_a_static_payment_is_told_with_its_own_charge_alone(
    shop: CheckedShop, listener: Listener
) -> None:
    listens(shop, listener)
    # BCA settles days later, so no settlement comes between.
    session = shop.create(**OPEN, paymentMethodOptions={"virtualAccount": {"channel": "BCA"}})
    for value in (11_000, 12_000, 13_000):
        shop.simulate(session["id"], amount=rupiah(value))
    told = [callback.said for callback in heard(shop, listener)]
    assert {each["event"] for each in told} == {"CHARGE.SUCCESS"}
    assert {each["data"]["status"] for each in told} == {"ACTIVE"}
    # They are sent side by side, and arrive in any order.
    charges = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    in_order = sorted((each["data"]["chargeDetails"] for each in told), key=lambda alone: alone[0]["amount"]["value"])
    assert in_order == [[charge] for charge in reversed(charges)]


def test_a_cancelled_payment_is_told(shop: CheckedShop, listener: Listener) -> None:
    listens(shop, listener)
    payment_id = waiting(shop)
    session = shop.post(f"/v2/payments/{payment_id}/cancel", {"cancellationReason": "DUPLICATED"})["data"]
    [callback] = heard(shop, listener)
    assert callback.said == {"event": "PAYMENT.CANCELLED", "data": session}


@pytest.mark.parametrize("state", ["REQUIRE_ACTION", "ACTIVE", "EXPIRED", "INACTIVE"])
def test_what_the_vendor_does_not_tell_is_not_told(shop: CheckedShop, listener: Listener, state: str) -> None:
    listens(shop, listener)
    in_state(shop, state)
    assert heard(shop, listener) == []


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
def test_money_that_was_not_owed_is_told_under_a_name_of_our_own(
    shop: CheckedShop, listener: Listener, state: str, paid: int, reason: str
) -> None:
    payment_id = in_state(shop, state)
    shop.advance(seconds=0)
    listens(shop, listener, "money")
    assert shop.simulate(payment_id, amount=rupiah(paid), bankReference=f"REF-{payment_id}") == "false"
    [callback] = heard(shop, listener)
    session = shop.get(f"/v2/payments/{payment_id}")["data"]
    [charge] = session["chargeDetails"] or [None]
    number = (charge or session["paymentMethod"])["virtualAccount"]["virtualAccountNumber"]
    [row] = shop.gateway.rows("SELECT id FROM reports WHERE merchant_id = $1 AND outcome <> 'booked'", shop.merchant_id)
    told = callback.said["data"]
    assert callback.said["event"] == "MONEY.SET_ASIDE"
    assert told | {"receivedAt": ""} == {
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


def test_news_is_told_as_it_was_however_much_later_it_is_sent(traveller: CheckedShop, listener: Listener) -> None:
    listens(traveller, listener)
    listener.status = 500
    session = traveller.create(**OPEN)
    traveller.simulate(session["id"], amount=rupiah(11_000))
    first = heard(traveller, listener)[0].body
    traveller.simulate(session["id"], "EXPIRED")
    listener.status = 200
    traveller.advance(seconds=300)
    assert [callback.body for callback in listener.heard] == [first, first]
    assert listener.heard[1].said["data"]["status"] == "ACTIVE"


# -- from whom --------------------------------------------------------------------------------------------------------


def test_a_callback_carries_the_key_and_a_standard_signature(shop: CheckedShop, listener: Listener) -> None:
    keys = listens(shop, listener)
    shop.simulate(shop.create()["id"])
    [callback] = heard(shop, listener)
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
    keys = listens(shop, listener)
    other = listens(CheckedShop.of(shop.gateway.new_shop()), listener)
    assert keys["apiKey"] != other["apiKey"]
    assert keys["signingSecret"] != other["signingSecret"]
    assert listens(shop, listener) == keys


def test_events_are_numbered_in_their_order(shop: CheckedShop, listener: Listener) -> None:
    listens(shop, listener)
    session = shop.create(**OPEN)
    for value in (11_000, 12_000, 13_000):
        shop.simulate(session["id"], amount=rupiah(value))
    numbers = [int(callback.headers["x-gerbang-sequence"]) for callback in heard(shop, listener)]
    # The first event is that the payment was created; a settlement may come between, since BRI settles at once.
    assert (len(set(numbers)), min(numbers)) == (3, 2)
    assert {item["sequence"] for item in shop.get("/sandbox/deliveries")["items"]} == set(numbers)


# -- again ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_callback_that_was_taken_is_not_sent_again(shop: CheckedShop, listener: Listener, status: int) -> None:
    listens(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(heard(shop, listener)) == 1
    assert (delivery(shop)["state"], delivery(shop)["nextAt"]) == ("delivered", None)


def test_the_ladder_is_climbed_to_the_second_and_then_the_callback_is_parked(
    traveller: CheckedShop, listener: Listener
) -> None:
    keys = listens(traveller, listener)
    listener.status = 503
    traveller.simulate(traveller.create()["id"])
    heard(traveller, listener)
    for number, wait in enumerate(RETRY_SCHEDULE, 1):
        tried = delivery(traveller)
        assert (tried["state"], len(tried["tries"]), len(listener.heard)) == ("waiting", number, number)
        due = instant(tried["nextAt"])
        assert due - instant(tried["tries"][-1]["at"]) == wait
        traveller.advance(to=(due - timedelta(seconds=10)).isoformat())
        assert len(listener.heard) == number
        traveller.advance(to=due.isoformat())
        assert timedelta(0) <= instant(delivery(traveller)["tries"][-1]["at"]) - due < timedelta(seconds=5)
    parked = delivery(traveller)
    assert (parked["state"], parked["nextAt"], len(parked["tries"])) == ("parked", None, 7)
    assert {attempt["status"] for attempt in parked["tries"]} == {503}
    traveller.advance(seconds=30 * 86_400)
    assert len(listener.heard) == 7
    assert traveller.get("/sandbox/deliveries?state=parked")["items"] == [parked]
    # Each time the same bytes under the same id, signed anew.
    assert len({callback.body for callback in listener.heard}) == 1
    assert {callback.headers["webhook-id"] for callback in listener.heard} == {parked["eventId"]}
    for callback, attempt in zip(listener.heard, parked["tries"], strict=True):
        assert instant(callback.headers["x-gerbang-clock"]) == instant(attempt["at"])
        at = int(callback.headers["webhook-timestamp"])
        assert verify_standard_webhooks([keys["signingSecret"]], callback.headers, callback.body, at)


def test_a_receiver_with_the_real_clock_believes_a_callback_after_the_sandboxs_clock_was_moved(
    traveller: CheckedShop, listener: Listener
) -> None:
    keys = listens(traveller, listener)
    traveller.advance(seconds=3_000 * 86_400)
    traveller.simulate(traveller.create()["id"])
    [callback] = heard(traveller, listener)
    real = SystemClock().now()
    assert verify_standard_webhooks(
        [keys["signingSecret"]], callback.headers, callback.body, int(real.timestamp()), tolerance_seconds=60
    )
    assert instant(callback.headers["x-gerbang-clock"]) > real + timedelta(days=300)


@pytest.mark.parametrize("status", [500, 502, 504, 599, 408, 429, 0])
def test_what_may_pass_is_tried_again(shop: CheckedShop, listener: Listener, status: int) -> None:
    listens(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(heard(shop, listener)) == 1
    tried = delivery(shop)
    assert (tried["state"], tried["tries"][0]["status"]) == ("waiting", status or None)
    assert bool(tried["tries"][0]["error"]) == (status == 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422])
def test_a_plain_no_is_taken_for_an_answer(shop: CheckedShop, listener: Listener, status: int) -> None:
    listens(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    assert len(heard(shop, listener)) == 1
    assert (delivery(shop)["state"], delivery(shop)["nextAt"]) == ("given_up", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(shop: CheckedShop, listener: Listener, status: int) -> None:
    listens(shop, listener)
    listener.status, listener.headers = status, {"Location": listener.url.replace("callbacks", "elsewhere")}
    shop.simulate(shop.create()["id"])
    assert [callback.path for callback in heard(shop, listener)] == ["/callbacks?shop=1"]
    assert delivery(shop)["state"] == "given_up"


def test_nobody_there_is_tried_again_and_found_when_somebody_is(traveller: CheckedShop) -> None:
    with Listener() as gone:
        listens(traveller, gone)
    traveller.simulate(traveller.create()["id"])
    traveller.advance(seconds=0)
    assert (delivery(traveller)["state"], delivery(traveller)["tries"][0]["status"]) == ("waiting", None)
    with Listener() as there:
        listens(traveller, there)
        traveller.advance(seconds=300)
        assert [callback.said["event"] for callback in there.heard] == ["PAYMENT.PAID"]
    assert delivery(traveller)["state"] == "delivered"


def test_a_shop_that_comes_back_hears_everything_once(traveller: CheckedShop, listener: Listener) -> None:
    listens(traveller, listener)
    listener.status = 500
    session = traveller.create(**OPEN)
    for number in range(5):
        traveller.simulate(session["id"], amount=rupiah(10_000 + number))
    heard(traveller, listener)
    listener.status = 200
    listener.heard.clear()
    traveller.advance(seconds=300)
    told = sorted(callback.said["data"]["chargeDetails"][0]["amount"]["value"] for callback in listener.heard)
    assert told == [10_000, 10_001, 10_002, 10_003, 10_004]


# -- once more ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404, 500])
def test_any_callback_can_be_sent_once_more(shop: CheckedShop, listener: Listener, status: int) -> None:
    listens(shop, listener)
    listener.status = status
    shop.simulate(shop.create()["id"])
    heard(shop, listener)
    listener.status = 200
    asked = shop.call("POST", f"/sandbox/deliveries/{delivery(shop)['id']}/resend")
    assert (asked.status_code, asked.json()["id"]) == (200, delivery(shop)["id"])
    first, second = heard(shop, listener)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert delivery(shop)["state"] == "delivered"
    assert [attempt["number"] for attempt in delivery(shop)["tries"]] == [1, 2]


def test_a_parked_callback_that_is_sent_again_climbs_the_whole_ladder_anew(
    traveller: CheckedShop, listener: Listener
) -> None:
    listens(traveller, listener)
    listener.status = 500
    traveller.simulate(traveller.create()["id"])
    traveller.advance(seconds=30 * 86_400)
    assert len(listener.heard) == 7
    traveller.call("POST", f"/sandbox/deliveries/{delivery(traveller)['id']}/resend")
    traveller.advance(seconds=30 * 86_400)
    assert len(listener.heard) == 14
    tries = [instant(attempt["at"]) for attempt in delivery(traveller)["tries"][7:]]
    for wait, (earlier, later) in zip(RETRY_SCHEDULE, pairwise(tries), strict=True):
        assert wait <= later - earlier < wait + timedelta(seconds=5)
    assert delivery(traveller)["state"] == "parked"


@pytest.mark.parametrize("id_", ["00000000-0000-4000-8000-000000000000", "1"])
def test_a_callback_that_never_was_cannot_be_sent_again(shop: CheckedShop, id_: str) -> None:
    assert shop.call("POST", f"/sandbox/deliveries/{id_}/resend").status_code == 404


def test_a_shop_without_a_server_finds_its_callbacks_in_the_inbox(shop: CheckedShop) -> None:
    session = shop.create()
    shop.simulate(session["id"])
    [item] = shop.inbox()
    assert item["body"]["data"]["id"] == session["id"]
    assert item["headers"]["x-api-key"]
    assert delivery(shop)["state"] == "delivered"
