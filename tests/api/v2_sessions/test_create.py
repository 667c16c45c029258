"""Creating payments: the resulting status, which fields the response has, defaults and limits."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gerbang.api.v2_sessions.events import PRODUCT
from gerbang.channels import virtual_account
from gerbang.services.merchants import default_agreement
from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import fresh, order, rupiah
from tests.support.agreements import only

VA = {"type": "VIRTUAL_ACCOUNT"}
STATIC: dict[str, Any] = {"paymentType": "MULTIPLE"}
OPEN: dict[str, Any] = STATIC | {"amount": None}
NO_METHOD: dict[str, Any] = {"paymentMethod": None, "paymentMethodOptions": None}
NO_BANK: dict[str, Any] = {"paymentMethodOptions": None}
REDIRECT: dict[str, Any] = {"mode": "REDIRECT"}
LATER: dict[str, Any] = {"autoConfirm": False}
QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("changes", "status", "charges", "page"),
    [
        ({}, "REQUIRE_ACTION", 1, False),
        (QR, "REQUIRE_ACTION", 1, False),
        (REDIRECT, "REQUIRE_ACTION", 1, True),
        (REDIRECT | QR, "REQUIRE_ACTION", 1, True),
        ({"mode": None}, "REQUIRE_ACTION", 1, True),
        (NO_METHOD, "REQUIRE_PAYMENT_METHOD", 0, False),
        (NO_METHOD | REDIRECT, "REQUIRE_PAYMENT_METHOD", 0, True),
        (NO_METHOD | LATER, "REQUIRE_CONFIRMATION", 0, False),
        (NO_METHOD | LATER | REDIRECT, "REQUIRE_CONFIRMATION", 0, True),
        (LATER, "REQUIRE_CONFIRMATION", 0, False),
        (NO_BANK | REDIRECT, "REQUIRE_PAYMENT_METHOD", 0, True),
        (NO_BANK | LATER, "REQUIRE_CONFIRMATION", 0, False),
        (STATIC, "ACTIVE", 0, False),
        (OPEN, "ACTIVE", 0, False),
        (OPEN | QR, "ACTIVE", 0, False),
        (STATIC | LATER, "REQUIRE_CONFIRMATION", 0, False),
        (OPEN | NO_METHOD, "REQUIRE_PAYMENT_METHOD", 0, False),
        (OPEN | NO_METHOD | LATER, "REQUIRE_CONFIRMATION", 0, False),
    ],
)
def test_the_request_decides_the_status(
    shop: CheckedShop, changes: dict[str, Any], status: str, charges: int, page: bool
) -> None:
    session = shop.create(**changes)
    assert session["status"] == status
    assert len(session["chargeDetails"] or []) == charges
    assert ("paymentUrl" in session) == page
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert read["status"] == status
    assert read["paymentMethod"] == session["paymentMethod"]
    assert read["bypassStatusPage"] is False


def test_a_session_with_a_type_prints_it_and_no_cancellation(shop: CheckedShop) -> None:
    session = shop.create(paymentType="SINGLE")
    assert list(session) == [
        *("id", "clientReferenceId", "amount", "autoConfirm", "mode", "paymentType", "paymentMethod"),
        *("statementDescriptor", "status", "createdAt", "updatedAt", "expiryAt", "chargeDetails"),
    ]
    assert session["chargeDetails"][0]["statementDescriptor"] == "TOKO BARU"


def test_a_session_with_everything_prints_it_in_the_documented_order(shop: CheckedShop) -> None:
    session = shop.create(
        mode="REDIRECT",
        paymentType="SINGLE",
        bypassStatusPage=True,
        redirectUrl={"successReturnUrl": "https://shop.example/ok", "expirationReturnUrl": "toko://late"},
        customer={"email": "budi@shop.example"},
        saveForFuture=True,
        showSavedPayment=True,
        expirationMode="STRICT",
        metadata={"b": 1, "a": [None, 1.50, "é"]},
    )
    assert list(session) == [
        *("id", "clientReferenceId", "amount", "autoConfirm", "mode", "redirectUrl", "paymentType", "paymentMethod"),
        *("statementDescriptor", "saveForFutureUse", "expirationMode", "status", "createdAt", "updatedAt", "expiryAt"),
        *("paymentUrl", "chargeDetails", "customerId", "customer", "metadata"),
    ]
    assert session["redirectUrl"] == {
        "successReturnUrl": "https://shop.example/ok",
        "expirationReturnUrl": "toko://late",
    }
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert list(read) == [
        *("id", "clientReferenceId", "amount", "autoConfirm", "mode", "redirectUrl", "paymentType", "paymentMethod"),
        *("statementDescriptor", "saveForFutureUse", "showSavedPayment", "expirationMode", "status"),
        *("investigationStatus", "createdAt", "updatedAt", "expiryAt", "paymentUrl", "chargeDetails", "customerId"),
        *("customer", "metadata", "bypassStatusPage"),
    ]
    assert (read["saveForFutureUse"], read["showSavedPayment"], read["bypassStatusPage"]) == (True, True, True)


def test_metadata_comes_back_byte_for_byte(shop: CheckedShop) -> None:
    sent_json = '{"z":1,"a":{"b":[1.50,1e2,"\\u00e9","\\u0000",null,true]},"n":123456789012345678901234567890,"":{}}'
    body = json.dumps(order())[:-1] + f', "metadata": {sent_json}}}'
    answered = shop.call("POST", "/v2/payments", body.encode())
    assert f'"metadata":{sent_json}' in answered.text
    read = shop.call("GET", f"/v2/payments/{answered.json()['data']['id']}")
    assert f'"metadata":{sent_json}' in read.text


def test_numbers_of_any_length_come_back_digit_by_digit(shop: CheckedShop) -> None:
    sent_json = (
        '{"whole":12345678901234567890,"part":0.1234567890123456789,"in":[1.50,{"a":-12345678901234567890.5e-3}]}'
    )
    body = json.dumps(order())[:-1] + f', "metadata": {sent_json}}}'
    answered = shop.call("POST", "/v2/payments", body.encode())
    payment_id = answered.json()["data"]["id"]
    shop.simulate(payment_id)
    shop.advance(seconds=0)
    sent_callback = shop.call("GET", "/sandbox/inbox").json()["items"][0]["raw"]
    read = shop.call("GET", f"/v2/payments/{payment_id}").text
    assert [sent_json in text for text in (answered.text, read, sent_callback)] == [True] * 3


def test_an_order_is_kept_digit_by_digit(shop: CheckedShop) -> None:
    price = '{"value":12345678901234567.89,"currency":"IDR"}'
    product = f'{{"type":"DIGITAL","quantity":0.1234567890123456789,"price":{price},"ours":[0.10000000000000000001]}}'
    sent_json = f'{{"productDetails":[{product}]}}'
    body = json.dumps(order())[:-1] + f', "orderInformation": {sent_json}}}'
    assert shop.call("POST", "/v2/payments", body.encode()).status_code == 200
    query = "SELECT details->>'order' AS kept FROM payments WHERE merchant_id = $1"
    assert shop.gateway.rows(query, shop.merchant_id) == [{"kept": sent_json}]


def test_no_metadata_and_empty_metadata_are_distinguished(shop: CheckedShop) -> None:
    assert "metadata" not in shop.create()
    assert shop.create(metadata={})["metadata"] == {}


def test_a_payment_expires_after_15_minutes_by_default(shop: CheckedShop) -> None:
    session = shop.create()
    assert instant(session["expiryAt"]) - instant(session["createdAt"]) == timedelta(minutes=15)
    assert session["chargeDetails"][0]["virtualAccount"]["expiryAt"] == session["expiryAt"]


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("2025-03-31T23:59:05Z", "2025-03-31T23:59:05Z"),
        ("2025-04-01T06:59:05+07:00", "2025-03-31T23:59:05Z"),
        ("2025-03-31T23:59:05.5Z", "2025-03-31T23:59:05.500000Z"),
        ("2025-04-01T06:59:05", "2025-03-31T23:59:05Z"),
    ],
)
def test_an_expiry_is_returned_in_utc(shop: CheckedShop, sent: str, returned: str) -> None:
    assert shop.create(expiryAt=sent)["expiryAt"] == returned


def test_a_virtual_account_may_end_before_its_payment_but_not_after(shop: CheckedShop) -> None:
    def number(expiry: str) -> dict[str, Any]:
        options = {"virtualAccount": {"channel": "BRI", "expiryAt": expiry}}
        session = shop.create(expiryAt="2025-03-31T00:00:00Z", paymentMethodOptions=options)
        return session["chargeDetails"][0]["virtualAccount"]

    assert number("2025-03-30T23:00:00Z")["expiryAt"] == "2025-03-30T23:00:00Z"
    assert number("2025-04-02T00:00:00Z")["expiryAt"] == "2025-03-31T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "returned"),
    [(10_000, 10_000), (9_999_999_999, 9_999_999_999), (2e4, 20_000), ("20000", 20_000), ("20000.00", 20_000)],
)
def test_amounts_within_the_limits_are_whole_numbers_in_the_answer(
    shop: CheckedShop, value: object, returned: int
) -> None:
    session = shop.create(amount=rupiah(value))
    assert session["amount"] == {"value": returned, "currency": "IDR"}
    assert isinstance(session["amount"]["value"], int)
    assert session["chargeDetails"][0]["amount"] == session["amount"]


@pytest.mark.parametrize(("value", "field"), [(999, "amount.value"), (10_000_000, "amount.value")])
def test_qris_has_limits_of_its_own(shop: CheckedShop, value: int, field: str) -> None:
    shop.refused(
        "POST",
        "/v2/payments",
        order(**QR | {"amount": rupiah(value)}),
        status=400,
        code="api_validation_error",
        field=field,
    )
    assert shop.create(**QR, amount=rupiah(1_000))["amount"]["value"] == 1_000
    assert shop.create(**QR, amount=rupiah(9_999_999))["amount"]["value"] == 9_999_999


def test_a_merchants_own_limits_replace_those_of_the_channel(shop: CheckedShop) -> None:
    default = only(default_agreement(7777, "Warung"), "virtual_account", "qris")
    agreed = replace(default, amount_min={"virtual_account": 500_00}, amount_max={"qris": 2_000_00})
    own = CheckedShop.of(shop.gateway.new_shop(agreement=agreed))
    assert own.create(amount=rupiah(500))["amount"]["value"] == 500
    why = own.refused(
        "POST", "/v2/payments", order(**QR | {"amount": rupiah(2_001)}), status=400, code="api_validation_error"
    )
    assert "Rp 2.000" in why
    configs = own.get("/v2/payment-method-configs")["data"]
    assert configs["virtualAccount"]["minimumAmount"] == rupiah(500)
    assert configs["qr"]["maximumAmount"] == rupiah(2_000)


@pytest.mark.parametrize("bank", virtual_account.banks_of(PRODUCT))
def test_every_bank_gives_numbers_of_its_own_prefix(shop: CheckedShop, bank: str) -> None:
    spec = virtual_account.BANKS[bank]
    options = {"virtualAccount": {"channel": bank, "virtualAccountName": "Budi"}}
    number = shop.create(paymentMethodOptions=options)["chargeDetails"][0]["virtualAccount"]
    assert number["channel"] == bank
    assert number["virtualAccountNumber"].startswith(spec.dynamic_company)
    assert number["virtualAccountName"] == "TOKO BARU - Budi"
    static = shop.create(**OPEN, paymentMethodOptions=options)["paymentMethod"]["virtualAccount"]
    assert static["virtualAccountNumber"].startswith(spec.static_company)
    assert static["virtualAccountName"] == "Budi"


@pytest.mark.parametrize("bank", sorted(virtual_account.BANKS.keys() - set(virtual_account.banks_of(PRODUCT))))
def test_a_bank_that_these_documents_do_not_name_is_not_offered(shop: CheckedShop, bank: str) -> None:
    body = order(paymentMethodOptions={"virtualAccount": {"channel": bank}})
    why = shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error")
    assert f"{bank} is not offered" in why
    assert bank not in str(shop.get("/v2/payment-method-configs"))


def test_no_two_payments_get_the_same_number_also_across_merchants(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    sessions = [each.create() for _ in range(20) for each in (shop, other)]
    numbers = [session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"] for session in sessions]
    assert len(set(numbers)) == 40


def test_without_a_name_the_merchants_own_is_shown(shop: CheckedShop) -> None:
    options = {"virtualAccount": {"channel": "BRI"}}
    session = shop.create(paymentMethodOptions=options)
    assert session["chargeDetails"][0]["virtualAccount"]["virtualAccountName"] == "TOKO BARU"


def test_options_may_be_inside_the_method(shop: CheckedShop) -> None:
    options = {"virtualAccount": {"channel": "CIMB", "virtualAccountName": "Sari"}}
    session = shop.create(paymentMethod=VA | {"paymentMethodOptions": options}, paymentMethodOptions=None)
    assert session["chargeDetails"][0]["virtualAccount"]["channel"] == "CIMB"
    assert session["paymentMethod"] == VA


def test_the_descriptor_is_the_short_name_by_default(shop: CheckedShop) -> None:
    assert shop.create()["statementDescriptor"] == "TOKO BARU"
    assert shop.create(statementDescriptor="Kopi 1")["statementDescriptor"] == "Kopi 1"


def test_a_method_that_is_refused_is_refused_at_once_also_when_it_is_confirmed_later(shop: CheckedShop) -> None:
    body = order(autoConfirm=False, amount=rupiah(1))
    shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="amount.value")


def test_options_of_other_methods_do_not_prevent_a_virtual_account(shop: CheckedShop) -> None:
    session = shop.create(
        paymentMethodOptions={
            "virtualAccount": {"channel": "BRI"},
            "card": {"captureMethod": "MANUAL", "threeDsMethod": "CHALLENGE", "installment": {"plan": ["regular"]}},
            "ewallet": {"channel": "DANA"},
            "qr": {"expiryAt": "2025-03-30T07:00:00Z"},
        }
    )
    assert session["paymentMethod"] == VA


def test_a_reference_is_unique_per_merchant(shop: CheckedShop) -> None:
    reference = fresh()
    first = shop.create(clientReferenceId=reference)
    shop.refused(
        "POST",
        "/v2/payments",
        order(clientReferenceId=reference),
        status=409,
        code="duplicate_error",
        field="clientReferenceId",
    )
    other = CheckedShop.of(shop.gateway.new_shop())
    assert other.create(clientReferenceId=reference)["id"] != first["id"]
