"""Malformed requests and requests for unknown resources are refused in the v4 error format and change nothing."""

import json
from typing import Any

import pytest

from tests.api.v4_documents.contracts import CheckedShop, refusal
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    document,
    folder,
    link_order,
    order,
    payout_order,
    static_qris,
    static_va,
    task,
    written,
)

POINTER = "/data/attributes"
CREATES = (PAYMENTS, LINKS, PAYOUTS, STATIC_VA, STATIC_QRIS)


def body(raw: str = "20000", after: str = "") -> bytes:
    """A create as JSON text, with the amount and the text after the last attribute inserted unescaped."""
    return (json.dumps(order(amount=77, referenceId="a"))[:-3].replace("77", raw) + after + "}}}").encode()


MALFORMED: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("a list", b"[]", ""),
    ("null", b"null", ""),
    ("a number", b"1", ""),
    ("cut off", body()[:-1], ""),
    ("with something after it", body() + b" x", ""),
    ("with a comma too many", body(after=","), ""),
    ("with a comment", body(after="// optional parameters"), ""),
    ("in single quotes", body().replace(b'"', b"'"), ""),
    ("not UTF-8", body().replace(b"Budi", "José".encode("latin-1")), ""),
    ("UTF-16", body().decode().encode("utf-16"), ""),
    ("with half a surrogate pair", body().replace(b"Budi", b"\\ud83d"), f"{POINTER}/paymentMethodOptions/displayName"),
    ("with NaN", body("NaN"), f"{POINTER}/amount"),
    ("with Infinity", body("-Infinity"), f"{POINTER}/amount"),
    ("with 1e400", body("1e400"), f"{POINTER}/amount"),
    ("with NaN in a field that nobody knows", body(after=',"unknown":[1,{"a":NaN}]'), f"{POINTER}/unknown/1/a"),
    ("with NaN beside the data", b'{"unknown":NaN,' + body()[1:], "/unknown"),
    ("with a number of 5000 digits", body("9" * 5000), ""),
    ("with a leading zero", body("020000"), ""),
    ("with a hexadecimal amount", body("0x4e20"), ""),
    ("with a key twice", body(after=',"amount":1'), f"{POINTER}/amount"),
    ("with data twice", body()[:-1] + b',"data":{}}', "/data"),
    ("with a key twice in a list", body(after=',"unknown":[{"a":1},{"a":1,"a":2}]'), f"{POINTER}/unknown/1/a"),
    ("nested 65 deep", body(after=',"metadata":' + '{"a":' * 64 + "1" + "}" * 64), ""),
    ("nested 100000 deep", body(after=',"unknown":' + "[" * 100_000 + "]" * 100_000), ""),
]


@pytest.mark.parametrize(("content", "where"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_a_malformed_body_is_refused(shop: CheckedShop, content: bytes, where: str) -> None:
    before = written(shop.v2)
    shop.refused("POST", PAYMENTS, content, code="005", at=where)
    assert written(shop.v2) == before


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({}, ""),
        ({"data": None}, ""),
        ({"data": {}}, ""),
        ({"data": {"attributes": None}}, ""),
        ({"data": []}, ""),
        ({"data": ["x"]}, "/data"),
        ({"data": "x"}, "/data"),
        ({"data": {"attributes": ["x"]}}, POINTER),
        ({"data": {"attributes": 7}}, POINTER),
        (order()["data"]["attributes"], ""),
    ],
)
@pytest.mark.parametrize("path", CREATES)
def test_a_body_without_attributes_is_refused(
    shop: CheckedShop, path: str, content: dict[str, Any], where: str
) -> None:
    before = written(shop.v2)
    shop.refused("POST", path, content, code="005", at=where or None)
    assert written(shop.v2) == before


def test_a_body_of_1_mb_is_accepted_and_a_larger_one_refused(shop: CheckedShop) -> None:
    room = 1_000_000 - len(json.dumps(order(metadata="")).encode())
    longest = json.dumps(order(metadata="x" * room)).encode()
    assert len(longest) == 1_000_000
    payment = shop.call("POST", PAYMENTS, longest).json()["data"]
    before = written(shop.v2)
    for path in (*CREATES, f"{PAYMENTS}/{payment['id']}/tasks"):
        shop.refused("POST", path, longest + b" ", status=413, code="005")
    assert written(shop.v2) == before


# -- unknown resources ------------------------------------------------------------------------------------------------

UNKNOWN = "0" * 32
INVALID_IDS = (
    UNKNOWN,
    "1",
    "%00",
    "..%2f",
    UNKNOWN[:-1] + "g",
    "😀",
    "٣" * 32,
    "1_" * 16,
    "{" + UNKNOWN[:-2] + "}",
    "A" * 32,
)


