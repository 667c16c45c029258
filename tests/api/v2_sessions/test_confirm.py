"""Confirming: the method is chosen after creation, once, and by one of several simultaneous requests."""

from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import at_once, in_state, rupiah, status_of, waiting

VA: dict[str, Any] = {
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
}
QR = {"paymentMethod": {"type": "QR"}}


def confirm(shop: CheckedShop, payment_id: str, body: object = VA) -> dict[str, Any]:
    return shop.post(f"/v2/payments/{payment_id}/confirm", body)["data"]


@pytest.mark.parametrize("auto", [True, False])
def test_a_payment_without_a_method_is_confirmed_with_one(shop: CheckedShop, auto: bool) -> None:
    confirmed = confirm(shop, waiting(shop, autoConfirm=auto))
    assert confirmed["status"] == "REQUIRE_ACTION"
    assert confirmed["autoConfirm"] is auto
    assert confirmed["chargeDetails"][0]["status"] == "WAITING_FOR_USER_ACTION"
    assert confirmed["chargeDetails"][0]["virtualAccount"]["virtualAccountName"] == "TOKO BARU - Budi"


def test_the_answer_to_a_confirm_is_what_is_read_afterwards(shop: CheckedShop) -> None:
    confirmed = confirm(shop, waiting(shop, paymentType="SINGLE"))
    read = shop.get(f"/v2/payments/{confirmed['id']}")["data"]
    for name in ("chargeDetails", "paymentMethod", "status", "expiryAt", "amount"):
        assert read[name] == confirmed[name]


def test_options_may_be_inside_the_method(shop: CheckedShop) -> None:
    inside = {"paymentMethod": VA["paymentMethod"] | {"paymentMethodOptions": VA["paymentMethodOptions"]}}
    assert confirm(shop, waiting(shop), inside)["chargeDetails"][0]["virtualAccount"]["channel"] == "BRI"


def test_a_method_chosen_at_creation_is_confirmed_without_repeating_it(shop: CheckedShop) -> None:
    created = shop.create(autoConfirm=False)["id"]
    assert confirm(shop, created, None)["chargeDetails"][0]["virtualAccount"]["channel"] == "BRI"


def test_a_method_chosen_at_creation_may_be_changed_by_the_confirm(shop: CheckedShop) -> None:
    created = shop.create(autoConfirm=False)["id"]
    assert confirm(shop, created, QR)["paymentMethod"] == {"type": "QR"}


def test_a_static_payment_becomes_active(shop: CheckedShop) -> None:
    confirmed = confirm(shop, waiting(shop, paymentType="MULTIPLE", amount=None), QR)
    assert (confirmed["status"], confirmed["chargeDetails"]) == ("ACTIVE", None)
    assert confirmed["paymentMethod"]["qr"]["qrType"] == "STATIC"


@pytest.mark.parametrize("state", ["REQUIRE_ACTION", "PAID", "CANCELLED", "EXPIRED", "ACTIVE", "INACTIVE"])
def test_a_payment_is_confirmed_once(shop: CheckedShop, state: str) -> None:
    payment_id = in_state(shop, state)
    for _ in range(2):
        answered = shop.call("POST", f"/v2/payments/{payment_id}/confirm", VA)
        assert state in refusal(answered, status=422, code="api_validation_error", field="")
    assert status_of(shop, payment_id) == state


def test_a_number_that_is_refused_leaves_the_payment_to_be_confirmed_with_another(shop: CheckedShop) -> None:
    def static(suffix: str) -> dict[str, Any]:
        options = {"virtualAccount": {"channel": "BRI", "virtualAccountNumber": suffix}}
        return VA | {"paymentMethodOptions": options}

    payment_id = waiting(shop, paymentType="MULTIPLE")
    answered = shop.call("POST", f"/v2/payments/{payment_id}/confirm", static("0000100"))
    refusal(answered, status=400, code="api_validation_error", field="")
    confirmed = confirm(shop, payment_id, static("0000099"))
    assert confirmed["paymentMethod"]["virtualAccount"]["virtualAccountNumber"].endswith("0000099")


def test_an_amount_that_does_not_fit_the_method_is_refused_at_the_confirm(shop: CheckedShop) -> None:
    payment_id = waiting(shop, amount=rupiah(1_000))
    answered = shop.call("POST", f"/v2/payments/{payment_id}/confirm", VA)
    refusal(answered, status=400, code="api_validation_error", field="amount.value")
    assert confirm(shop, payment_id, QR)["status"] == "REQUIRE_ACTION"


def test_ten_confirms_at_once_give_one_number(shop: CheckedShop) -> None:
    payment_id = waiting(shop)
    path = f"/v2/payments/{payment_id}/confirm"
    answers = at_once(*[lambda: shop.call("POST", path, VA)] * 10)
    assert sorted(answer.status_code for answer in answers) == [200, *[422] * 9]
    assert len(shop.gateway.rows("SELECT 1 FROM paycodes WHERE merchant_id = $1", shop.merchant_id)) == 1
    assert len(shop.get(f"/v2/payments/{payment_id}")["data"]["chargeDetails"]) == 1


def test_a_confirm_and_a_cancel_at_once_cannot_both_succeed(shop: CheckedShop) -> None:
    for _ in range(5):
        payment_id = waiting(shop)
        confirmed, cancelled = at_once(
            lambda path=f"/v2/payments/{payment_id}/confirm": shop.call("POST", path, VA),
            lambda path=f"/v2/payments/{payment_id}/cancel": shop.call("POST", path, {}),
        )
        assert sorted((confirmed.status_code, cancelled.status_code)) == [200, 422]
        won = "REQUIRE_ACTION" if confirmed.status_code == 200 else "CANCELLED"
        assert status_of(shop, payment_id) == won
        held = shop.gateway.rows("SELECT 1 FROM paycodes WHERE payment_id = $1::uuid", payment_id)
        assert len(held) == (won == "REQUIRE_ACTION")


def test_confirm_cancel_and_pay_at_once_leave_exactly_one_consistent_outcome(shop: CheckedShop) -> None:
    pay = {"chargeStatus": "SUCCESS"}
    for _ in range(5):
        payment_id = waiting(shop)
        confirmed, cancelled, paid, expired = at_once(
            lambda path=f"/v2/payments/{payment_id}/confirm": shop.call("POST", path, VA),
            lambda path=f"/v2/payments/{payment_id}/cancel": shop.call("POST", path, {}),
            lambda body=pay | {"paymentSessionId": payment_id}: shop.call("POST", "/v2/payments/simulations", body),
            lambda body={"chargeStatus": "EXPIRED", "paymentSessionId": payment_id}: shop.call(
                "POST", "/v2/payments/simulations", body
            ),
        )
        assert {answer.status_code for answer in (confirmed, cancelled, paid, expired)} <= {200, 422}
        session = shop.get(f"/v2/payments/{payment_id}")["data"]
        booked = shop.gateway.rows("SELECT outcome FROM reports WHERE payment_id = $1::uuid", payment_id)
        owed = [row for row in booked if row["outcome"] == "booked"]
        assert (session["status"] == "PAID") == (len(owed) == 1)
        assert (session["status"] == "CANCELLED") == (cancelled.status_code == 200)
        assert (session["chargeDetails"] is not None) == (confirmed.status_code == 200)
        assert len(booked) == (paid.status_code == 200)
