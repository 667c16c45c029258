"""Deliveries as a merchant sees them: what was sent, how each try went, and resending."""

import json
from datetime import datetime
from uuid import uuid4

import pytest

from gerbang.domain.signatures import standard_webhooks
from tests.api.sandbox.sandbox_shops import Receiver, SandboxShop
from tests.support.gateways import Gateway


def paid(merchant: SandboxShop, url: str) -> str:
    """The id of a payment whose callback goes to this URL and was tried once."""
    merchant.done("PUT", "callbacks/payment", {"url": url})
    payment = merchant.create()["id"]
    merchant.simulate(payment)
    merchant.done("POST", "clock/advance", {"seconds": 0})
    return payment


def test_a_delivery_shows_its_event_its_url_and_its_tries(moving_merchant: SandboxShop) -> None:
    with Receiver() as server:
        payment = paid(moving_merchant, server.url)
    (delivery,) = moving_merchant.deliveries()
    assert (delivery["event"], delivery["product"], delivery["url"]) == ("payment.paid", "payment", server.url)
    assert (delivery["state"], delivery["nextAt"]) == ("delivered", None)
    assert delivery["eventId"] == server.received[0].headers["webhook-id"]
    assert str(delivery["sequence"]) == server.received[0].headers["x-gerbang-sequence"]
    assert json.loads(server.received[0].body)["data"]["id"] == payment
    (attempt,) = delivery["tries"]
    assert (attempt["number"], attempt["status"], attempt["error"], attempt["answer"]) == (1, 200, None, "taken")
    assert datetime.fromisoformat(attempt["at"]) >= datetime.fromisoformat(delivery["createdAt"])


def test_a_failed_try_says_why_and_when_the_next_one_is(moving_merchant: SandboxShop) -> None:
    with Receiver([503]) as server:
        paid(moving_merchant, server.url)
    (delivery,) = moving_merchant.deliveries()
    (attempt,) = delivery["tries"]
    assert (delivery["state"], attempt["status"], attempt["answer"]) == ("waiting", 503, "taken")
    wait = datetime.fromisoformat(delivery["nextAt"]) - datetime.fromisoformat(attempt["at"])
    assert round(wait.total_seconds()) == 300
    # The server is closed now.
    moving_merchant.done("POST", "clock/advance", {"seconds": 301})
    (delivery,) = moving_merchant.deliveries()
    second = delivery["tries"][1]
    assert (second["number"], second["status"], second["answer"]) == (2, None, None)
    assert second["error"].startswith("refused by 127.0.0.1:")


@pytest.mark.parametrize(
    ("statuses", "state"), [([200], "delivered"), ([404], "given_up"), ([500], "waiting"), ([500] * 7, "parked")]
)
def test_deliveries_are_listed_by_state(moving_merchant: SandboxShop, statuses: list[int], state: str) -> None:
    with Receiver(statuses) as server:
        paid(moving_merchant, server.url)
        if state == "parked":
            moving_merchant.done("POST", "clock/advance", {"seconds": 86_400})
    for listed in ("waiting", "delivered", "parked", "given_up"):
        assert [one["state"] for one in moving_merchant.deliveries(state=listed)] == (
            [state] if listed == state else []
        )
    assert [one["state"] for one in moving_merchant.deliveries()] == [state]


@pytest.mark.parametrize("state", ["", "WAITING", "lost", "waiting,parked", "%00", "null"])
def test_an_unknown_state_is_refused(merchant: SandboxShop, state: str) -> None:
    assert merchant.refused("GET", f"deliveries?state={state}") == (400, "invalid", "state")


def test_the_newest_come_first_up_to_the_limit(merchant: SandboxShop) -> None:
    for _ in range(4):
        merchant.simulate(merchant.create()["id"])
    numbers = [one["sequence"] for one in merchant.deliveries(limit="3")]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 3


@pytest.mark.parametrize("first", [200, 404, 500])
def test_a_delivery_in_any_state_can_be_resent(moving_merchant: SandboxShop, first: int) -> None:
    with Receiver([first, 200]) as server:
        paid(moving_merchant, server.url)
        (delivery,) = moving_merchant.deliveries()
        again = moving_merchant.done("POST", f"deliveries/{delivery['id']}/resend")
        assert (again["id"], again["state"]) == (delivery["id"], "waiting")
        assert again["tries"] == delivery["tries"]
        moving_merchant.done("POST", "clock/advance", {"seconds": 0})
    (delivery,) = moving_merchant.deliveries()
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["tries"]] == [first, 200]
    assert server.received[0].body == server.received[1].body, "the same bytes each time"
    assert server.received[0].headers["webhook-id"] == server.received[1].headers["webhook-id"]


def test_a_parked_delivery_that_is_resent_gets_the_whole_retry_schedule_again(moving_merchant: SandboxShop) -> None:
    with Receiver([500] * 9) as server:
        paid(moving_merchant, server.url)
        moving_merchant.done("POST", "clock/advance", {"seconds": 86_400})
        (delivery,) = moving_merchant.deliveries(state="parked")
        moving_merchant.done("POST", f"deliveries/{delivery['id']}/resend")
        moving_merchant.done("POST", "clock/advance", {"seconds": 86_400})
    (delivery,) = moving_merchant.deliveries()
    assert [attempt["status"] for attempt in delivery["tries"]] == [500] * 9 + [200]
    assert delivery["state"] == "delivered"


def test_a_delivery_of_another_merchant_cannot_be_resent(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    merchant.simulate(merchant.create()["id"])
    merchant.inbox()
    (delivery,) = merchant.deliveries()
    assert neighbour.refused("POST", f"deliveries/{delivery['id']}/resend") == (404, "not_found", None)
    assert merchant.deliveries() == [delivery]
    for unknown in (str(uuid4()), "x", "%00", "1"):
        assert merchant.refused("POST", f"deliveries/{unknown}/resend") == (404, "not_found", None)


def test_a_callback_has_the_key_and_a_signature_with_the_secret(moving_merchant: SandboxShop) -> None:
    """They are the key and the secret in the response to setting the URL."""
    with Receiver() as server:
        callback = moving_merchant.done("PUT", "callbacks/payment", {"url": server.url})
        paid(moving_merchant, server.url)
    headers, body = server.received[0].headers, server.received[0].body
    assert headers["x-api-key"] == callback["apiKey"]
    signed = standard_webhooks(
        callback["signingSecret"], headers["webhook-id"], int(headers["webhook-timestamp"]), body
    )
    assert headers["webhook-signature"] == signed
