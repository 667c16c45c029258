"""A bank that asks first: it gets an answer whether a number may be paid, and whether its money is taken."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.api.sandbox.sandbox_shops import SandboxShop
from tests.support.gateways import Gateway


def status(merchant: SandboxShop, payment: str) -> str:
    return merchant.get(f"/v2/payments/{payment}")["data"]["status"]


def asked(merchant: SandboxShop, **question: object) -> dict[str, Any]:
    return merchant.done("POST", "bank/inquiries", question)


def accepted(merchant: SandboxShop, **question: object) -> dict[str, Any]:
    return merchant.done("POST", "bank/acceptances", question)


def test_a_bank_asks_and_pays(merchant: SandboxShop) -> None:
    payment = merchant.create()
    number = merchant.number(payment)
    reply = asked(merchant, number=number)
    assert (reply["verdict"], reply["amount"], reply["paymentId"]) == ("payable", "20000.00", payment["id"])
    assert status(merchant, payment["id"]) == "REQUIRE_ACTION"
    assert accepted(merchant, number=number, amount=20_000)["verdict"] == "accepted"
    assert status(merchant, payment["id"]) == "PAID"
    assert merchant.received_events() == ["PAYMENT.PAID"]


def test_money_that_is_refused_is_recorded_nowhere(merchant: SandboxShop) -> None:
    payment = merchant.create()
    before = merchant.done("GET", "ledger")
    reply = accepted(merchant, number=merchant.number(payment), amount=19_999)
    assert (reply["verdict"], reply["reason"]) == ("refused", "wrong_amount")
    assert accepted(merchant, number="1402000000000000", amount=1)["reason"] == "unknown_number"
    assert merchant.done("GET", "ledger") == before
    assert merchant.received_events() == []
    assert status(merchant, payment["id"]) == "REQUIRE_ACTION"


def test_the_same_question_ten_times_at_once_is_answered_once(merchant: SandboxShop) -> None:
    number = merchant.number(merchant.create())
    question = {"number": number, "amount": 20_000, "requestId": f"R-{uuid4()}"}
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(accepted, merchant, **question) for _ in range(10)]
        replies = [each.result() for each in asked]
    assert replies == [replies[0]] * 10
    assert replies[0]["verdict"] == "accepted"
    refused = merchant.refused("POST", "bank/acceptances", question | {"amount": 20_001})
    assert refused == (409, "conflict", None)


def test_of_ten_buyers_of_one_payment_one_is_accepted(merchant: SandboxShop) -> None:
    number = merchant.number(merchant.create())
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(accepted, merchant, number=number, amount=20_000) for _ in range(10)]
        replies = [each.result() for each in asked]
    assert sorted(reply["reason"] or "" for reply in replies) == ["", *["paid"] * 9]
    assert merchant.received_events() == ["PAYMENT.PAID"]


def test_another_merchants_number_cannot_be_asked_about(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    question = {"number": neighbour.number(neighbour.create()), "amount": 20_000}
    for path in ("bank/inquiries", "bank/acceptances"):
        assert merchant.refused("POST", path, question) == (404, "not_found", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": "20.000"}, "amount"),
        ({"number": "12 34"}, "number"),
        ({"number": None}, "number"),
        ({"requestId": "x" * 101}, "requestId"),
    ],
)
@pytest.mark.parametrize("path", ["bank/inquiries", "bank/acceptances"])
def test_a_question_that_is_wrong_is_refused(
    merchant: SandboxShop, path: str, change: dict[str, object], field: str
) -> None:
    question = {"number": "1402000000000000", "amount": 75_000} | change
    assert merchant.refused("POST", path, question) == (400, "invalid", field)
