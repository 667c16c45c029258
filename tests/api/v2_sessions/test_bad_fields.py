"""Requests with one wrong field: each is refused with the documented error that names the field, and stores nothing."""

from typing import Any

import pytest

from gerbang.api.v2_sessions import requests
from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import order, rupiah, written

VA_NAME = "paymentMethodOptions.virtualAccount.virtualAccountName"
VA_NUMBER = "paymentMethodOptions.virtualAccount.virtualAccountNumber"
VA_CHANNEL = "paymentMethodOptions.virtualAccount.channel"
PRODUCT = {"type": "PHYSICAL", "quantity": 1, "price": rupiah(1)}
PERSON = {"givenName": "Budi", "email": "budi@shop.example"}
PLACE = {
    "addressLine1": "Jalan 1",
    "city": "Bogor",
    "provinceState": "Jawa Barat",
    "country": "ID",
    "postalCode": "16111",
}


def va(**more: object) -> dict[str, Any]:
    return {"paymentMethodOptions": {"virtualAccount": {"channel": "BRI"} | more}}


def card(**more: object) -> dict[str, Any]:
    return {"paymentMethod": {"type": "CARD", "card": more}}


GIVEN = {"number": "4440000112200001", "expMonth": "09", "expYear": "2039", "cvc": "123"}


def ordered(**more: object) -> dict[str, Any]:
    return {"orderInformation": more}


