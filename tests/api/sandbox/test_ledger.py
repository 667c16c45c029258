"""A merchant's own events and ledger, and errors of the sandbox API."""

from decimal import Decimal

import pytest

from tests.api.sandbox.sandbox_shops import SandboxShop


def test_events_are_listed_newest_first_without_gaps(moving_merchant: SandboxShop) -> None:
    paid, left, held = (moving_merchant.create() for _ in range(3))
    moving_merchant.simulate(paid["id"])
    moving_merchant.done("POST", "clock/advance", {"seconds": 0})  # a worker settles it, and nothing else happens then
    moving_merchant.done("POST", "bank/reports", {"paymentId": held["id"], "amount": 1})
    cancelled = moving_merchant.create(autoConfirm=False)
    moving_merchant.post(f"/v2/payments/{cancelled['id']}/cancel", {})
    # First do what is due now: an expiry is dated at its own instant, so a past one may be stored after later events.
    for seconds in (0, 3600):
        moving_merchant.done("POST", "clock/advance", {"seconds": seconds})
    events = moving_merchant.done("GET", "events")["items"]
    assert [event["sequence"] for event in events] == list(range(len(events), 0, -1))
    assert len({event["id"] for event in events}) == len(events)
    assert [event["createdAt"] for event in events] == sorted((e["createdAt"] for e in events), reverse=True)
    listed = {(event["event"], event["paymentId"]) for event in events if event["event"] != "payment.created"}
    assert listed == {
        ("payment.paid", paid["id"]),
        ("charge.settled", paid["id"]),
        ("money.in_suspense", held["id"]),
        ("payment.cancelled", cancelled["id"]),
        ("payment.expired", left["id"]),
        ("payment.expired", held["id"]),
    }
    assert moving_merchant.done("GET", "events?limit=2")["items"] == events[:2]


def test_a_new_merchant_has_an_empty_ledger_and_no_events(merchant: SandboxShop) -> None:
    assert merchant.done("GET", "events") == {"items": []}
    assert merchant.done("GET", "ledger") == {"accounts": [], "sum": "0.00"}


def test_the_ledger_shows_where_the_money_of_a_payment_went(merchant: SandboxShop) -> None:
    merchant.simulate(merchant.create()["id"])
    merchant.done("POST", "clock/advance", {"seconds": 0})
    ledger = merchant.done("GET", "ledger")
    balances = {account["name"]: Decimal(account["balance"]) for account in ledger["accounts"]}
    assert sum(balances.values()) == 0
    assert ledger["sum"] == "0.00"
    assert balances["bank/simulator"] == 20_000
    # The money at the bank is the merchant's, less the fee and the VAT on it. BRI settles at once.
    assert balances[f"merchant/{merchant.merchant_id}/pending"] == 0
    mine = balances[f"merchant/{merchant.merchant_id}/available"]
    assert -20_000 < mine < 0
    assert mine + balances["platform/fees"] + balances["platform/vat"] == -20_000


def test_money_in_suspense_has_an_account_of_its_own(merchant: SandboxShop) -> None:
    payment = merchant.create()["id"]
    merchant.done("POST", "bank/reports", {"paymentId": payment, "amount": 25_000})
    ledger = merchant.done("GET", "ledger")
    assert {account["name"]: account["balance"] for account in ledger["accounts"]} == {
        "bank/simulator": "25000.00",
        f"merchant/{merchant.merchant_id}/suspense": "-25000.00",
    }


def test_unknown_paths_and_methods_get_errors_in_the_form_of_the_sandbox(merchant: SandboxShop) -> None:
    for path in ("nowhere", "clocks/", "clock/advance/now", "inbox/a/b", ""):
        assert merchant.refused("GET", path) == (404, "not_found", None)
    for method, path, allowed in (
        ("POST", "clock", "GET"),
        ("GET", "clock/advance", "POST"),
        ("PUT", "inbox", "DELETE"),
        ("PATCH", "callbacks/payment", "PUT"),
    ):
        answered = merchant.request(method, path)
        assert answered.status_code == 405
        assert allowed in answered.headers["allow"].split(", ")
        assert answered.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "clock/advance"), ("POST", "bank/reports"), ("PUT", "callbacks/payment")]
)
def test_only_json_is_accepted_under_any_content_type(merchant: SandboxShop, method: str, path: str) -> None:
    kinds = ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "APPLICATION/JSON")
    for kind in kinds:
        answered = merchant.request(method, path, b'{"seconds":0,"url":1}', **{"Content-Type": kind})
        assert "not valid JSON" not in answered.text
        answered = merchant.request(method, path, b"seconds=0", **{"Content-Type": kind})
        assert answered.status_code == 400, kind
        assert ("its content type says" in answered.text) == ("json" not in kind.lower())
    assert merchant.request(method, path, b" " * 1_000_001).status_code == 413
