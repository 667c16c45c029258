"""Look-ups of payments and charges: by id, by reference, in pages; and the enabled payment methods."""

from datetime import datetime
from typing import Any

import pytest

from gerbang.services.merchants import default_agreement
from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import fresh, in_state, rupiah, waiting
from tests.support.agreements import only

OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}


def paid_often(shop: CheckedShop, times: int, **changes: object) -> dict[str, Any]:
    """An open static payment that received Rp 10,001, Rp 10,002, …"""
    session = shop.create(**OPEN | changes)
    for number in range(times):
        assert shop.simulate(session["id"], amount=rupiah(10_001 + number)) == "true"
    return session


def values(charges: list[dict[str, Any]]) -> list[int]:
    return [charge["amount"]["value"] for charge in charges]


# -- one payment ------------------------------------------------------------------------------------------------------


def test_a_paid_payment_is_read_with_what_was_paid(shop: CheckedShop) -> None:
    session = shop.create(paymentType="SINGLE")
    assert shop.simulate(session["id"]) == "true"
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    [charge] = read["chargeDetails"]
    assert (read["status"], charge["status"], charge["isCaptured"]) == ("PAID", "SUCCESS", True)
    assert charge["authorizedAmount"] == charge["capturedAmount"] == charge["amount"] == rupiah(20000)
    assert datetime.fromisoformat(charge["paidAt"]) >= datetime.fromisoformat(charge["createdAt"])
    assert "failureCode" not in charge


def test_the_session_is_read_in_whole_seconds(shop: CheckedShop) -> None:
    session = shop.create()
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert read["createdAt"] == session["createdAt"][:19] + "Z"
    assert read["expiryAt"] == session["expiryAt"]


def test_an_expired_payment_says_why_its_charge_failed(shop: CheckedShop) -> None:
    read = shop.get(f"/v2/payments/{in_state(shop, 'EXPIRED')}")["data"]
    [charge] = read["chargeDetails"]
    assert (charge["status"], charge["failureCode"]) == ("EXPIRED", "CHARGE_EXPIRED")
    assert charge["failureMessage"].startswith("VIRTUAL_ACCOUNT payment failed. ")
    assert charge["recommendation"]
    assert (charge["paidAt"], charge["authorizedAmount"], charge["isCaptured"]) == (None, None, False)


def test_the_charges_of_a_static_payment_come_ten_a_page_newest_first(shop: CheckedShop) -> None:
    session = paid_often(shop, 12)
    path = f"/v2/payments/{session['id']}"
    first = shop.get(path)["data"]
    assert values(first["chargeDetails"]) == list(range(10_012, 10_002, -1))
    assert shop.get(f"{path}?page=1")["data"] == first
    assert values(shop.get(f"{path}?page=2")["data"]["chargeDetails"]) == [10_002, 10_001]
    assert shop.get(f"{path}?page=3")["data"]["chargeDetails"] is None


def test_a_payment_to_be_paid_once_has_one_page(shop: CheckedShop) -> None:
    session = shop.create()
    assert len(shop.get(f"/v2/payments/{session['id']}?page=2")["data"]["chargeDetails"]) == 1


def test_a_head_request_is_a_get_without_the_body(shop: CheckedShop) -> None:
    session = shop.create()
    answered = shop.call("HEAD", f"/v2/payments/{session['id']}")
    assert (answered.status_code, answered.content) == (200, b"")
    assert shop.call("HEAD", "/v2/payments/nobody").status_code == 404


# -- lists ------------------------------------------------------------------------------------------------------------


def test_payments_are_listed_newest_first_in_pages(shop: CheckedShop) -> None:
    made = [waiting(shop) for _ in range(12)][::-1]
    first = shop.get("/v2/payments")
    assert [session["id"] for session in first["data"]] == made[:10]
    assert first["pagination"] == {"page": 1, "perPage": 10, "totalItems": 12, "totalPages": 2}
    last = shop.get("/v2/payments?page=2")
    assert [session["id"] for session in last["data"]] == made[10:]
    whole = shop.get("/v2/payments?perPage=100")
    assert [session["id"] for session in whole["data"]] == made
    assert whole["pagination"] == {"page": 1, "perPage": 100, "totalItems": 12, "totalPages": 1}
    fifth = shop.get("/v2/payments?page=5&perPage=3")
    assert (fifth["data"], fifth["pagination"]["totalPages"]) == ([], 4)


def test_a_list_shows_each_payment_as_it_is_read_alone(shop: CheckedShop) -> None:
    states = ("REQUIRE_ACTION", "PAID", "CANCELLED", "EXPIRED", "ACTIVE", "INACTIVE")
    made = [in_state(shop, state) for state in states][::-1]
    paid_often(shop, 1)
    listed = shop.get("/v2/payments")["data"]
    assert [session["id"] for session in listed[1:]] == made
    for session in listed:
        assert shop.get(f"/v2/payments/{session['id']}")["data"] == session


def test_a_merchant_without_payments_has_an_empty_list(shop: CheckedShop) -> None:
    nothing = {"page": 1, "perPage": 10, "totalItems": 0, "totalPages": 0}
    assert shop.get("/v2/payments") == {"code": "00", "message": "Success", "data": [], "pagination": nothing}