@pytest.mark.parametrize("id_", INVALID_IDS)
@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        (PAYMENTS, "contract_"),
        (PAYOUTS, "contract_"),
        (LINKS, "paymentlink_"),
        (STATIC_VA, "va_"),
        (STATIC_QRIS, "qr_"),
    ],
)
def test_an_unknown_or_malformed_id_is_not_found(shop: CheckedShop, path: str, prefix: str, id_: str) -> None:
    action = {PAYOUTS: "complete"}.get(path, "receive_payment")
    for whole in (prefix + id_, id_, f"{prefix}{prefix}{id_}"):
        shop.refused("GET", f"{path}/{whole}", status=404, code="004")
        fields = task(action, options={"amount": 20_000})
        shop.refused("POST", f"{path}/{whole}/tasks", fields, status=404, code="004")


def test_an_id_in_capitals_is_found(shop: CheckedShop) -> None:
    for data in (shop.create(), static_va(shop), static_qris(shop)):
        found = shop.call("GET", folder(data).replace(data["id"], data["id"].upper()))
        assert found.json()["data"]["id"] == data["id"]


def test_an_id_is_not_found_under_the_path_of_another_kind(shop: CheckedShop) -> None:
    payment, account, qris = shop.create(), static_va(shop), static_qris(shop)
    for path, id_ in (
        (PAYOUTS, payment["id"]),
        (LINKS, payment["id"].replace("contract", "paymentlink")),
        (STATIC_VA, payment["id"].replace("contract", "va")),
        (STATIC_VA, payment["attributes"]["paymentMethod"]["id"]),
        (STATIC_QRIS, f"qr_{account['id'][3:25]}"),
        (STATIC_VA, f"va_{qris['id'][3:]}{'0' * 10}"),
        (PAYMENTS, account["id"].replace("va", "contract")),
    ):
        shop.refused("GET", f"{path}/{id_}", status=404, code="004")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v4/",
        "/api/v4/payment",
        "/api/v4/payments/contract_1/x",
        "/api/v4/payments/contract_1/tasks/1",
        "/api/v4/payment_methods",
        "/api/v4/payment_methods/virtual_bank_account",
        "/api/v4/payment_methods/paynow",
        "/api/v4/payment_methods/e-wallet/1",
        "/api/v4/banks/bca",
        "/api/v4/overviews",
        "/api/v4/kyc/customer_profiles",
        "/api/v4//payment",
    ],
)
def test_an_unknown_path_is_answered_in_the_v4_error_format(shop: CheckedShop, path: str) -> None:
    for method in ("GET", "POST"):
        shop.refused(method, path, order() if method == "POST" else None, status=404, code="004")
    refusal(shop.unauthenticated("GET", path), status=404, code="004")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PAYMENTS, "GET, HEAD, POST"),
        ("PUT", f"{PAYMENTS}/contract_{UNKNOWN}", "GET, HEAD"),
        ("POST", f"{PAYMENTS}/contract_{UNKNOWN}", "GET, HEAD"),
        ("GET", f"{PAYMENTS}/contract_{UNKNOWN}/tasks", "POST"),
        ("GET", STATIC_VA, "POST"),
        ("GET", STATIC_QRIS, "POST"),
        ("GET", LINKS, "POST"),
        ("PATCH", f"{STATIC_VA}/va_{UNKNOWN}", "GET, HEAD"),
        ("POST", f"{STATIC_QRIS}/qr_{UNKNOWN}/payments", "GET, HEAD"),
        ("POST", "/api/v4/banks", "GET, HEAD"),
        ("POST", "/api/v4/overviews/balance_overview", "GET, HEAD"),
        ("GET", "/api/v4/validation_services/bank_account_validation", "POST"),
    ],
)
def test_a_method_that_is_not_allowed_is_refused_with_the_allowed_ones(
    shop: CheckedShop, method: str, path: str, allowed: str
) -> None:
    answered = shop.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    refusal(answered, status=405, code="003")
    assert sorted(answered.headers["allow"].split(", ")) == allowed.split(", ")


