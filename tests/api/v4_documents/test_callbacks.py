"""v4 callbacks: which events are sent and when, how they are signed, and the retry schedule."""

import hashlib
import hmac
import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.api.v2_sessions.listeners import Listener
from tests.api.v4_documents.contracts import CONTRACT, CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    NEXT_WORKDAY,
    PAYOUTS,
    funded,
    in_status,
    link_order,
    made,
    pay_into,
    payout_order,
    read,
    static_va,
    uuid_of,
)
from tests.support.http_servers import ReceivedRequest

PRODUCTS = ("v4-payments", "v4-disbursements")
WAITS = [timedelta(minutes=5 * step) for step in range(1, 20)]


def subscribe(shop: CheckedShop, listener: Listener, *products: str) -> dict[str, str]:
    """Sets the callback URL of each product to the listener. Returns the answer for the last one, with its secret."""
    endpoint: dict[str, str] = {}
    for product in products or ("v4-payments",):
        answered = shop.client.put(f"/sandbox/callbacks/{product}", json={"url": listener.url}, auth=shop.keys)
        assert answered.status_code == 200, answered.text
        endpoint = answered.json()
    return endpoint


def received(shop: CheckedShop, listener: Listener) -> list[ReceivedRequest]:
    """Sends all that is due and returns the callbacks received, in the order of their events, validated by the contract."""
    shop.advance(seconds=0)
    for callback in listener.received:
        assert CONTRACT.event_faults(callback.body) == [], callback.body
    return sorted(listener.received, key=lambda callback: int(callback.headers["x-gerbang-sequence"]))


def delivery(shop: CheckedShop) -> dict[str, Any]:
    """The newest delivery."""
    return shop.v2.get("/sandbox/deliveries?limit=1")["items"][0]


def signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- which events are sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["virtual_bank_account", "retail_outlet", "qris", "e-wallet"])
def test_a_payment_is_sent_when_paid_and_when_completed_exactly_as_it_is_read(
    shop: CheckedShop, listener: Listener, type_: str
) -> None:
    subscribe(shop, listener)
    payment = shop.create(type_, description="Kopi — é 😀")
    shop.do(payment, "receive_payment")
    paid = read(shop, payment)
    assert [callback.parsed for callback in received(shop, listener)] == [{"data": paid}]
    shop.do(payment, "settle")
    completed = read(shop, payment)
    assert [callback.parsed for callback in received(shop, listener)] == [{"data": paid}, {"data": completed}]
    assert (paid["attributes"]["status"], completed["attributes"]["status"]) == ("paid", "completed")
    assert {(one.method, one.path) for one in listener.received} == {("POST", "/callbacks?shop=1")}


def test_the_completed_callback_is_sent_on_the_day_of_settlement(traveller: CheckedShop, listener: Listener) -> None:
    subscribe(traveller, listener)
    traveller.do(traveller.create(), "receive_payment")
    traveller.advance(to="2025-04-08T09:59:30+07:00")
    assert len(listener.received) == 1
    traveller.advance(to=NEXT_WORKDAY)
    assert [one.parsed["data"]["attributes"]["status"] for one in received(traveller, listener)] == [
        "paid",
        "completed",
    ]


@pytest.mark.parametrize("status", ["pending", "cancelled", "expired", "failed"])
def test_no_callback_is_sent_for_other_statuses(shop: CheckedShop, listener: Listener, status: str) -> None:
    subscribe(shop, listener, *PRODUCTS)
    in_status(shop, status)
    assert received(shop, listener) == []


def test_money_held_in_suspense_is_sent_to_the_money_product_and_not_to_v4_endpoints(
    shop: CheckedShop, listener: Listener
) -> None:
    subscribe(shop, listener)
    payment = shop.create()
    shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(payment), "amount": 19_999})
    assert received(shop, listener) == []
    [item] = shop.inbox()
    assert (item["body"]["event"], item["body"]["data"]["reason"]) == ("MONEY.SET_ASIDE", "UNDERPAID")