WRONG_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    # (what is wrong, fields of the request, the field that is named)
    ("the reference is missing", {"clientReferenceId": ...}, "clientReferenceId"),
    ("the reference is empty", {"clientReferenceId": ""}, "clientReferenceId"),
    ("the reference has 101 characters", {"clientReferenceId": "x" * 101}, "clientReferenceId"),
    ("the reference is a number", {"clientReferenceId": 1743240981}, "clientReferenceId"),
    ("the reference is null", {"clientReferenceId": None}, "clientReferenceId"),
    ("the reference holds a new line", {"clientReferenceId": "a\nb"}, "clientReferenceId"),
    ("the reference holds a NUL", {"clientReferenceId": "a\0b"}, "clientReferenceId"),
    ("the reference holds a C1 control", {"clientReferenceId": "a\x85b"}, "clientReferenceId"),
    ("there is no amount", {"amount": ...}, "amount.value"),
    ("the amount is a number", {"amount": 20000}, "amount"),
    ("the amount has no value", {"amount": {"currency": "IDR"}}, "amount.value"),
    ("the amount has no currency", {"amount": {"value": 20000}}, "amount.currency"),
    ("the currency is foreign", {"amount": {"value": 20000, "currency": "USD"}}, "amount.currency"),
    ("the currency is in small letters", {"amount": {"value": 20000, "currency": "idr"}}, "amount.currency"),
    ("the amount is zero", {"amount": rupiah(0)}, "amount.value"),
    ("the amount is negative zero", {"amount": rupiah(-0.0)}, "amount.value"),
    ("the amount is negative", {"amount": rupiah(-20000)}, "amount.value"),
    ("the amount is a fraction", {"amount": rupiah(20000.5)}, "amount.value"),
    ("the amount is a small fraction", {"amount": rupiah(0.1)}, "amount.value"),
    ("the amount is true", {"amount": rupiah(True)}, "amount.value"),
    ("the amount is null", {"amount": rupiah(None)}, "amount.value"),
    ("the amount is a list", {"amount": rupiah([20000])}, "amount.value"),
    ("the amount has 17 digits", {"amount": rupiah(10**16)}, "amount.value"),
    ("the amount has 100 digits", {"amount": rupiah(10**99)}, "amount.value"),
    ("the amount is beyond all banks", {"amount": rupiah(1e300)}, "amount.value"),
    ("the amount is empty text", {"amount": rupiah("")}, "amount.value"),
    ("the amount is a word", {"amount": rupiah("twenty")}, "amount.value"),
    ("the amount is text with a fraction", {"amount": rupiah("20000.50")}, "amount.value"),
    ("the amount is text with an exponent", {"amount": rupiah("2e4")}, "amount.value"),
    ("the amount is text with a sign", {"amount": rupiah("-20000")}, "amount.value"),
    ("the amount is text with points", {"amount": rupiah("20.000.000")}, "amount.value"),
    ("the amount is text in Arabic digits", {"amount": rupiah("٢٠٠٠٠")}, "amount.value"),
    ("the amount is below the limit", {"amount": rupiah(9_999)}, "amount.value"),
    ("the amount is above the limit", {"amount": rupiah(10_000_000_000)}, "amount.value"),
    ("the kind of payment is unknown", {"paymentType": "TWICE"}, "paymentType"),
    ("the mode is unknown", {"mode": "EMAIL"}, "mode"),
    ("the method has no type", {"paymentMethod": {}}, "paymentMethod.type"),
    ("the method is unknown", {"paymentMethod": {"type": "CASH"}}, "paymentMethod.type"),
    ("the method is text", {"paymentMethod": "QR"}, "paymentMethod"),
    ("a card is not given", {"paymentMethod": {"type": "CARD"}}, "paymentMethod.card"),
    (
        "there is no wallet",
        {"paymentMethod": {"type": "EWALLET"}, "paymentMethodOptions": ...},
        "paymentMethodOptions.ewallet.channel",
    ),
    (
        "the wallet's phone number is none",
        {"paymentMethod": {"type": "EWALLET", "ewallet": {"accountIdentifier": "12345"}}},
        "paymentMethod.ewallet.accountIdentifier",
    ),
    (
        "the wallet that notifies its buyer has no phone number",
        {"paymentMethod": {"type": "EWALLET"}, "paymentMethodOptions": {"ewallet": {"channel": "OVO"}}},
        "paymentMethod.ewallet.accountIdentifier",
    ),
    ("there is no bank", {"paymentMethodOptions": ...}, VA_CHANNEL),
    ("the bank is unknown", va(channel="BANK OF NOWHERE"), VA_CHANNEL),
    ("the bank is in small letters", va(channel="bri"), VA_CHANNEL),
    ("the bank is a number", va(channel=14), VA_CHANNEL),
    ("the name holds a control character", va(virtualAccountName="Budi\x07"), VA_NAME),
    ("the name has 101 characters", va(virtualAccountName="x" * 101), VA_NAME),
    ("the number holds letters", va(virtualAccountNumber="12AB"), VA_NUMBER),
    (
        "the account has ended already",
        va(expiryAt="2025-03-30T05:00:00Z"),
        "paymentMethodOptions.virtualAccount.expiryAt",
    ),
    ("autoConfirm is text", {"autoConfirm": "true"}, "autoConfirm"),
    ("autoConfirm is a number", {"autoConfirm": 1}, "autoConfirm"),
    ("the descriptor has 21 characters", {"statementDescriptor": "x" * 21}, "statementDescriptor"),
    ("the expiry does not exist", {"expiryAt": "2025-02-30T00:00:00Z"}, "expiryAt"),
    ("the expiry has a 25th hour", {"expiryAt": "2025-03-31T25:00:00Z"}, "expiryAt"),
    ("the expiry is before the calendar", {"expiryAt": "0001-01-01T00:00:00+14:00"}, "expiryAt"),
    ("the expiry is after the calendar", {"expiryAt": "9999-12-31T23:59:59-14:00"}, "expiryAt"),
    ("the expiry is a number", {"expiryAt": 1743465545}, "expiryAt"),
    ("the expiry has passed", {"expiryAt": "2025-03-30T05:00:00Z"}, "expiryAt"),
    ("the expiry is beyond the bank's 30 days", {"expiryAt": "2025-04-30T06:00:00Z"}, "expiryAt"),
    ("the expiry is years away", {"expiryAt": "2030-01-01T00:00:00Z"}, "expiryAt"),
    ("metadata is a list", {"metadata": ["a"]}, "metadata"),
    ("metadata is text", {"metadata": "a"}, "metadata"),
    (
        "an address to return to is no address",
        {"redirectUrl": {"successReturnUrl": "shop"}},
        "redirectUrl.successReturnUrl",
    ),
    (
        "an address to return to is a script",
        {"redirectUrl": {"failureReturnUrl": "javascript://shop.example/%0aalert(1)"}},
        "redirectUrl.failureReturnUrl",
    ),
    (
        "an address to return to has 256 characters",
        {"redirectUrl": {"expirationReturnUrl": "https://shop.example/".ljust(256, "x")}},
        "redirectUrl.expirationReturnUrl",
    ),
    ("the customer's id has 256 characters", {"customerId": "x" * 256}, "customerId"),
    ("the e-mail address is none", {"customer": {"email": "budi"}}, "customer.email"),
    (
        "the e-mail address has 256 characters",
        {"customer": {"email": "@shop.example".rjust(256, "x")}},
        "customer.email",
    ),
    ("the given name has 256 characters", {"customer": {"givenName": "x" * 256}}, "customer.givenName"),
    ("the phone has no number", {"customer": {"phoneNumber": {"countryCode": "+62"}}}, "customer.phoneNumber.number"),
    (
        "the country code has 5 characters",
        {"customer": {"phoneNumber": {"countryCode": "+6200", "number": "8"}}},
        "customer.phoneNumber.countryCode",
    ),
    (
        "the refund is unknown",
        {"customer": {"refundPreference": {"method": "CASH"}}},
        "customer.refundPreference.method",
    ),
    (
        "the refund by transfer has no account",
        {"customer": {"refundPreference": {"method": "TRANSFER_ONLY"}}},
        "customer.refundPreference.transferDestination",
    ),
    (
        "a product has no price",
        ordered(productDetails=[{"type": "DIGITAL", "quantity": 1}]),
        "orderInformation.productDetails[0].price",
    ),
    (
        "a product is of no kind",
        ordered(productDetails=[PRODUCT, PRODUCT | {"type": "GIFT"}]),
        "orderInformation.productDetails[1].type",
    ),
    (
        "a quantity is a word",
        ordered(productDetails=[PRODUCT | {"quantity": "one"}]),
        "orderInformation.productDetails[0].quantity",
    ),
    (
        "a quantity is zero",
        ordered(productDetails=[PRODUCT | {"quantity": 0}]),
        "orderInformation.productDetails[0].quantity",
    ),
    (
        "a price is negative",
        ordered(productDetails=[PRODUCT | {"price": rupiah(-0.5)}]),
        "orderInformation.productDetails[0].price.value",
    ),
    (
        "the bill is without a name",
        ordered(billingInfo={"email": "budi@shop.example"}),
        "orderInformation.billingInfo.givenName",
    ),
    (
        "the country has 3 letters",
        ordered(billingInfo=PERSON | {"country": "IDN"}),
        "orderInformation.billingInfo.country",
    ),
    ("the parcel has no method", ordered(shippingInfo=PERSON | PLACE), "orderInformation.shippingInfo.method"),
    (
        "the shipping fee is negative",
        ordered(shippingInfo=PERSON | PLACE | {"method": "REGULAR", "shippingFee": rupiah(-1)}),
        "orderInformation.shippingInfo.shippingFee.value",
    ),
    ("a card number is short", card(number="4000"), "paymentMethod.card.number"),
    ("a card expires in month 13", card(**GIVEN | {"expMonth": "13"}), "paymentMethod.card.expMonth"),
    ("a card number has a wrong digit", card(**GIVEN | {"number": "4440000112200002"}), "paymentMethod.card.number"),
    ("a card is of no network", card(**GIVEN | {"number": "9999999999999995"}), "paymentMethod.card.number"),
    (
        "a card is of a network that is not agreed",
        card(**GIVEN | {"number": "378282246310005", "cvc": "1234"}),
        "paymentMethod.card.number",
    ),
    ("a card number is a number", card(**GIVEN | {"number": 4440000112200001}), "paymentMethod.card.number"),
    ("a card has expired", card(**GIVEN | {"expYear": "24"}), "paymentMethod.card.expYear"),
    ("a card expires in words", card(**GIVEN | {"expYear": "soon"}), "paymentMethod.card.expYear"),
    (
        "a card has no cvc",
        card(**{name: value for name, value in GIVEN.items() if name != "cvc"}),
        "paymentMethod.card.cvc",
    ),
    ("a card is given twice", card(**GIVEN | {"token": "card_1"}), "paymentMethod.card"),
    ("a card's token is unknown", card(token="card_1"), "paymentMethod.card.token"),
    ("a card cannot be decrypted", card(encryptedCard="bm90aGluZw=="), "paymentMethod.card.encryptedCard"),
    ("a card's cvc has letters", card(**GIVEN | {"cvc": "12a"}), "paymentMethod.card.cvc"),
    (
        "a wallet is unknown",
        {"paymentMethod": {"type": "EWALLET"}, "paymentMethodOptions": {"ewallet": {"channel": "LINKAJA"}}},
        "paymentMethodOptions.ewallet.channel",
    ),
    (
        "a capture is neither automatic nor manual",
        {"paymentMethod": {"type": "CARD"}, "paymentMethodOptions": {"card": {"captureMethod": "later"}}},
        "paymentMethodOptions.card.captureMethod",
    ),
    (
        "money is to be split",
        {"splitRoutingConfigurations": [{"merchantId": "m", "type": "FIXED", "fixedAmount": 1}]},
        "splitRoutingConfigurations",
    ),
]