@pytest.mark.parametrize("per_page", ["0", "101", "1000"])
def test_a_page_has_1_to_100_items(shop: CheckedShop, per_page: str) -> None:
    for path in ("/v2/payments?", "/v2/charges?clientReferenceId=a&"):
        shop.refused("GET", f"{path}perPage={per_page}", status=400, code="api_validation_error", field="perPage")


# -- by reference -----------------------------------------------------------------------------------------------------


def test_a_reference_finds_its_payment_in_a_list_of_one(shop: CheckedShop) -> None:
    session = shop.create()
    shop.create()
    found = shop.get(f"/v2/payments?clientReferenceId={session['clientReferenceId']}")
    assert found["data"] == [shop.get(f"/v2/payments/{session['id']}")["data"]]
    assert found["pagination"] == {"page": 1, "perPage": 10, "totalItems": 1, "totalPages": 1}
    beyond = shop.get(f"/v2/payments?clientReferenceId={session['clientReferenceId']}&page=2")
    assert (beyond["data"], beyond["pagination"]["totalItems"]) == ([], 1)


@pytest.mark.parametrize("path", ["/v2/payments", "/v2/charges"])
def test_an_unknown_reference_finds_an_empty_list(shop: CheckedShop, path: str) -> None:
    found = shop.get(f"{path}?clientReferenceId={fresh()}")
    assert (found["data"], found["pagination"]["totalItems"]) == ([], 0)


# -- charges ----------------------------------------------------------------------------------------------------------


def test_charges_are_listed_with_a_field_for_every_method_null_where_it_does_not_apply(shop: CheckedShop) -> None:
    session = shop.create(paymentType="SINGLE")
    shop.simulate(session["id"])
    found = shop.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")
    inside = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    [alone] = found["data"]
    assert alone == inside | dict.fromkeys(
        (
            "fdsRiskAssessment",
            "card",
            "qr",
            "ewallet",
            "captureHistories",
            "failureCode",
            "failureMessage",
            "recommendation",
        )
    )
    assert found["pagination"] == {"page": 1, "perPage": 10, "totalItems": 1, "totalPages": 1}


def test_the_charges_of_a_static_payment_are_listed_newest_first_in_pages(shop: CheckedShop) -> None:
    session = paid_often(shop, 12)
    path = f"/v2/charges?clientReferenceId={session['clientReferenceId']}"
    assert values(shop.get(path)["data"]) == list(range(10_012, 10_002, -1))
    page = shop.get(f"{path}&page=3&perPage=5")
    assert values(page["data"]) == [10_002, 10_001]
    assert page["pagination"] == {"page": 3, "perPage": 5, "totalItems": 12, "totalPages": 3}
    assert {charge["statementDescriptor"] for charge in page["data"]} == {""}


def test_a_payment_that_cannot_be_paid_yet_has_no_charges(shop: CheckedShop) -> None:
    payment = shop.get(f"/v2/payments/{waiting(shop)}")["data"]
    assert shop.get(f"/v2/charges?clientReferenceId={payment['clientReferenceId']}")["data"] == []


def test_listing_charges_needs_a_reference(shop: CheckedShop) -> None:
    shop.refused("GET", "/v2/charges", status=400, code="api_validation_error", field="clientReferenceId")


# -- what buyers can pay with -----------------------------------------------------------------------------------------


def test_the_methods_of_a_merchant_are_listed_with_their_limits(shop: CheckedShop) -> None:
    configs = shop.get("/v2/payment-method-configs")["data"]
    banks = ["BCA", "BRI", "MANDIRI", "BNI", "BSI", "CIMB", "PERMATA", "BNC", "DANAMON"]
    assert configs == {
        "card": {
            "enabled": True,
            "acceptedChannels": ["VISA", "MASTERCARD", "JCB"],
            "minimumAmount": rupiah(10_000),
            "maximumAmount": rupiah(9_999_999_999),
            "maximumExpiry": "30 DAYS",
            "installmentConfig": None,
        },
        "virtualAccount": {
            "enabled": True,
            "acceptedChannels": banks,
            "minimumAmount": rupiah(10_000),
            "maximumAmount": rupiah(9_999_999_999),
            "maximumExpiry": "30 DAYS",
        },
        "qr": {
            "enabled": True,
            "minimumAmount": rupiah(1_000),
            "maximumAmount": rupiah(9_999_999),
            "maximumExpiry": "60 MINUTES",
        },
        "ewallet": {
            "enabled": True,
            "acceptedChannels": ["DANA", "SHOPEEPAY", "OVO"],
            "minimumAmount": rupiah(10_000),
            "maximumAmount": rupiah(9_999_999),
            "maximumExpiry": "30 MINUTES",
        },
        "installment": {"enabled": False, "acceptedChannels": {}},
    }


def test_a_method_without_an_agreement_is_listed_as_disabled_and_refused(shop: CheckedShop) -> None:
    banks_only = only(default_agreement(7001, "Warung"), "virtual_account")
    own = CheckedShop.of(shop.gateway.new_shop(agreement=banks_only))
    assert own.get("/v2/payment-method-configs")["data"]["qr"] == {"enabled": False, "acceptedChannels": []}
    body = {"clientReferenceId": fresh(), "amount": rupiah(20000), "paymentMethod": {"type": "QR"}, "mode": "API"}
    why = own.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="paymentMethod.type")
    assert why == "QRIS is not enabled for this merchant."