def test_a_retried_callback_shows_the_payment_as_it_was_at_the_event(
    traveller: CheckedShop, listener: Listener
) -> None:
    subscribe(traveller, listener)
    listener.status = 500
    payment = traveller.create()
    traveller.do(payment, "receive_payment")
    [first] = received(traveller, listener)
    traveller.do(payment, "settle")
    listener.status = 200
    traveller.advance(seconds=300)
    paid, again, completed = received(traveller, listener)
    assert (paid.body, again.body) == (first.body, first.body)
    assert completed.parsed["data"]["attributes"]["status"] == "completed"


def test_each_product_has_its_own_endpoint(shop: CheckedShop) -> None:
    with Listener() as sessions, Listener() as payments, Listener() as payouts:
        shop.v2.call("PUT", "/sandbox/callbacks/payment", {"url": sessions.url})
        subscribe(shop, payments, "v4-payments")
        subscribe(funded(shop), payouts, "v4-disbursements")
        shop.v2.simulate(shop.v2.create()["id"])
        payment = shop.create()
        shop.do(payment, "receive_payment")
        link = made(shop, LINKS, link_order())
        shop.do(link, "receive_payment")
        payout = made(shop, PAYOUTS, payout_order())
        shop.do(payout, "complete")
        shop.advance(seconds=0)
        assert [one.parsed["event"] for one in sessions.received] == ["PAYMENT.PAID"]
        # The first two are of the money from `funded`: paid into a static account, and settled at once.
        ids = [one.parsed["data"]["id"] for one in received(shop, payments)]
        assert ids[-2:] == [payment["id"], link["id"]]
        assert [one.parsed["data"]["id"] for one in received(shop, payouts)] == [payout["id"]]


# -- signatures ------------------------------------------------------------------------------------------------------


def test_the_signature_is_computed_over_the_exact_bytes_of_the_body(shop: CheckedShop, listener: Listener) -> None:
    secret = subscribe(shop, listener)["signingSecret"]
    assert re.fullmatch("ss_[0-9a-f]{32}", secret)
    shop.do(shop.create(description="Kopi — é 😀 \"'<>&"), "receive_payment")
    [callback] = received(shop, listener)
    headers = callback.headers
    assert headers["xfers-signature"] == signed(secret, callback.body)
    assert headers["x-xfers-signature"] == headers["xfers-signature"]
    assert headers["content-type"] == "application/json"
    assert headers["xfers-signature"] != signed(secret, callback.body + b" ")
    assert headers["xfers-signature"] != signed("ss_5572cf13d099", callback.body)
    # Some merchants serialize the parsed body again and verify the signature over that.
    again = json.dumps(callback.parsed, ensure_ascii=False, separators=(",", ":")).encode()
    assert again == callback.body


def test_each_product_and_merchant_has_its_own_secret_that_a_new_url_does_not_change(
    shop: CheckedShop, listener: Listener
) -> None:
    payments, payouts = (subscribe(shop, listener, product) for product in PRODUCTS)
    others = subscribe(shop.other_merchant(), listener)
    assert len({endpoint["signingSecret"] for endpoint in (payments, payouts, others)}) == 3
    with Listener() as elsewhere:
        assert subscribe(shop, elsewhere)["signingSecret"] == payments["signingSecret"]


def test_callbacks_of_disbursements_are_signed_with_their_own_secret(shop: CheckedShop, listener: Listener) -> None:
    subscribe(shop, listener, "v4-payments")
    secret = subscribe(shop, listener, "v4-disbursements")["signingSecret"]
    payout = made(funded(shop), PAYOUTS, payout_order())
    shop.do(payout, "complete")
    *_, callback = received(shop, listener)
    assert callback.parsed == {"data": read(shop, payout)}
    assert callback.headers["xfers-signature"] == signed(secret, callback.body)


def test_the_sandboxs_signing_secrets_are_those_in_its_file(traveller: CheckedShop, listener: Listener) -> None:
    keys = traveller.gateway.sandbox.v4
    assert subscribe(traveller, listener, "v4-payments")["signingSecret"] == keys.signing_secret
    assert subscribe(traveller, listener, "v4-disbursements")["signingSecret"] == keys.disbursement_signing_secret