@pytest.mark.parametrize(
    ("changes", "field"), [case[1:] for case in WRONG_FIELDS], ids=[case[0] for case in WRONG_FIELDS]
)
def test_a_create_is_refused_when(shop: CheckedShop, changes: dict[str, Any], field: str) -> None:
    before = written(shop)
    why = shop.refused("POST", "/v2/payments", order(**changes), status=400, code="api_validation_error", field=field)
    assert why
    assert written(shop) == before


def test_all_errors_are_reported_at_once(shop: CheckedShop) -> None:
    wrong = order(
        clientReferenceId=...,
        amount={"value": True},
        paymentMethod={"type": "CASH"},
        customer={"email": "nobody"},
        orderInformation={"productDetails": [PRODUCT, {"type": "PHYSICAL", "price": rupiah(1)}]},
    )
    answered = shop.call("POST", "/v2/payments", wrong)
    assert answered.status_code == 400
    errors = {detail["field"]: detail["message"] for detail in answered.json()["error"]["details"]}
    assert errors == {
        "clientReferenceId": "is required",
        "amount.value": "must be a whole number or a number or text, not true or false",
        "amount.currency": "is required",
        "paymentMethod.type": "must be one of VIRTUAL_ACCOUNT, QR, CARD, EWALLET",
        "customer.email": "must be an e-mail address",
        "orderInformation.productDetails[1].quantity": "is required",
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": "api"}, "must be one of REDIRECT, API"),
        ({"amount": {"value": 20_000, "currency": "USD"}}, "must be one of IDR"),
        ({"redirectUrl": {"successReturnUrl": "www.shop.example/ok"}}, "must be an address such as https://shop.exam"),
        (va(virtualAccountNumber="12 34"), "must be digits"),
        (va(virtualAccountName="a\x00b"), "must not have control characters"),
        (va(expiryAt="tomorrow"), "must be an instant that exists, like 2025-03-31T23:59:05Z"),
    ],
)
def test_the_error_says_what_would_be_right(shop: CheckedShop, changes: dict[str, Any], why: str) -> None:
    sentence = shop.refused("POST", "/v2/payments", order(**changes), status=400, code="api_validation_error")
    assert sentence.startswith(why)


def test_errors_are_reported_beside_text_that_is_not_unicode(shop: CheckedShop) -> None:
    for beside in (b'"x": "\\ud800"', b'"x\\ud800": 1'):
        content = b'{"clientReferenceId": 5, ' + beside + b"}"
        shop.refused(
            "POST", "/v2/payments", content, status=400, code="api_validation_error", field="clientReferenceId"
        )


def test_of_very_many_wrong_fields_some_are_reported(shop: CheckedShop) -> None:
    strange = dict.fromkeys(requests.CreatePayment.__struct_fields__, 1)
    answered = shop.call("POST", "/v2/payments", strange)
    assert (answered.status_code, len(answered.json()["error"]["details"])) == (400, 10)
