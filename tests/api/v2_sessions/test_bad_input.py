"""Invalid requests, and requests for unknown objects: refused as documented, and nothing is stored."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import fresh, order, rupiah, written

JSON = {"Content-Type": "application/json"}
VA_NAME = "paymentMethodOptions.virtualAccount.virtualAccountName"
VA_CHANNEL = "paymentMethodOptions.virtualAccount.channel"


def va(**more: object) -> dict[str, Any]:
    return {"paymentMethodOptions": {"virtualAccount": {"channel": "BRI"} | more}}


def body(raw: str = "20000", after: str = "") -> bytes:
    """A create request with this JSON as the amount, and with this JSON after the last field."""
    return (json.dumps(order(amount=rupiah(77)))[:-1].replace("77", raw) + after + "}").encode()


NO_JSON: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("a list", b"[]", ""),
    ("null", b"null", ""),
    ("a number", b"1", ""),
    ("cut off", body()[:-1], ""),
    ("with something after it", body() + b" x", ""),
    ("with a comma too many", body(after=","), ""),
    ("with a comment", body(after="/* mandatory */"), ""),
    ("in single quotes", body().replace(b'"', b"'"), ""),
    ("not UTF-8", body().replace(b"Budi", "José".encode("latin-1")), ""),
    ("UTF-16", body().decode().encode("utf-16"), ""),
    ("with half a surrogate pair", body().replace(b"Budi", b"\\ud83d"), VA_NAME),
    ("with half a surrogate pair in metadata", body(after=',"metadata":{"a":"\\udc00"}'), "metadata.a"),
    ("with NaN", body("NaN"), "amount.value"),
    ("with Infinity", body("-Infinity"), "amount.value"),
    ("with 1e400", body("1e400"), "amount.value"),
    ("with -1e400", body("-1e400"), "amount.value"),
    ("with 1e400 in metadata", body(after=',"metadata":{"rates":[1,1e400]}'), "metadata.rates[1]"),
    ("with NaN in an unknown field", body(after=',"unknown":NaN'), "unknown"),
    ("with a number of 5000 digits", body("9" * 5000), ""),
    ("with a number of 129 digits", body("9" * 129), ""),
    ("with a leading zero", body("020000"), ""),
    ("with a hexadecimal amount", body("0x4e20"), ""),
    ("with a key twice", body(after=',"mode":"API"'), "mode"),
    ("with a key twice inside", body().replace(b'"currency"', b'"value": 1, "currency"'), "amount.value"),
    ("with a key twice in a list", body(after=',"unknown":[{"a":1},{"a":1,"a":2}]'), "unknown[1].a"),
    ("with half a character in a key twice", body(after=',"unknown":{"\\ud800":1,"\\ud800":2}'), "unknown.?"),
    ("with NaN under half a character", body(after=',"unknown":{"\\udfff":[NaN]}'), "unknown.?[0]"),
    ("nested 65 deep", body(after=',"metadata":' + '{"a":' * 64 + "1" + "}" * 64), ""),
    ("nested 100000 deep", body(after=',"unknown":' + "[" * 100_000 + "]" * 100_000), ""),
]


@pytest.mark.parametrize(("content", "field"), [case[1:] for case in NO_JSON], ids=[case[0] for case in NO_JSON])
def test_a_body_is_refused_that_is(shop: CheckedShop, content: bytes, field: str) -> None:
    before = written(shop)
    shop.refused("POST", "/v2/payments", content, status=400, code="api_validation_error", field=field)
    assert written(shop) == before


KINDS = (
    *("application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "multipart/form-data", "json", "*/*"),
    *("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.shop+json"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_read_under_any_content_type(shop: CheckedShop, kind: str) -> None:
    keys = {"X_MERCHANT_ID": str(shop.merchant_id), "X_MERCHANT_SECRET": shop.secret}
    content = b'{"grantType": "client_credentials"}'
    assert shop.call("POST", "/v1/access-token", content, Content_Type=kind, **keys).status_code == 200
    made = shop.call("POST", "/v2/payments", body(), Content_Type=kind).json()["data"]
    paid = {"paymentSessionId": made["id"], "chargeStatus": "SUCCESS"}
    path = "/v2/payments/simulations"
    assert shop.call("POST", path, json.dumps(paid).encode(), Content_Type=kind).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_body_is_an_empty_object_under_any_content_type(shop: CheckedShop, kind: str) -> None:
    for action in ("cancel", "confirm"):
        waiting = shop.create(autoConfirm=False)["id"]
        assert shop.call("POST", f"/v2/payments/{waiting}/{action}", b"", Content_Type=kind).status_code == 200


def test_a_form_is_refused_with_the_reason(shop: CheckedShop) -> None:
    form = b"clientReferenceId=1&amount=20000"
    answered = shop.call("POST", "/v2/payments", form, Content_Type="application/x-www-form-urlencoded")
    why = refusal(answered, status=400, code="api_validation_error", field="")
    assert why.endswith("its content type says application/x-www-form-urlencoded, and JSON is what is read here")


def test_a_body_of_1_mb_is_accepted_and_a_larger_one_refused(shop: CheckedShop) -> None:
    room = 1_000_000 - len(json.dumps(order(unknown="")).encode())
    longest = json.dumps(order(unknown="x" * room)).encode()
    assert len(longest) == 1_000_000
    kept = shop.call("POST", "/v2/payments", longest).json()["data"]
    before = written(shop)
    for path in ("/v2/payments", f"/v2/payments/{kept['id']}/confirm", f"/v2/payments/{kept['id']}/cancel"):
        shop.refused("POST", path, longest + b" ", status=413, code="api_validation_error")
    assert written(shop) == before


def test_a_large_body_without_a_content_length_is_refused(shop: CheckedShop) -> None:
    pieces = (b" " * 100_000 for _ in range(11))
    headers = {"Authorization": f"Bearer {shop.token}", **JSON}
    answered = shop.client.post("/v2/payments", headers=headers, content=pieces)
    refusal(answered, status=413, code="api_validation_error")


UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("id_", [UNKNOWN, "simulation", "1", "%00", "..%2f", UNKNOWN[:-1] + "g", "😀"])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/confirm"), ("POST", "/cancel")])
def test_an_unknown_id_is_not_found(shop: CheckedShop, id_: str, method: str, rest: str) -> None:
    content = {"paymentMethod": {"type": "QR"}} if rest == "/confirm" else None
    answered = shop.call(method, f"/v2/payments/{id_}{rest}", content)
    assert answered.status_code == 404
    assert answered.json()["code"] in ("resource_missing", "not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"paymentMethod": {"type": "CASH"}}, "paymentMethod.type"),
        ({"paymentMethod": {"type": "CARD"}}, "paymentMethod.card"),
        ({"paymentMethod": {"type": "VIRTUAL_ACCOUNT"}}, VA_CHANNEL),
        ({"paymentMethod": {"type": "VIRTUAL_ACCOUNT"}} | va(channel="NOWHERE"), VA_CHANNEL),
        ({"paymentMethod": {"type": "VIRTUAL_ACCOUNT"}} | va(virtualAccountName=1), VA_NAME),
        ({"paymentMethod": []}, "paymentMethod.type"),
        ({}, "paymentMethod.type"),
    ],
)
def test_a_confirm_with_an_unknown_method_is_refused(shop: CheckedShop, changes: dict[str, Any], field: str) -> None:
    waiting = shop.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)
    before = written(shop)
    path = f"/v2/payments/{waiting['id']}/confirm"
    shop.refused("POST", path, changes, status=400, code="api_validation_error", field=field)
    assert written(shop) == before
    assert shop.get(f"/v2/payments/{waiting['id']}")["data"]["status"] == "REQUIRE_CONFIRMATION"


@pytest.mark.parametrize("reason", ["CHARGE_FAILED", "FRAUDULENT", "because", 1, ["DUPLICATED"]])
def test_a_cancel_with_an_unknown_reason_is_refused(shop: CheckedShop, reason: object) -> None:
    waiting = shop.create(autoConfirm=False, paymentMethod=None, paymentMethodOptions=None)
    path = f"/v2/payments/{waiting['id']}/cancel"
    content = {"cancellationReason": reason}
    shop.refused("POST", path, content, status=400, code="api_validation_error", field="cancellationReason")
    assert shop.get(f"/v2/payments/{waiting['id']}")["data"]["status"] == "REQUIRE_CONFIRMATION"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chargeStatus": "PAID"}, "chargeStatus"),
        ({"chargeStatus": ...}, "chargeStatus"),
        ({"paymentSessionId": ...}, "paymentSessionId"),
        ({"paymentSessionId": 1}, "paymentSessionId"),
        ({"amount": rupiah(0)}, "amount.value"),
        ({"amount": rupiah(10**16)}, "amount.value"),
        ({"amount": rupiah("1.5")}, "amount.value"),
        ({"bankReference": "x" * 101}, "bankReference"),
        ({"bankReference": "a\tb"}, "bankReference"),
    ],
)
def test_a_simulation_with_a_wrong_field_is_refused(shop: CheckedShop, changes: dict[str, Any], field: str) -> None:
    session = shop.create()
    before = written(shop)
    whole: dict[str, Any] = {"paymentSessionId": session["id"], "chargeStatus": "SUCCESS"} | changes
    content = {name: value for name, value in whole.items() if value is not ...}
    path = "/v2/payments/simulations"
    shop.refused("POST", path, content, status=400, code="api_validation_error", field=field)
    assert written(shop) == before


@pytest.mark.parametrize("id_", [UNKNOWN, "order-1", ""])
def test_a_simulation_of_an_unknown_payment_is_not_found(shop: CheckedShop, id_: str) -> None:
    content = {"paymentSessionId": id_, "chargeStatus": "SUCCESS"}
    shop.refused("POST", "/v2/payments/simulations", content, status=404, code="resource_missing")


@pytest.mark.parametrize("name", ["page", "perPage"])
@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "one", "1e1", "%00", "٣", "99999999999999999999", "true", "+1", "%201"]
)
def test_a_page_that_is_not_a_number_is_refused(shop: CheckedShop, name: str, value: str) -> None:
    for path in ("/v2/payments?", f"/v2/charges?clientReferenceId={fresh()}&"):
        shop.refused("GET", f"{path}{name}={value}", status=400, code="api_validation_error", field=name)


@pytest.mark.parametrize("reference", ["", "x" * 256, "a%00b", "a%0Ab", "%C2%85"])
def test_a_reference_that_no_payment_can_have_is_refused_in_lookups(shop: CheckedShop, reference: str) -> None:
    for path in ("/v2/payments", "/v2/charges"):
        query = f"{path}?clientReferenceId={reference}"
        shop.refused("GET", query, status=400, code="api_validation_error", field="clientReferenceId")


@pytest.mark.parametrize("key", ["", "a b", "x" * 101, "ключ".encode().decode("latin-1"), "a/b", 'a"b'])
def test_an_invalid_request_id_is_refused(shop: CheckedShop, key: str) -> None:
    before = written(shop)
    headers = {"Authorization": f"Bearer {shop.token}", **JSON, "X-REQUEST-ID": key}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answered = shop.client.post("/v2/payments", headers=raw, content=body())
    refusal(answered, status=400, code="api_validation_error", field="X-REQUEST-ID")
    assert written(shop) == before


@pytest.mark.parametrize(
    "path", ["/v2", "/v1", "/v2/", "/v2/payment", "/v3/payments", "/v2/payments/a/b/c", "/v2/qr/a"]
)
def test_an_unknown_path_is_not_found(shop: CheckedShop, path: str) -> None:
    assert shop.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/access-token", "POST"),
        ("DELETE", "/v2/payments", "GET, HEAD, POST"),
        ("GET", "/v2/payments/simulations", "POST"),
        ("PUT", f"/v2/payments/{UNKNOWN}", "GET, HEAD"),
        ("GET", f"/v2/payments/{UNKNOWN}/confirm", "POST"),
        ("PATCH", f"/v2/payments/{UNKNOWN}/cancel", "POST"),
        ("POST", "/v2/charges", "GET, HEAD"),
        ("POST", "/v2/payment-method-configs", "GET, HEAD"),
    ],
)
def test_an_unsupported_http_method_is_refused_with_those_supported(
    shop: CheckedShop, method: str, path: str, allowed: str
) -> None:
    answered = shop.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    refusal(answered, status=405, code="method_not_allowed")
    assert sorted(answered.headers["allow"].split(", ")) == allowed.split(", ")


def test_unknown_fields_are_accepted_and_ignored(shop: CheckedShop) -> None:
    strange: dict[str, object] = {"webhookUrl": "https://shop.example", "notificationUrl": 1, "": None, "é": [{}]}
    session = shop.create(**strange, metadata={"a": 1})
    assert not set(strange) & set(session)


def test_null_in_an_optional_field_is_the_same_as_its_absence(shop: CheckedShop) -> None:
    names = ("paymentType", "redirectUrl", "customerId", "customer", "orderInformation", "autoConfirm", "metadata")
    more = (
        "statementDescriptor",
        "expirationMode",
        "expiryAt",
        "saveForFutureUse",
        "bypassStatusPage",
        "showSavedPayment",
    )
    nulls = order(**dict.fromkeys((*names, *more)))
    assert list(shop.post("/v2/payments", nulls)["data"]) == list(shop.create())


@pytest.mark.parametrize(
    "name", ["😀 Ibu Sari 🎉", "👨‍👩‍👧", "सारी", "ياسمين", "x" * 100, 'O\'Neill "Ann" <b>', "é", "\u202eevil"]
)
def test_names_in_any_script_come_back_as_they_were_sent(shop: CheckedShop, name: str) -> None:
    session = shop.create(
        clientReferenceId=(reference := f"{name[:60]}-{fresh()}"),
        paymentMethodOptions={"virtualAccount": {"channel": "BCA", "virtualAccountName": name}},
        customer={"givenName": name, "email": "sari@shop.example"},
        metadata={name: name},
    )
    assert session["customer"]["givenName"] == name
    assert session["metadata"] == {name: name}
    assert session["chargeDetails"][0]["virtualAccount"]["virtualAccountName"] == f"TOKO BARU - {name}"
    found = shop.get(f"/v2/payments?clientReferenceId={quote(reference)}")["data"]
    assert [each["id"] for each in found] == [session["id"]]
