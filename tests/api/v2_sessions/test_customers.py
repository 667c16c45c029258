"""Customers: identified by e-mail address, stored with the fields that were sent, and returned with every payment."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import at_once, order, waiting, written

BUDI: dict[str, Any] = {
    "givenName": "Budi",
    "surname": "Santoso",
    "email": "budi@shop.example",
    "phoneNumber": {"countryCode": "+62", "number": "81200000000"},
    "refundPreference": {
        "method": "TRANSFER_ONLY",
        "transferDestination": {
            "channelCode": "BCA",
            "channelInformation": {"accountNumber": "1000200030", "accountName": "Budi Santoso"},
        },
    },
}


def test_a_customer_comes_back_as_it_was_sent_with_an_id(shop: CheckedShop) -> None:
    session = shop.create(customer=BUDI)
    assert session["customer"] == BUDI
    assert list(session["customer"]) == list(BUDI)
    assert UUID(session["customerId"]).version == 7
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert read["customer"] == BUDI | {"storePaymentMethods": None}
    assert read["customerId"] == session["customerId"]


def test_without_a_customer_there_is_neither_id_nor_customer(shop: CheckedShop) -> None:
    session = shop.create()
    assert not {"customerId", "customer"} & set(session)
    assert not {"customerId", "customer"} & set(shop.get(f"/v2/payments/{session['id']}")["data"])


def test_the_same_address_is_the_same_customer(shop: CheckedShop) -> None:
    first, second = (shop.create(customer={"email": "sari@shop.example"}) for _ in range(2))
    other = shop.create(customer={"email": "tono@shop.example"})
    assert first["customerId"] == second["customerId"] != other["customerId"]


def test_the_same_address_at_another_merchant_is_another_customer(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    assert shop.create(customer=BUDI)["customerId"] != other.create(customer=BUDI)["customerId"]


def test_the_id_alone_brings_the_customer_back(shop: CheckedShop) -> None:
    known = shop.create(customer=BUDI)["customerId"]
    session = shop.create(customerId=known)
    assert (session["customerId"], session["customer"]) == (known, BUDI)


def test_new_values_replace_the_known_ones_and_the_rest_stays(shop: CheckedShop) -> None:
    shop.create(customer=BUDI)
    moved = shop.create(customer={"email": "budi@shop.example", "givenName": "Boedi"})
    assert moved["customer"] == BUDI | {"givenName": "Boedi"}
    assert shop.create(customerId=moved["customerId"])["customer"] == moved["customer"]


def test_an_earlier_payment_keeps_the_customer_as_it_was_sent_then(shop: CheckedShop) -> None:
    first = shop.create(customer=BUDI)
    shop.create(customer=BUDI | {"givenName": "Boedi"})
    assert shop.get(f"/v2/payments/{first['id']}")["data"]["customer"]["givenName"] == "Budi"


def test_an_id_of_the_merchants_own_is_kept(shop: CheckedShop) -> None:
    session = shop.create(customerId="member-17", customer={"email": "tina@shop.example"})
    assert session["customerId"] == "member-17"
    assert shop.create(customer={"email": "tina@shop.example"})["customerId"] == "member-17"
    assert shop.create(customerId="member-17")["customer"]["email"] == "tina@shop.example"


def test_a_customer_without_an_address_is_a_new_one_each_time(shop: CheckedShop) -> None:
    first, second = (shop.create(customer={"givenName": "Guest"}) for _ in range(2))
    assert first["customer"] == {"givenName": "Guest"}
    assert first["customerId"] != second["customerId"]


def test_an_unknown_customer_id_is_not_found(shop: CheckedShop) -> None:
    before = written(shop)
    body = order(customerId="nobody")
    shop.refused("POST", "/v2/payments", body, status=404, code="resource_missing", field="customerId")
    assert written(shop) == before


def test_the_id_of_another_merchants_customer_is_not_found(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    known = other.create(customer=BUDI)["customerId"]
    shop.refused(
        "POST", "/v2/payments", order(customerId=known), status=404, code="resource_missing", field="customerId"
    )


def test_the_surname_comes_back_spelled_as_it_was_sent(shop: CheckedShop) -> None:
    older = shop.create(customer={"email": "ani@shop.example", "sureName": "Wijaya"})
    assert older["customer"]["sureName"] == "Wijaya"
    read = shop.get(f"/v2/payments/{older['id']}")["data"]["customer"]
    assert (read["sureName"], "surname" in read) == ("Wijaya", False)
    newer = shop.create(customer={"email": "ani@shop.example"})
    assert (newer["customer"]["surname"], newer["customerId"]) == ("Wijaya", older["customerId"])


def test_an_empty_surname_is_a_surname(shop: CheckedShop) -> None:
    assert shop.create(customer={"email": "mono@shop.example", "surname": ""})["customer"]["surname"] == ""


@pytest.mark.parametrize("preference", [{}, {"method": None}, {"method": "AUTO"}])
def test_the_refund_preference_is_automatic_unless_it_is_sent(shop: CheckedShop, preference: dict[str, Any]) -> None:
    session = shop.create(customer={"email": "eka@shop.example", "refundPreference": preference})
    assert session["customer"]["refundPreference"] == {"method": "AUTO"}


def test_a_customer_is_returned_after_a_confirm_too(shop: CheckedShop) -> None:
    payment_id = waiting(shop, customer=BUDI)
    confirmed = shop.post(f"/v2/payments/{payment_id}/confirm", {"paymentMethod": {"type": "QR"}})["data"]
    assert confirmed["customer"] == BUDI


def test_the_customer_of_the_documents_has_its_stored_methods(sole_shop: CheckedShop) -> None:
    session = sole_shop.create(customerId="999966660001")
    assert [kept["token"] for kept in session["customer"]["storedPaymentMethods"]] == ["bicbiweu63c", "bicewnbf3eu63c"]
    read = sole_shop.get(f"/v2/payments/{session['id']}")["data"]["customer"]
    assert read["storedPaymentMethods"] == session["customer"]["storedPaymentMethods"]
    assert "storePaymentMethods" not in read


def test_ten_payments_at_once_of_a_new_customer_make_one_customer(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    for round_ in range(3):
        customer = {"email": f"new{round_}@shop.example", "givenName": "Dewi"}
        answers = at_once(*[partial(shop.call, "POST", "/v2/payments", order(customer=customer)) for _ in range(10)])
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["data"]["customerId"] for answer in answers}) == 1
    assert written(shop)["customers"] == 3
    assert written(shop)["payments"] == 30
