"""The simulator bank: money for a payment, a number or an unknown number; each report is recorded once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.api.sandbox.sandbox_shops import SandboxShop
from tests.support.gateways import Gateway


def reported(merchant: SandboxShop, **money: object) -> dict[str, Any]:
    (report,) = merchant.done("POST", "bank/reports", money)["reports"]
    return report


def status(merchant: SandboxShop, payment: str) -> str:
    return merchant.get(f"/v2/payments/{payment}")["data"]["status"]


def test_money_for_a_payment_pays_it(merchant: SandboxShop) -> None:
    payment = merchant.create()["id"]
    report = reported(merchant, paymentId=payment, amount=20_000)
    assert (report["outcome"], report["paymentId"]) == ("booked", payment)
    assert status(merchant, payment) == "PAID"
    assert merchant.received_events() == ["PAYMENT.PAID"]


def test_money_for_a_number_pays_the_payment_that_has_it(merchant: SandboxShop) -> None:
    payment = merchant.create()
    now = merchant.gateway.services.world.clock.now()  # the clock of the shared gateway has been running for minutes
    paid_at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    report = reported(merchant, number=merchant.number(payment), amount=20_000, paidAt=paid_at)
    assert (report["outcome"], report["paymentId"]) == ("booked", payment["id"])
    charge = merchant.get(f"/v2/payments/{payment['id']}")["data"]["chargeDetails"][0]
    assert charge["paidAt"] == paid_at


def test_a_payment_time_in_the_future_is_recorded_as_now(merchant: SandboxShop) -> None:
    payment = merchant.create()
    report = reported(merchant, number=merchant.number(payment), amount=20_000, paidAt="2025-04-30T05:48:17Z")
    assert (report["outcome"], report["paymentId"]) == ("booked", payment["id"])
    charge = merchant.get(f"/v2/payments/{payment['id']}")["data"]["chargeDetails"][0]
    assert payment["createdAt"] < charge["paidAt"] <= merchant.done("GET", "clock")["now"]


def test_a_static_number_can_be_paid_many_times(merchant: SandboxShop) -> None:
    payment = merchant.create(paymentType="MULTIPLE", amount=None)
    number = payment["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    for amount in (10_000, 1, 9_999_999_999):
        assert reported(merchant, number=number, amount=amount)["outcome"] == "booked"
    assert merchant.received_events() == ["CHARGE.SUCCESS"] * 3


def test_a_qris_code_is_paid_by_its_bill_number(merchant: SandboxShop) -> None:
    payment = merchant.create(paymentMethod={"type": "QR"}, paymentMethodOptions=None)["id"]
    (code,) = merchant.gateway.rows("SELECT number FROM paycodes WHERE payment_id::text = $1", payment)
    assert reported(merchant, number=code["number"], amount=20_000)["paymentId"] == payment
    assert status(merchant, payment) == "PAID"


@pytest.mark.parametrize(("amount", "outcome"), [(19_999, "underpaid"), (20_001, "overpaid"), (1, "underpaid")])
def test_another_amount_than_the_requested_is_held_in_suspense(
    merchant: SandboxShop, amount: int, outcome: str
) -> None:
    payment = merchant.create()["id"]
    report = reported(merchant, paymentId=payment, amount=amount)
    assert (report["outcome"], report["paymentId"]) == (outcome, payment)
    assert status(merchant, payment) == "REQUIRE_ACTION"
    assert merchant.received_events() == ["MONEY.SET_ASIDE"]


def test_money_that_comes_twice_or_late_is_held_in_suspense(moving_merchant: SandboxShop) -> None:
    paid, left = moving_merchant.create()["id"], moving_merchant.create()["id"]
    assert reported(moving_merchant, paymentId=paid, amount=20_000)["outcome"] == "booked"
    assert reported(moving_merchant, paymentId=paid, amount=20_000)["outcome"] == "double"
    moving_merchant.done("POST", "clock/advance", {"seconds": 3600})
    assert reported(moving_merchant, paymentId=left, amount=20_000)["outcome"] == "late"
    assert (status(moving_merchant, paid), status(moving_merchant, left)) == ("PAID", "EXPIRED")


def test_money_for_an_unknown_number_is_recorded_and_belongs_to_no_merchant(merchant: SandboxShop) -> None:
    before = merchant.done("GET", "ledger")
    report = reported(merchant, number="1402000000000000", amount=75_000, bankReference=f"B-{uuid4()}")
    assert (report["outcome"], report["paymentId"]) == ("unknown_number", None)
    kept = merchant.gateway.rows("SELECT outcome, amount FROM reports WHERE id::text = $1", report["id"])
    assert kept == [{"outcome": "unknown_number", "amount": 7_500_000}]
    assert merchant.done("GET", "ledger") == before
    assert merchant.done("GET", "events") == {"items": []}


def test_the_same_bank_reference_is_booked_once(merchant: SandboxShop) -> None:
    payment, reference = merchant.create()["id"], f"B-{uuid4()} \U0001f4b0"
    money = {"paymentId": payment, "amount": 20_000, "bankReference": reference}
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(reported, merchant, **money) for _ in range(10)]
        reports = [call.result() for call in calls]
    assert reports == [reports[0]] * 10
    assert reports[0]["outcome"] == "booked"
    # Other money under the same reference is not booked but held in suspense.
    other = merchant.create()["id"]
    assert reported(merchant, paymentId=other, amount=20_000, bankReference=reference)["outcome"] == "double"
    assert status(merchant, other) == "REQUIRE_ACTION"
    assert sorted(merchant.received_events()) == ["MONEY.SET_ASIDE", "PAYMENT.PAID"]


def test_another_merchants_payment_or_number_is_not_found(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    payment = neighbour.create()
    for aim in ({"paymentId": payment["id"]}, {"number": neighbour.number(payment)}):
        assert merchant.refused("POST", "bank/reports", {**aim, "amount": 20_000}) == (404, "not_found", None)
    assert status(neighbour, payment["id"]) == "REQUIRE_ACTION"
    assert neighbour.received_events() == []


def test_a_number_stays_with_its_merchant_after_the_payment_has_ended(
    shared_gateway: Gateway, merchant: SandboxShop
) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    payment = neighbour.create()
    neighbour.simulate(payment["id"])
    number = neighbour.number(payment)
    assert merchant.refused("POST", "bank/reports", {"number": number, "amount": 20_000})[0] == 404
    assert reported(neighbour, number=number, amount=20_000)["outcome"] == "double"


def test_a_bank_reference_of_another_merchants_money_reveals_nothing_about_it(
    shared_gateway: Gateway, merchant: SandboxShop
) -> None:
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    reference = f"B-{uuid4()}"
    theirs = reported(neighbour, paymentId=neighbour.create()["id"], amount=20_000, bankReference=reference)
    mine = merchant.create()["id"]
    answered = merchant.request(
        "POST", "bank/reports", {"paymentId": mine, "amount": 20_000, "bankReference": reference}
    )
    # This is other money, and it is held in suspense: the simulator has used the reference before.
    assert answered.json()["reports"][0]["outcome"] == "double"
    assert theirs["paymentId"] not in answered.text
    assert status(merchant, mine) == "REQUIRE_ACTION"


def test_a_payment_that_has_no_number_yet_cannot_be_paid(merchant: SandboxShop) -> None:
    payment = merchant.create(autoConfirm=False)["id"]
    answered = merchant.request("POST", "bank/reports", {"paymentId": payment, "amount": 20_000})
    assert answered.status_code == 422
    assert answered.json()["error"]["code"] == "wrong_state"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 0.5}, "amount"),
        ({"amount": "20.000"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**16}, "amount"),
        ({"amount": {"value": 1}}, "amount"),
        ({"number": "12 34"}, "number"),
        ({"number": "1" * 31}, "number"),
        ({"number": "\u0661"}, "number"),
        ({"number": 1402}, "number"),
        ({"number": None}, None),
        ({"paymentId": str(uuid4())}, None),
        ({"number": None, "paymentId": "x"}, "paymentId"),
        ({"bankReference": "x" * 101}, "bankReference"),
        ({"bankReference": "a\x00b"}, "bankReference"),
        ({"bankReference": 1}, "bankReference"),
        ({"paidAt": "2025-02-29T00:00:00Z"}, "paidAt"),
        ({"paidAt": "now"}, "paidAt"),
        ({"paidAt": "0001-01-01T00:00:00+14:00"}, "paidAt"),
        ({"paidAt": "1999-12-31T23:59:59Z"}, "paidAt"),
        ({"paidAt": "9999-12-31T23:59:59Z"}, "paidAt"),
    ],
)
def test_an_invalid_report_is_refused_and_not_booked(
    merchant: SandboxShop, change: dict[str, object], field: str | None
) -> None:
    before = merchant.gateway.rows("SELECT count(*) FROM reports")
    money = {"number": "1402000000000000", "amount": 75_000} | change
    assert merchant.refused("POST", "bank/reports", money) == (400, "invalid", field)
    assert merchant.gateway.rows("SELECT count(*) FROM reports") == before


def test_an_unknown_payment_is_not_found(merchant: SandboxShop) -> None:
    assert merchant.refused("POST", "bank/reports", {"paymentId": str(uuid4()), "amount": 1}) == (
        404,
        "not_found",
        None,
    )


def test_no_sum_of_money_is_too_large_for_the_ledger(moving_merchant: SandboxShop) -> None:
    for number in range(120):
        reported(moving_merchant, number=f"140200000000{number:04d}", amount=9_999_999_999_999_999)
    static = moving_merchant.create(paymentType="MULTIPLE", amount=None)
    number = static["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    for _ in range(12):
        reported(moving_merchant, number=number, amount=9_999_999_999_999_999)
    assert moving_merchant.done("GET", "ledger")["sum"] == "0.00"
    assert moving_merchant.gateway.rows("SELECT sum(balance) AS sum FROM accounts")[0]["sum"] == 0


def test_a_lone_surrogate_in_a_reference_is_refused(merchant: SandboxShop) -> None:
    body = b'{"number": "1", "amount": 5, "bankReference": "\\ud800"}'
    answered = merchant.request("POST", "bank/reports", body)
    assert (answered.status_code, answered.json()["error"]["field"]) == (400, "bankReference")