# -- static methods, links and tasks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"bankShortCode": ...}, "005", "bankShortCode"),
        ({"bankShortCode": "BNC"}, "005", "bankShortCode"),
        ({"bankShortCode": "CIMB"}, "005", "bankShortCode"),
        ({"bankShortCode": 14}, "005", "bankShortCode"),
        ({"referenceId": ...}, "005", "referenceId"),
        ({"referenceId": "x" * 256}, "005", "referenceId"),
        ({"displayName": ["Budi"]}, "005", "displayName"),
        ({"displayName": "a\nb"}, "005", "displayName"),
        ({"suffixNo": "12a"}, "005", "suffixNo"),
        ({"suffixNo": "123456789"}, "TXN0007", "suffixNo"),
    ],
)
def test_a_static_virtual_account_with_an_invalid_field_is_refused(
    shop: CheckedShop, changes: dict[str, Any], code: str, where: str
) -> None:
    before = written(shop.v2)
    fields = {"referenceId": "customer-1", "bankShortCode": "BRI", "displayName": "Budi"}
    shop.refused("POST", STATIC_VA, document(**fields | changes), code=code, at=f"{POINTER}/{where}")
    assert written(shop.v2) == before


def test_a_static_number_that_is_taken_is_refused(shop: CheckedShop) -> None:
    static_va(shop, suffixNo="4711")
    body = document(referenceId="customer-2", bankShortCode="BRI", displayName="Budi", suffixNo="4711")
    shop.refused("POST", STATIC_VA, body, code="TXN0005", at=f"{POINTER}/suffixNo")
    one_time = order(paymentMethodOptions={"bankShortCode": "BRI", "suffixNo": "00004711"})
    shop.refused("POST", PAYMENTS, one_time, code="TXN0005", at=f"{POINTER}/paymentMethodOptions/suffixNo")


@pytest.mark.parametrize("kind", ["va", "qris"])
@pytest.mark.parametrize(
    ("fields", "code", "where"),
    [
        (task("receive_payment"), "005", "options/amount"),
        (task("receive_payment", options={"amount": 0}), "TXN0002", "options/amount"),
        (task("receive_payment", options={"amount": -5}), "TXN0002", "options/amount"),
        (task("receive_payment", options={"amount": 500_000_001}), "TXN0002", "options/amount"),
        (task("receive_payment", options={"amount": "1.555"}), "005", "options/amount"),
        (task("receive_payment", options=[1]), "005", "options"),
        (task("settle", options={"amount": 10_000}), "005", "action"),
        (task("cancel", options={"amount": 10_000}), "005", "action"),
        (document(options={"amount": 10_000}), "005", "action"),
    ],
)
def test_an_invalid_task_on_a_static_method_is_refused(
    shop: CheckedShop, kind: str, fields: dict[str, Any], code: str, where: str
) -> None:
    static = static_va(shop) if kind == "va" else static_qris(shop)
    before = written(shop.v2)
    shop.refused("POST", f"{folder(static)}/tasks", fields, code=code, at=f"{POINTER}/{where}")
    assert written(shop.v2) == before


@pytest.mark.parametrize("action", ["pay", "expire", "fail", "complete", "CANCEL", "", None, 1, ["cancel"], ...])
def test_an_unknown_task_is_refused(shop: CheckedShop, action: object) -> None:
    payment = shop.create()
    path = f"{PAYMENTS}/{payment['id']}/tasks"
    shop.refused("POST", path, document(action=action), code="005", at=f"{POINTER}/action")


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"amount": ...}, "005", "amount"),
        ({"amount": 0}, "TXN0002", "amount"),
        ({"referenceId": ...}, "005", "referenceId"),
        ({"customerName": ...}, "005", "customerName"),
        ({"customerName": "a\x00b"}, "005", "customerName"),
        ({"customerEmail": ...}, "005", "customerEmail"),
        ({"customerEmail": "nobody"}, "005", "customerEmail"),
        ({"customerEmail": "a b@c"}, "005", "customerEmail"),
        ({"customerPhoneNumber": ...}, "005", "customerPhoneNumber"),
        ({"customerPhoneNumber": "1" * 31}, "005", "customerPhoneNumber"),
        ({"expiredAt": "2020-01-01T00:00:00Z"}, "005", "expiredAt"),
        ({"expiredAt": "2035-01-01T00:00:00Z"}, "005", "expiredAt"),
        ({"currency": "USD"}, "005", "currency"),
        ({"paymentMethodOptions": 5}, "005", "paymentMethodOptions"),
        ({"paymentMethodOptions": {"displayName": 5}}, "005", "paymentMethodOptions/displayName"),
    ],
)
def test_a_link_with_a_missing_or_invalid_field_is_refused(
    shop: CheckedShop, changes: dict[str, Any], code: str, where: str
) -> None:
    before = written(shop.v2)
    shop.refused("POST", LINKS, link_order(**changes), code=code, at=f"{POINTER}/{where}")
    assert written(shop.v2) == before


