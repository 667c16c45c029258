"""Deliveries as a merchant sees them: what was sent, how each try went, and once more on request."""

import json
from datetime import datetime
from uuid import uuid4

import pytest

from gerbang.domain.signatures import standard_webhooks
from tests.api.sandbox.explorers import Explorer, receiver
from tests.support.gateways import Gateway


def paid(explorer: Explorer, url: str) -> str:
    """A payment whose callback goes to this URL and was tried once; its id."""
    explorer.done("PUT", "callbacks/payment", {"url": url})
    payment = explorer.create()["id"]
    explorer.simulate(payment)
    explorer.done("POST", "clock/advance", {"seconds": 0})
    return payment


def test_a_delivery_shows_what_was_sent_where_and_how_it_went(mover: Explorer) -> None:
    with receiver() as server:
        payment = paid(mover, server.url)
    (delivery,) = mover.deliveries()
    assert (delivery["event"], delivery["product"], delivery["url"]) == ("payment.paid", "payment", server.url)
    assert (delivery["state"], delivery["nextAt"]) == ("delivered", None)
    assert delivery["eventId"] == server.headers[0]["webhook-id"]
    assert str(delivery["sequence"]) == server.headers[0]["x-gerbang-sequence"]
    assert json.loads(server.bodies[0])["data"]["id"] == payment
    (attempt,) = delivery["tries"]
    assert (attempt["number"], attempt["status"], attempt["error"], attempt["answer"]) == (1, 200, None, "heard")
    assert datetime.fromisoformat(attempt["at"]) >= datetime.fromisoformat(delivery["createdAt"])


def test_a_failed_try_says_why_and_when_the_next_one_is(mover: Explorer) -> None:
    with receiver([503]) as server:
        paid(mover, server.url)
    (delivery,) = mover.deliveries()
    (attempt,) = delivery["tries"]
    assert (delivery["state"], attempt["status"], attempt["answer"]) == ("waiting", 503, "heard")
    wait = datetime.fromisoformat(delivery["nextAt"]) - datetime.fromisoformat(attempt["at"])
    assert round(wait.total_seconds()) == 300
    # Now nobody listens there at all.
    mover.done("POST", "clock/advance", {"seconds": 301})
    (delivery,) = mover.deliveries()
    second = delivery["tries"][1]
    assert (second["number"], second["status"], second["answer"]) == (2, None, None)
    assert second["error"].startswith("refused by 127.0.0.1:")


@pytest.mark.parametrize(
    ("statuses", "state"), [([200], "delivered"), ([404], "given_up"), ([500], "waiting"), ([500] * 7, "parked")]
)
def test_deliveries_are_listed_by_state(mover: Explorer, statuses: list[int], state: str) -> None:
    with receiver(statuses) as server:
        paid(mover, server.url)
        if state == "parked":
            mover.done("POST", "clock/advance", {"seconds": 86_400})
    for asked in ("waiting", "delivered", "parked", "given_up"):
        assert [one["state"] for one in mover.deliveries(state=asked)] == ([state] if asked == state else [])
    assert [one["state"] for one in mover.deliveries()] == [state]


@pytest.mark.parametrize("state", ["", "WAITING", "lost", "waiting,parked", "%00", "null"])
def test_a_state_that_there_is_none_of_is_refused(explorer: Explorer, state: str) -> None:
    assert explorer.refused("GET", f"deliveries?state={state}") == (400, "invalid", "state")


def test_the_newest_come_first_and_no_more_than_asked_for(explorer: Explorer) -> None:
    for _ in range(4):
        explorer.simulate(explorer.create()["id"])
    numbers = [one["sequence"] for one in explorer.deliveries(limit="3")]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 3


@pytest.mark.parametrize("first", [200, 404, 500])
def test_a_delivery_is_sent_again_whatever_became_of_it(mover: Explorer, first: int) -> None:
    with receiver([first, 200]) as server:
        paid(mover, server.url)
        (delivery,) = mover.deliveries()
        again = mover.done("POST", f"deliveries/{delivery['id']}/resend")
        assert (again["id"], again["state"]) == (delivery["id"], "waiting")
        assert again["tries"] == delivery["tries"]
        mover.done("POST", "clock/advance", {"seconds": 0})
    (delivery,) = mover.deliveries()
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["tries"]] == [first, 200]
    assert server.bodies[0] == server.bodies[1], "the same bytes each time"
    assert server.headers[0]["webhook-id"] == server.headers[1]["webhook-id"]


def test_a_parked_delivery_climbs_the_whole_ladder_again_when_it_is_sent_again(mover: Explorer) -> None:
    with receiver([500] * 9) as server:
        paid(mover, server.url)
        mover.done("POST", "clock/advance", {"seconds": 86_400})
        (delivery,) = mover.deliveries(state="parked")
        mover.done("POST", f"deliveries/{delivery['id']}/resend")
        mover.done("POST", "clock/advance", {"seconds": 86_400})
    (delivery,) = mover.deliveries()
    assert [attempt["status"] for attempt in delivery["tries"]] == [500] * 9 + [200]
    assert delivery["state"] == "delivered"


def test_nobody_sends_another_merchants_delivery_again(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    explorer.simulate(explorer.create()["id"])
    explorer.inbox()
    (delivery,) = explorer.deliveries()
    assert neighbour.refused("POST", f"deliveries/{delivery['id']}/resend") == (404, "not_found", None)
    assert explorer.deliveries() == [delivery]
    for unknown in (str(uuid4()), "x", "%00", "1"):
        assert explorer.refused("POST", f"deliveries/{unknown}/resend") == (404, "not_found", None)


def test_a_callback_can_be_believed(mover: Explorer) -> None:
    """Its key and its signature are the ones that setting the URL gave out."""
    with receiver() as server:
        told = mover.done("PUT", "callbacks/payment", {"url": server.url})
        paid(mover, server.url)
    headers, body = server.headers[0], server.bodies[0]
    assert headers["x-api-key"] == told["apiKey"]
    signed = standard_webhooks(told["signingSecret"], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == signed
