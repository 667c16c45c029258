"""v4 authentication: HTTP Basic with an API key and its secret only; every failure is answered with error 002."""

import base64

import pytest

from gerbang.services import merchants
from tests.api.v4_documents.contracts import CheckedShop, refusal
from tests.api.v4_documents.documents import LINKS, PAYMENTS, PAYOUTS, STATIC_QRIS, STATIC_VA, written

EVERYWHERE = (
    ("GET", PAYMENTS),
    ("POST", PAYMENTS),
    ("GET", f"{PAYMENTS}/contract_{'0' * 32}"),
    ("POST", f"{PAYMENTS}/contract_{'0' * 32}/tasks"),
    ("POST", STATIC_VA),
    ("GET", f"{STATIC_VA}/va_{'0' * 32}"),
    ("GET", f"{STATIC_QRIS}/qr_{'0' * 22}/payments"),
    ("POST", f"{STATIC_QRIS}/qr_{'0' * 22}/tasks"),
    ("POST", LINKS),
    ("GET", f"{LINKS}/paymentlink_{'0' * 32}"),
    ("GET", PAYOUTS),
    ("POST", f"{PAYOUTS}/contract_{'0' * 32}/tasks"),
    ("GET", "/api/v4/banks"),
    ("POST", "/api/v4/validation_services/bank_account_validation"),
    ("GET", "/api/v4/overviews/balance_overview"),
)


def basic(*pair: str | bytes) -> dict[str, str]:
    raw = b":".join(one.encode() if isinstance(one, str) else one for one in pair)
    return {"Authorization": "Basic " + base64.b64encode(raw).decode()}


def refused(shop: CheckedShop, headers: dict[str, str], method: str = "GET", path: str = PAYMENTS) -> None:
    answered = shop.unauthenticated(method, path, headers, b"{" if method == "POST" else None)
    refusal(answered, status=401, code="002")
    assert answered.headers["www-authenticate"].startswith("Basic ")


def test_the_key_and_its_secret_are_accepted(shop: CheckedShop) -> None:
    assert shop.keys[0].startswith("test_")
    assert shop.unauthenticated("GET", PAYMENTS, basic(*shop.keys)).json() == {"data": []}
    header = basic(*shop.keys)["Authorization"]
    for spelling in (header.replace("Basic", "basic"), header.replace("Basic ", "BASIC   ")):
        assert shop.unauthenticated("GET", PAYMENTS, {"Authorization": spelling}).status_code == 200


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_every_operation_needs_credentials(shop: CheckedShop, method: str, path: str) -> None:
    refused(shop, {}, method, path)
    refused(shop, basic(shop.keys[0], "wrong"), method, path)


def test_all_wrong_credentials_get_the_same_answer(shop: CheckedShop) -> None:
    key, secret = shop.keys
    other = shop.other_merchant().keys
    before = written(shop.v2)
    pairs = (
        (key, "wrong"),
        ("test_" + "0" * 32, secret),
        (key, other[1]),
        (key.upper(), secret),
        (key, secret.upper()),
        (key, f"{secret} "),
        (key, ""),
        ("", secret),
        (secret, key),
        (key,),
        (key, secret, "more"),
        (f"{key}\x00", secret),
        (b"\xff\xfe", secret),
        ("ключ", "секрет"),
    )
    for pair in pairs:
        refused(shop, basic(*pair))
    assert written(shop.v2) == before


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic dGVzdA",
        "Basic dGVzdA== x",
        "Basic =",
        "Digest x",
        "dGVzdDp4",
    ],
)
def test_an_authorization_header_that_is_not_basic_is_refused(shop: CheckedShop, value: str) -> None:
    refused(shop, {"Authorization": value})


def test_v2_credentials_are_refused(shop: CheckedShop) -> None:
    v2 = shop.v2
    refused(shop, basic(str(v2.merchant_id), v2.secret))
    refused(shop, basic(str(v2.merchant_id), shop.keys[1]))
    refused(shop, {"Authorization": f"Bearer {v2.token}"})
    refused(shop, {"X-MERCHANT-ID": str(v2.merchant_id), "X-MERCHANT-SECRET": v2.secret})


def test_v4_keys_are_refused_by_v2_and_accepted_by_the_sandbox(shop: CheckedShop) -> None:
    key, secret = shop.keys
    assert shop.client.get("/v2/payments", auth=shop.keys).status_code == 401
    headers = {"X-MERCHANT-ID": key, "X-MERCHANT-SECRET": secret}
    answered = shop.client.post("/v1/access-token", json={"grantType": "client_credentials"}, headers=headers)
    assert answered.status_code == 401
    assert shop.client.get("/sandbox/clock", auth=shop.keys).status_code == 200


def test_rotated_secrets_invalidate_the_old_ones_at_once(shop: CheckedShop) -> None:
    keys = shop.gateway.do(merchants.rotate_secrets(shop.gateway.services.world, shop.merchant_id))
    assert keys.v4_key == shop.keys[0]
    refused(shop, basic(*shop.keys))
    assert shop.unauthenticated("GET", PAYMENTS, basic(keys.v4_key, keys.v4_secret)).status_code == 200


def test_unknown_paths_and_methods_are_answered_without_credentials(shop: CheckedShop) -> None:
    refusal(shop.unauthenticated("GET", "/api/v4/nothing"), status=404, code="004")
    refusal(shop.unauthenticated("DELETE", PAYMENTS), status=405, code="003")


def test_the_detail_names_what_is_wrong_with_the_header(shop: CheckedShop) -> None:
    def why(headers: dict[str, str]) -> str:
        answered = shop.unauthenticated("GET", PAYMENTS, headers)
        assert answered.status_code == 401
        return str(answered.json()["errors"][0]["detail"])

    key, secret = shop.keys
    assert "the header Authorization is missing; send the API key as user" in why({})
    assert "does not begin with Basic" in why({"Authorization": "Bearer x"})
    assert "not base64" in why({"Authorization": "Basic ?"})
    assert "by HTTP Basic, are needed" in why(basic(key, ""))
    assert "the user must be an API key" in why(basic(str(shop.merchant_id), secret))
    assert why(basic(key, "wrong")) == why(basic("test_" + "0" * 32, secret)), (
        "the answer does not show whether a key exists"
    )