# -- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "where"),
    [
        *(
            (f"page[number]={value}", "page[number]")
            for value in ("0", "-1", "1.5", "one", "1e1", "%00", "٣", "1000001")
        ),
        *((f"page[size]={value}", "page[size]") for value in ("0", "1001", "all", "99999999999999999999", "true")),
        ("sort=amount", "sort"),
        ("sort=-CreatedAt", "sort"),
        ("sort=createdAt,amount", "sort"),
        ("filter[status]=done", "filter[status]"),
        ("status=PAID", "filter[status]"),
        ("filter[createdAfter]=yesterday", "filter[createdAfter]"),
        ("createdBefore=2025-02-30", "filter[createdBefore]"),
        ("createdBefore=9999-12-31T23:59:59-12:00", "filter[createdBefore]"),
        ("filter[referenceId]=a%00b", "filter[referenceId]"),
        ("referenceId=" + "x" * 256, "filter[referenceId]"),
    ],
)
def test_an_invalid_query_is_refused(shop: CheckedShop, query: str, where: str) -> None:
    for path in (PAYMENTS, PAYOUTS, f"{folder(static_qris(shop))}/payments"):
        shop.refused("GET", f"{path}?{query}", code="005", at=where)


def test_a_filter_by_a_status_that_disbursements_do_not_have_is_refused(shop: CheckedShop) -> None:
    shop.refused("GET", f"{PAYOUTS}?filter[status]=paid", code="005", at="filter[status]")
    shop.refused("GET", f"{PAYOUTS}?filter[status]=cancelled", code="005", at="filter[status]")


# -- disbursements ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "changes", "code", "where"),
    [
        ({}, {"amount": ...}, "005", "amount"),
        ({}, {"amount": 0}, "TXN0002", "amount"),
        ({}, {"amount": "-1"}, "TXN0002", "amount"),
        ({}, {"amount": 10**16}, "TXN0002", "amount"),
        ({}, {"amount": 0.5}, "005", "amount"),
        ({}, {"referenceId": ...}, "005", "referenceId"),
        ({}, {"currency": "SGD"}, "005", "currency"),
        ({}, {"description": "x" * 256}, "005", "description"),
        ({}, {"disbursementMethod": ...}, "005", "disbursementMethod/bankAccountNo"),
        ({}, {"disbursementMethod": [1]}, "005", "disbursementMethod"),
        ({"type": "cash"}, {}, "005", "disbursementMethod/type"),
        ({"bankShortCode": ...}, {}, "005", "disbursementMethod/bankShortCode"),
        ({"bankShortCode": "NOWHERE"}, {}, "005", "disbursementMethod/bankShortCode"),
        ({"bankAccountNo": ...}, {}, "005", "disbursementMethod/bankAccountNo"),
        ({"bankAccountNo": "12-34"}, {}, "005", "disbursementMethod/bankAccountNo"),
        ({"bankAccountNo": "١٢٣٤"}, {}, "005", "disbursementMethod/bankAccountNo"),
        ({"bankAccountNo": 1.5}, {}, "005", "disbursementMethod/bankAccountNo"),
        ({"bankAccountNo": "1" * 35}, {}, "005", "disbursementMethod/bankAccountNo"),
        ({"bankAccountHolderName": "x" * 256}, {}, "005", "disbursementMethod/bankAccountHolderName"),
        ({"bankAccountHolderName": 5}, {}, "005", "disbursementMethod/bankAccountHolderName"),
    ],
)
def test_an_invalid_disbursement_is_refused(
    shop: CheckedShop, method: dict[str, Any], changes: dict[str, Any], code: str, where: str
) -> None:
    shop.refused("POST", PAYOUTS, payout_order(method, **changes), code=code, at=f"{POINTER}/{where}")
    assert shop.call("GET", PAYOUTS).json() == {"data": []}


@pytest.mark.parametrize(
    ("fields", "where", "why"),
    [
        ({"accountNo": ...}, "accountNo", "account_no is required"),
        ({"accountNo": "12a"}, "accountNo", "account_no must all be numbers"),
        ({"accountNo": "1" * 35}, "accountNo", None),
        ({"bankShortCode": ...}, "bankShortCode", "bank_short_code is required"),
        ({"bankShortCode": "NOWHERE"}, "bankShortCode", None),
        ({"bankShortCode": 8}, "bankShortCode", None),
    ],
)
def test_an_invalid_account_validation_is_refused(
    shop: CheckedShop, fields: dict[str, Any], where: str, why: str | None
) -> None:
    path = "/api/v4/validation_services/bank_account_validation"
    body = document(**{"accountNo": "0102030405", "bankShortCode": "BRI"} | fields)
    detail = shop.refused("POST", path, body, code="005", at=f"{POINTER}/{where}")
    assert why in (None, detail)