def test_callbacks_are_numbered_in_the_order_of_the_events(shop: CheckedShop, listener: Listener) -> None:
    """A bank that settles at once causes two events at the same instant, whose callbacks are sent concurrently."""
    subscribe(shop, listener)
    account = static_va(shop)
    for amount in (10_000, 20_000, 30_000):
        pay_into(shop, account, amount)
        shop.advance(seconds=0)
    sent = [callback.parsed["data"]["attributes"] for callback in received(shop, listener)]
    assert [(one["amount"], one["status"]) for one in sent] == [
        (f"{amount}.0", status) for amount in (10_000, 20_000, 30_000) for status in ("paid", "completed")
    ]


# -- retries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_callback_that_was_accepted_is_not_sent_again(shop: CheckedShop, listener: Listener, status: int) -> None:
    subscribe(shop, listener)
    listener.status = status
    shop.do(shop.create(), "receive_payment")
    assert len(received(shop, listener)) == 1
    assert (delivery(shop)["state"], delivery(shop)["nextAt"]) == ("delivered", None)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422, 408, 429, 500, 503, 0])
def test_every_answer_but_2xx_is_retried(shop: CheckedShop, listener: Listener, status: int) -> None:
    subscribe(shop, listener)
    listener.status, listener.headers = status, {"Location": listener.url.replace("callbacks", "elsewhere")}
    shop.do(shop.create(), "receive_payment")
    assert [callback.path for callback in received(shop, listener)] == ["/callbacks?shop=1"]
    tried = delivery(shop)
    assert (tried["state"], tried["tries"][0]["status"]) == ("waiting", status or None)
    assert instant(tried["nextAt"]) - instant(tried["tries"][0]["at"]) == WAITS[0]


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_callback_is_tried_twenty_times_with_waits_that_grow_by_five_minutes(
    traveller: CheckedShop, listener: Listener, product: str
) -> None:
    subscribe(traveller, listener, product)
    listener.status = 404
    if product == "v4-payments":
        traveller.do(traveller.create(), "receive_payment")
    else:
        traveller.do(made(funded(traveller), PAYOUTS, payout_order()), "fail")
    received(traveller, listener)
    for number, wait in enumerate(WAITS, 1):
        tried = delivery(traveller)
        assert (tried["state"], len(tried["tries"]), len(listener.received)) == ("waiting", number, number)
        due = instant(tried["nextAt"])
        assert due - instant(tried["tries"][-1]["at"]) == wait
        traveller.advance(to=(due - timedelta(seconds=10)).isoformat())
        assert len(listener.received) == number
        traveller.advance(to=due.isoformat())
    parked = delivery(traveller)
    assert (parked["state"], parked["nextAt"], len(parked["tries"])) == ("parked", None, 20)
    times = [instant(attempt["at"]) for attempt in parked["tries"]]
    for wait, (earlier, later) in zip(WAITS, pairwise(times), strict=True):
        assert wait <= later - earlier < wait + timedelta(seconds=5)
    assert timedelta(minutes=950) <= times[-1] - times[0] < timedelta(minutes=952)
    traveller.advance(seconds=30 * 86_400)
    sent = [one for one in listener.received if one.body == listener.received[0].body]
    assert len(sent) == 20
    assert len({callback.headers["xfers-signature"] for callback in sent}) == 1


def test_a_failed_callback_is_retried_and_a_delivered_one_can_be_resent(
    traveller: CheckedShop, listener: Listener
) -> None:
    subscribe(traveller, listener)
    listener.status = 400
    payment = traveller.create()
    traveller.do(payment, "receive_payment")
    received(traveller, listener)
    listener.status = 200
    traveller.advance(seconds=300)
    assert (len(listener.received), delivery(traveller)["state"]) == (2, "delivered")
    answered = traveller.client.post(f"/sandbox/deliveries/{delivery(traveller)['id']}/resend", auth=traveller.keys)
    assert answered.status_code == 200
    assert len(received(traveller, listener)) == 3
    assert {callback.body for callback in listener.received} == {
        json.dumps({"data": read(traveller, payment)}, separators=(",", ":")).encode()
    }
