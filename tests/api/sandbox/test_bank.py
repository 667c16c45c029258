"""The simulator bank: money to a payment, to a number, or to nobody; all of it is written down, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.api.sandbox.explorers import Explorer
from tests.support.gateways import Gateway


def reported(explorer: Explorer, **money: object) -> dict[str, Any]:
    (report,) = explorer.done("POST", "bank/reports", money)["reports"]
    return report


def status(explorer: Explorer, payment: str) -> str:
    return explorer.get(f"/v2/payments/{payment}")["data"]["status"]


def test_money_for_a_payment_pays_it(explorer: Explorer) -> None:
    payment = explorer.create()["id"]
    report = reported(explorer, paymentId=payment, amount=20_000)
    assert (report["outcome"], report["paymentId"]) == ("booked", payment)
    assert status(explorer, payment) == "PAID"
    assert explorer.news() == ["PAYMENT.PAID"]


def test_money_for_a_number_pays_whoever_holds_it(explorer: Explorer) -> None:
    payment = explorer.create()
    now = explorer.gateway.services.world.clock.now()  # the clock of the shared gateway has been running for minutes
    paid_at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    report = reported(explorer, number=explorer.number(payment), amount=20_000, paidAt=paid_at)
    assert (report["outcome"], report["paymentId"]) == ("booked", payment["id"])
    charge = explorer.get(f"/v2/payments/{payment['id']}")["data"]["chargeDetails"][0]
    assert charge["paidAt"] == paid_at


def test_nothing_is_paid_in_the_future_however_fast_a_banks_clock_is(explorer: Explorer) -> None:
    payment = explorer.create()
    report = reported(explorer, number=explorer.number(payment), amount=20_000, paidAt="2025-04-30T05:48:17Z")
    assert (report["outcome"], report["paymentId"]) == ("booked", payment["id"])
    charge = explorer.get(f"/v2/payments/{payment['id']}")["data"]["chargeDetails"][0]
    assert payment["createdAt"] < charge["paidAt"] <= explorer.done("GET", "clock")["now"]


def test_a_static_number_is_paid_again_and_again(explorer: Explorer) -> None:
    payment = explorer.create(paymentType="MULTIPLE", amount=None)
    number = payment["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    for amount in (10_000, 1, 9_999_999_999):
        assert reported(explorer, number=number, amount=amount)["outcome"] == "booked"
    assert explorer.news() == ["CHARGE.SUCCESS"] * 3


def test_a_qris_code_is_paid_by_its_bill_number(explorer: Explorer) -> None:
    payment = explorer.create(paymentMethod={"type": "QR"}, paymentMethodOptions=None)["id"]
    (code,) = explorer.gateway.rows("SELECT number FROM paycodes WHERE payment_id::text = $1", payment)
    assert reported(explorer, number=code["number"], amount=20_000)["paymentId"] == payment
    assert status(explorer, payment) == "PAID"


@pytest.mark.parametrize(("amount", "outcome"), [(19_999, "underpaid"), (20_001, "overpaid"), (1, "underpaid")])
def test_another_amount_than_was_asked_for_is_set_aside(explorer: Explorer, amount: int, outcome: str) -> None:
    payment = explorer.create()["id"]
    report = reported(explorer, paymentId=payment, amount=amount)
    assert (report["outcome"], report["paymentId"]) == (outcome, payment)
    assert status(explorer, payment) == "REQUIRE_ACTION"
    assert explorer.news() == ["MONEY.SET_ASIDE"]


def test_money_that_comes_twice_or_late_is_set_aside(mover: Explorer) -> None:
    paid, left = mover.create()["id"], mover.create()["id"]
    assert reported(mover, paymentId=paid, amount=20_000)["outcome"] == "booked"
    assert reported(mover, paymentId=paid, amount=20_000)["outcome"] == "double"
    mover.done("POST", "clock/advance", {"seconds": 3600})
    assert reported(mover, paymentId=left, amount=20_000)["outcome"] == "late"
    assert (status(mover, paid), status(mover, left)) == ("PAID", "EXPIRED")


def test_money_for_nobody_is_written_down_and_belongs_to_no_merchant(explorer: Explorer) -> None:
    before = explorer.done("GET", "ledger")
    report = reported(explorer, number="1402000000000000", amount=75_000, bankReference=f"B-{uuid4()}")
    assert (report["outcome"], report["paymentId"]) == ("unknown_number", None)
    kept = explorer.gateway.rows("SELECT outcome, amount FROM reports WHERE id::text = $1", report["id"])
    assert kept == [{"outcome": "unknown_number", "amount": 7_500_000}]
    assert explorer.done("GET", "ledger") == before
    assert explorer.done("GET", "events") == {"items": []}


def test_the_same_bank_reference_is_booked_once(explorer: Explorer) -> None:
    payment, reference = explorer.create()["id"], f"B-{uuid4()} \U0001f4b0"
    money = {"paymentId": payment, "amount": 20_000, "bankReference": reference}
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(reported, explorer, **money) for _ in range(10)]
        heard = [call.result() for call in calls]
    assert heard == [heard[0]] * 10
    assert heard[0]["outcome"] == "booked"
    # Other money under the same reference is never booked as owed, and never lost: it is set aside.
    other = explorer.create()["id"]
    assert reported(explorer, paymentId=other, amount=20_000, bankReference=reference)["outcome"] == "double"
    assert status(explorer, other) == "REQUIRE_ACTION"
    assert sorted(explorer.news()) == ["MONEY.SET_ASIDE", "PAYMENT.PAID"]


def test_another_merchants_payment_or_number_is_not_found(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    payment = neighbour.create()
    for aim in ({"paymentId": payment["id"]}, {"number": neighbour.number(payment)}):
        assert explorer.refused("POST", "bank/reports", {**aim, "amount": 20_000}) == (404, "not_found", None)
    assert status(neighbour, payment["id"]) == "REQUIRE_ACTION"
    assert neighbour.news() == []


def test_a_number_stays_its_owners_after_the_payment_has_ended(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    payment = neighbour.create()
    neighbour.simulate(payment["id"])
    number = neighbour.number(payment)
    assert explorer.refused("POST", "bank/reports", {"number": number, "amount": 20_000})[0] == 404
    assert reported(neighbour, number=number, amount=20_000)["outcome"] == "double"


def test_a_bank_reference_of_another_merchants_money_tells_nothing_of_it(
    shared_gateway: Gateway, explorer: Explorer
) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    reference = f"B-{uuid4()}"
    theirs = reported(neighbour, paymentId=neighbour.create()["id"], amount=20_000, bankReference=reference)
    mine = explorer.create()["id"]
    answered = explorer.try_out(
        "POST", "bank/reports", {"paymentId": mine, "amount": 20_000, "bankReference": reference}
    )
    # It is other money, and it is set aside: the simulator has used this reference before.
    assert answered.json()["reports"][0]["outcome"] == "double"
    assert theirs["paymentId"] not in answered.text
    assert status(explorer, mine) == "REQUIRE_ACTION"


def test_a_payment_that_has_no_number_yet_cannot_be_paid(explorer: Explorer) -> None:
    payment = explorer.create(autoConfirm=False)["id"]
    answered = explorer.try_out("POST", "bank/reports", {"paymentId": payment, "amount": 20_000})
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
def test_a_report_that_makes_no_sense_is_refused_and_books_nothing(
    explorer: Explorer, change: dict[str, object], field: str | None
) -> None:
    before = explorer.gateway.rows("SELECT count(*) FROM reports")
    money = {"number": "1402000000000000", "amount": 75_000} | change
    assert explorer.refused("POST", "bank/reports", money) == (400, "invalid", field)
    assert explorer.gateway.rows("SELECT count(*) FROM reports") == before


def test_a_payment_that_there_is_none_of_is_not_found(explorer: Explorer) -> None:
    assert explorer.refused("POST", "bank/reports", {"paymentId": str(uuid4()), "amount": 1}) == (
        404,
        "not_found",
        None,
    )


def test_no_sum_of_money_is_too_large_for_the_books(mover: Explorer) -> None:
    for number in range(120):
        reported(mover, number=f"140200000000{number:04d}", amount=9_999_999_999_999_999)
    static = mover.create(paymentType="MULTIPLE", amount=None)
    number = static["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    for _ in range(12):
        reported(mover, number=number, amount=9_999_999_999_999_999)
    assert mover.done("GET", "ledger")["sum"] == "0.00"
    assert mover.gateway.rows("SELECT sum(balance) AS sum FROM accounts")[0]["sum"] == 0


def test_half_a_character_in_a_reference_is_refused(explorer: Explorer) -> None:
    body = b'{"number": "1", "amount": 5, "bankReference": "\\ud800"}'
    answered = explorer.try_out("POST", "bank/reports", body)
    assert (answered.status_code, answered.json()["error"]["field"]) == (400, "bankReference")
