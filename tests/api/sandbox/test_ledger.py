"""Events and the ledger, as a merchant sees its own."""

from decimal import Decimal

import pytest

from tests.api.sandbox.explorers import Explorer


def test_events_tell_what_happened_without_gaps_newest_first(mover: Explorer) -> None:
    paid, left, held = (mover.create() for _ in range(3))
    mover.simulate(paid["id"])
    mover.done("POST", "bank/reports", {"paymentId": held["id"], "amount": 1})
    cancelled = mover.create(autoConfirm=False)
    mover.post(f"/v2/payments/{cancelled['id']}/cancel", {})
    # First what is due now: an expiry has its own instant, and one of the past may be written behind what is done later.
    for seconds in (0, 3600):
        mover.done("POST", "clock/advance", {"seconds": seconds})
    events = mover.done("GET", "events")["items"]
    assert [event["sequence"] for event in events] == list(range(len(events), 0, -1))
    assert len({event["id"] for event in events}) == len(events)
    assert [event["createdAt"] for event in events] == sorted((e["createdAt"] for e in events), reverse=True)
    told = {(event["event"], event["paymentId"]) for event in events if event["event"] != "payment.created"}
    assert told == {
        ("payment.paid", paid["id"]),
        ("charge.settled", paid["id"]),
        ("money.in_suspense", held["id"]),
        ("payment.cancelled", cancelled["id"]),
        ("payment.expired", left["id"]),
        ("payment.expired", held["id"]),
    }
    assert mover.done("GET", "events?limit=2")["items"] == events[:2]


def test_a_merchant_that_has_sold_nothing_has_empty_books(explorer: Explorer) -> None:
    assert explorer.done("GET", "events") == {"items": []}
    assert explorer.done("GET", "ledger") == {"accounts": [], "sum": "0.00"}


def test_the_ledger_shows_where_the_money_of_a_payment_went(explorer: Explorer) -> None:
    explorer.simulate(explorer.create()["id"])
    explorer.done("POST", "clock/advance", {"seconds": 0})
    books = explorer.done("GET", "ledger")
    balances = {account["name"]: Decimal(account["balance"]) for account in books["accounts"]}
    assert sum(balances.values()) == 0
    assert books["sum"] == "0.00"
    assert balances["bank/simulator"] == 20_000
    # What the bank holds belongs to the merchant, less the fee and the tax on it. BRI settles at once.
    assert balances[f"merchant/{explorer.merchant_id}/pending"] == 0
    mine = balances[f"merchant/{explorer.merchant_id}/available"]
    assert -20_000 < mine < 0
    assert mine + balances["platform/fees"] + balances["platform/vat"] == -20_000


def test_money_that_was_set_aside_stands_apart(explorer: Explorer) -> None:
    payment = explorer.create()["id"]
    explorer.done("POST", "bank/reports", {"paymentId": payment, "amount": 25_000})
    books = explorer.done("GET", "ledger")
    assert {account["name"]: account["balance"] for account in books["accounts"]} == {
        "bank/simulator": "25000.00",
        f"merchant/{explorer.merchant_id}/suspense": "-25000.00",
    }


def test_the_sandbox_answers_in_its_own_words_where_there_is_nothing(explorer: Explorer) -> None:
    for path in ("nowhere", "clocks/", "clock/advance/now", "inbox/a/b", ""):
        assert explorer.refused("GET", path) == (404, "not_found", None)
    for method, path, allowed in (
        ("POST", "clock", "GET"),
        ("GET", "clock/advance", "POST"),
        ("PUT", "inbox", "DELETE"),
        ("PATCH", "callbacks/payment", "PUT"),
    ):
        answered = explorer.try_out(method, path)
        assert answered.status_code == 405
        assert allowed in answered.headers["allow"].split(", ")
        assert answered.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "clock/advance"), ("POST", "bank/reports"), ("PUT", "callbacks/payment")]
)
def test_the_sandbox_takes_json_alone_by_whatever_name(explorer: Explorer, method: str, path: str) -> None:
    kinds = ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "APPLICATION/JSON")
    for kind in kinds:
        answered = explorer.try_out(method, path, b'{"seconds":0,"url":1}', **{"Content-Type": kind})
        assert "not valid JSON" not in answered.text
        answered = explorer.try_out(method, path, b"seconds=0", **{"Content-Type": kind})
        assert answered.status_code == 400, kind
        assert ("its content type says" in answered.text) == ("json" not in kind.lower())
    assert explorer.try_out(method, path, b" " * 1_000_001).status_code == 413
