"""Deviations that existing clients of the vendor send are accepted: slashes, GET bodies, empty options, numbers as text."""

import json
from typing import Any

import pytest

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    document,
    folder,
    fresh,
    funded,
    ids,
    link_order,
    listed,
    made,
    order,
    payout_order,
    static_va,
    task,
)

UNUSED = ("bankShortCode", "suffixNo", "displayName", "retailOutletName", "providerCode", "afterSettlementReturnUrl")
USED: dict[str, dict[str, str]] = {
    "virtual_bank_account": {"bankShortCode": "BCA", "displayName": "Budi"},
    "retail_outlet": {"retailOutletName": "INDOMARET", "displayName": "Budi"},
    "qris": {"displayName": "Budi"},
    "e-wallet": {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"},
}


# -- HTTP -------------------------------------------------------------------------------------------------------------


def test_a_trailing_slash_is_ignored(shop: CheckedShop) -> None:
    payment = made(shop, f"{PAYMENTS}/", order())
    account = made(shop, f"{STATIC_VA}/", document(referenceId=fresh(), bankShortCode="BNI", displayName="Budi"))
    made(shop, f"{LINKS}/", link_order())
    made(funded(shop), f"{PAYOUTS}//", payout_order())
    assert shop.call("GET", f"{PAYMENTS}/{payment['id']}/").json() == {"data": payment}
    assert shop.call("GET", f"{folder(account)}/payments/?sort=createdAt").json() == {"data": []}
    assert len(listed(shop, path=f"{PAYMENTS}/")) == 3
    assert shop.call("POST", f"{PAYMENTS}/{payment['id']}/tasks/", task("cancel")).status_code == 201
    for path in ("banks", "overviews/balance_overview", "disbursements"):
        assert shop.call("GET", f"/api/v4/{path}/").status_code == 200


@pytest.mark.parametrize("body", [b'{"data":{"attributes":null}}', b"null", b"[", b"\xff", b"x" * 2_000_000])
def test_the_body_of_a_get_is_not_read(shop: CheckedShop, body: bytes) -> None:
    payment = shop.create()
    assert shop.call("GET", f"{PAYMENTS}/{payment['id']}", body).json() == {"data": payment}
    assert shop.call("GET", PAYMENTS, body).json() == {"data": [payment]}


def test_head_is_answered_without_a_body(shop: CheckedShop) -> None:
    payment = shop.create()
    for path in (PAYMENTS, folder(payment), "/api/v4/banks"):
        head, whole = shop.call("HEAD", path), shop.call("GET", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("kind", ["application/vnd.api+json", "application/json", "text/plain", "*/*", "", "x"])
def test_any_content_type_is_accepted(shop: CheckedShop, kind: str) -> None:
    assert shop.call("POST", PAYMENTS, json.dumps(order()).encode(), Content_Type=kind).status_code == 201


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.api+json", "*/*", "text/html", "image/png"])
def test_the_answer_is_json_whatever_the_accept_header(shop: CheckedShop, accept: str) -> None:
    answered = shop.call("POST", PAYMENTS, order(), Accept=accept)
    assert (answered.status_code, answered.headers["content-type"]) == (201, "application/json")


def test_an_idempotency_key_header_is_ignored(shop: CheckedShop) -> None:
    first, second = (shop.call("POST", PAYMENTS, order(), Idempotency_Key="the same") for _ in range(2))
    assert first.json()["data"]["id"] != second.json()["data"]["id"]


# -- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", [..., "payments", "payment", 7, None, {}])
def test_the_type_of_a_document_is_ignored(shop: CheckedShop, type_: object) -> None:
    body = order()
    if type_ is not ...:
        body["data"]["type"] = type_
    assert made(shop, PAYMENTS, body | {"jsonapi": {"version": "1.0"}, "meta": []})["type"] == "payment"


@pytest.mark.parametrize("type_", USED)
@pytest.mark.parametrize("nothing", ["", None, "  "])
def test_options_of_other_types_may_be_sent_empty(shop: CheckedShop, type_: str, nothing: object) -> None:
    options: dict[str, object] = dict.fromkeys(UNUSED, nothing)
    made(shop, PAYMENTS, order(paymentMethodType=type_, paymentMethodOptions=options | USED[type_]))


@pytest.mark.parametrize("type_", USED)
def test_options_of_other_types_are_ignored_even_if_invalid(shop: CheckedShop, type_: str) -> None:
    used = USED[type_]
    strange = {name: [1] for name in UNUSED if name not in used and name != "displayName"}
    if type_ == "virtual_bank_account":
        del strange["suffixNo"]
    made(shop, PAYMENTS, order(paymentMethodType=type_, paymentMethodOptions=strange | used))


@pytest.mark.parametrize("nothing", ["", None])
def test_empty_is_the_same_as_absent(shop: CheckedShop, nothing: object) -> None:
    body = order(currency=nothing, expiredAt=nothing, description=nothing, displayName=nothing, metadata=nothing)
    attributes = made(shop, PAYMENTS, body)["attributes"]
    assert attributes["description"] is None
    assert attributes["currency"] == "IDR"
    shop.refused("POST", PAYMENTS, order(amount=nothing), code="005", at="/data/attributes/amount")
    shop.refused("POST", PAYMENTS, order(referenceId=nothing), code="005", at="/data/attributes/referenceId")


def test_unknown_fields_are_ignored(shop: CheckedShop) -> None:
    strange: dict[str, object] = {"metadata": {"a": [1]}, "callbackUrl": 1, "": None, "é": [{}], "status": "paid"}
    payment = made(shop, PAYMENTS, order(**strange))
    assert not (set(strange) - {"status"}) & set(payment["attributes"])
    assert payment["attributes"]["status"] == "pending"


def test_a_display_name_may_be_a_top_level_attribute(shop: CheckedShop) -> None:
    body = order(displayName="Ani", paymentMethodOptions={"bankShortCode": "BCA"})
    assert made(shop, PAYMENTS, body)["attributes"]["paymentMethod"]["instructions"]["displayName"] == "IKN-Ani"
    body = order(displayName="Ani", paymentMethodOptions={"bankShortCode": "BCA", "displayName": "Budi"})
    assert made(shop, PAYMENTS, body)["attributes"]["paymentMethod"]["instructions"]["displayName"] == "IKN-Budi"


def test_a_known_misspelling_of_the_provider_code_is_accepted(shop: CheckedShop) -> None:
    options = {"provider_code": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}
    payment = made(shop, PAYMENTS, order(paymentMethodType="e-wallet", paymentMethodOptions=options))
    assert payment["attributes"]["paymentMethod"]["type"] == "e-wallet"


def test_amounts_may_be_text_everywhere(shop: CheckedShop) -> None:
    assert made(shop, PAYMENTS, order(amount="15000"))["attributes"]["amount"] == "15000.0"
    assert made(shop, LINKS, link_order(amount="15000.0"))["attributes"]["amount"] == "15000.0"
    assert made(funded(shop), PAYOUTS, payout_order(amount="10000"))["attributes"]["amount"] == "10000.0"
    account = static_va(shop)
    answered = shop.call("POST", f"{folder(account)}/tasks", task("receive_payment", options={"amount": "99000"}))
    assert answered.json()["data"]["attributes"]["options"] == {"amount": "99000"}


@pytest.mark.parametrize("options", [{"amount": 0}, {}, None, "", [], 7])
def test_options_of_a_task_on_a_payment_are_ignored(shop: CheckedShop, options: object) -> None:
    payment = shop.create()
    answered = shop.call("POST", f"{PAYMENTS}/{payment['id']}/tasks", task("receive_payment", options=options))
    assert answered.status_code == 201


def test_an_account_number_may_be_a_number(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order({"bankAccountNo": 1020304050}))
    assert payout["attributes"]["disbursementMethod"]["bankAccountNo"] == "1020304050"


def test_a_disbursement_needs_neither_holder_nor_description_nor_type(shop: CheckedShop) -> None:
    attributes = made(funded(shop), PAYOUTS, payout_order({"type": ...}))["attributes"]
    assert (attributes["description"], attributes["disbursementMethod"]["type"]) == (None, "bank_transfer")


# -- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "?createdAfter=&createdBefore=&status=&referenceId=&sort=&page[number]=&page[size]=",
        "?filter[createdAfter]=&filter[createdBefore]=&filter[status]=&filter[referenceId]=",
        "?createdAfter=2022-04-15&status=",
        "?filter[createdAfter]=2025-03-30",
        "?filter%5BcreatedAfter%5D=2025-03-30T00:00:00&page%5Bsize%5D=5",
        "?createdAfter=2025-03-30T00:00:00%2B07:00",
        "?createdAfter=2025-03-30T00:00:00+07:00",
        "?createdAfter=2025-03-29T17:00:00Z&createdBefore=2025-04-30",
        "?createdAfter=2025-03-30%2000:00:00",
        "?unknown=1&filter[unknown]=2&page[unknown]=3&createdAfter",
    ],
)
def test_filters_are_accepted_in_both_spellings_and_empty_ones_are_ignored(shop: CheckedShop, query: str) -> None:
    payment = shop.create()
    assert ids(listed(shop, query)) == [payment["id"]]


def test_a_filter_with_brackets_overrides_one_without(shop: CheckedShop) -> None:
    shop.create()
    assert listed(shop, "?filter[status]=paid&status=pending") == []
    assert len(listed(shop, "?filter[status]=&status=pending")) == 1


def test_static_methods_have_the_requested_name_or_the_merchants(shop: CheckedShop) -> None:
    account = made(shop, STATIC_VA, document(referenceId=fresh(), bankShortCode="BNI", displayName="", suffixNo=""))
    assert account["attributes"]["instructions"]["displayName"] == "IKN-TOKO BARU"
    qris = made(shop, STATIC_QRIS, document(referenceId=fresh()))
    assert qris["attributes"]["instructions"]["displayName"] == "Toko Baru"


def test_answers_are_compact_json_without_escapes(shop: CheckedShop) -> None:
    answered = shop.call("POST", PAYMENTS, order(description="Kopi susu — é 😀"))
    again: dict[str, Any] = answered.json()
    assert answered.content == json.dumps(again, ensure_ascii=False, separators=(",", ":")).encode()
