"""Cancelling: only payments without a number or QR, with the documented reasons, and with a callback."""

from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import in_state, status_of, waiting

VA: dict[str, Any] = {
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI"}},
}


def cancel(shop: CheckedShop, payment_id: str, body: object = None) -> dict[str, Any]:
    return shop.post(f"/v2/payments/{payment_id}/cancel", body)["data"]


@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize("reason", ["REQUESTED_BY_CUSTOMER", "DUPLICATED", "VOID_SESSION"])
def test_a_payment_without_a_number_is_cancelled(shop: CheckedShop, auto: bool, reason: str) -> None:
    payment_id = waiting(shop, autoConfirm=auto)
    session = cancel(shop, payment_id, {"cancellationReason": reason})
    assert (session["status"], session["cancellationReason"]) == ("CANCELLED", reason)
    assert session["cancelledAt"] == session["expiryAt"]
    assert session["chargeDetails"] is None
    assert shop.get(f"/v2/payments/{payment_id}")["data"] == session


@pytest.mark.parametrize("body", [None, {}, {"cancellationReason": None}, b"", b"{}"])
def test_the_reason_may_be_left_out(shop: CheckedShop, body: object) -> None:
    assert cancel(shop, waiting(shop), body)["cancellationReason"] == "REQUESTED_BY_CUSTOMER"


def test_a_payment_with_a_chosen_method_that_waits_for_its_confirmation_is_cancelled(shop: CheckedShop) -> None:
    session = cancel(shop, shop.create(autoConfirm=False)["id"])
    assert (session["status"], session["paymentMethod"]) == ("CANCELLED", {"type": "VIRTUAL_ACCOUNT"})


@pytest.mark.parametrize("state", ["REQUIRE_ACTION", "PAID", "CANCELLED", "EXPIRED", "ACTIVE", "INACTIVE"])
def test_a_payment_in_any_other_state_is_not_cancelled(shop: CheckedShop, state: str) -> None:
    payment_id = in_state(shop, state)
    answered = shop.call("POST", f"/v2/payments/{payment_id}/cancel", {"cancellationReason": "DUPLICATED"})
    assert state in refusal(answered, status=422, code="api_validation_error", field="")
    assert status_of(shop, payment_id) == state


def test_a_cancelled_payment_is_neither_confirmed_nor_paid(shop: CheckedShop) -> None:
    payment_id = waiting(shop)
    cancel(shop, payment_id)
    answered = shop.call("POST", f"/v2/payments/{payment_id}/confirm", VA)
    refusal(answered, status=422, code="api_validation_error")
    for status in ("SUCCESS", "EXPIRED"):
        body = {"paymentSessionId": payment_id, "chargeStatus": status}
        answered = shop.call("POST", "/v2/payments/simulations", body)
        assert "CANCELLED" in refusal(answered, status=422, code="api_validation_error")
    assert status_of(shop, payment_id) == "CANCELLED"


def test_the_reference_of_a_cancelled_payment_stays_taken(shop: CheckedShop) -> None:
    payment_id = waiting(shop, clientReferenceId="once")
    cancel(shop, payment_id)
    body = {"clientReferenceId": "once", "amount": {"value": 20000, "currency": "IDR"}}
    shop.refused("POST", "/v2/payments", body, status=409, code="duplicate_error", field="clientReferenceId")
