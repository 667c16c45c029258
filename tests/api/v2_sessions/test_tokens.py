"""Access tokens: issued for an id and a secret, valid for 900 seconds."""

import json
import re
from typing import Any

import jwt
import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal

PATH = "/v1/access-token"
GRANT = b'{"grantType":"client_credentials"}'


def sign_in(shop: CheckedShop, content: bytes = GRANT, /, **changes: str | None) -> Any:
    headers = {
        "X-MERCHANT-ID": str(shop.merchant_id),
        "X-MERCHANT-SECRET": shop.secret,
        "Content-Type": "application/json",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    missing = {name.replace("_", "-") for name, value in changes.items() if value is None}
    return shop.stranger("POST", PATH, {name: value for name, value in headers.items() if name not in missing}, content)


def get_with(shop: CheckedShop, authorization: str | None, **more: str) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return shop.stranger(
        "GET", "/v2/payments", headers | {name.replace("_", "-"): value for name, value in more.items()}
    )


def test_a_token_is_issued_for_id_and_secret(shop: CheckedShop) -> None:
    answered = sign_in(shop)
    assert answered.status_code == 200
    data = answered.json()["data"]
    assert (data["expiresIn"], data["tokenType"]) == ("900", "Bearer")
    claims = jwt.decode(data["accessToken"], options={"verify_signature": False})
    assert jwt.get_unverified_header(data["accessToken"]) == {"alg": "HS256", "typ": "JWT"}
    own = str(shop.merchant_id)
    assert (claims["iss"], claims["sub"], claims["clientId"], claims["merchantId"]) == ("backend-portal", own, own, own)
    assert get_with(shop, f"Bearer {data['accessToken']}").status_code == 200


def test_several_tokens_are_valid_at_once(shop: CheckedShop) -> None:
    tokens = [sign_in(shop).json()["data"]["accessToken"] for _ in range(2)]
    assert [get_with(shop, f"bearer {token}").status_code for token in tokens] == [200, 200]


@pytest.mark.parametrize(
    "changes",
    [
        {"X_MERCHANT_ID": None},
        {"X_MERCHANT_SECRET": None},
        {"X_MERCHANT_ID": None, "X_MERCHANT_SECRET": None},
        {"X_MERCHANT_SECRET": ""},
        {"X_MERCHANT_SECRET": "wrong"},
        {"X_MERCHANT_ID": "00000000-0000-4000-8000-000000000000"},
        {"X_MERCHANT_ID": "nobody"},
        {"X_MERCHANT_ID": "' OR 1=1 --"},
    ],
)
def test_no_token_is_issued_for_anything_else(shop: CheckedShop, changes: dict[str, str | None]) -> None:
    answered = sign_in(shop, **changes)
    refusal(answered, status=401, code="credentials_invalid", field="")
    assert "WWW-Authenticate" in answered.headers


def test_the_secret_of_another_merchant_is_refused(shop: CheckedShop) -> None:
    other = shop.gateway.new_shop()
    refusal(sign_in(shop, X_MERCHANT_SECRET=other.secret), status=401, code="credentials_invalid")


def test_an_unknown_id_and_a_wrong_secret_have_the_same_error(shop: CheckedShop) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    wrong = [sign_in(shop, **changes).json() for changes in ({"X_MERCHANT_ID": nobody}, {"X_MERCHANT_SECRET": "wrong"})]
    for body in wrong:
        del body["error"]["traceId"]
    assert wrong[0] == wrong[1]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", ""),
        (b"{}", "grantType"),
        (b'{"grantType":"password"}', "grantType"),
        (b'{"grantType":1}', "grantType"),
        (b"grantType=client_credentials", ""),
        (b"[]", ""),
    ],
)
def test_another_grant_is_refused(shop: CheckedShop, content: bytes, field: str) -> None:
    refusal(sign_in(shop, content), status=400, code="api_validation_error", field=field)


def test_a_grant_is_read_as_json_under_a_default_content_type_but_not_as_a_form(shop: CheckedShop) -> None:
    form = "application/x-www-form-urlencoded"
    assert sign_in(shop, Content_Type=form).status_code == 200
    answered = sign_in(shop, b"grantType=client_credentials", Content_Type=form)
    assert form in refusal(answered, status=400, code="api_validation_error", field="")


def test_a_token_is_valid_for_900_seconds_of_the_gateways_clock(sole_shop: CheckedShop) -> None:
    token = sign_in(sole_shop).json()["data"]["accessToken"]
    sole_shop.advance(seconds=885)
    assert get_with(sole_shop, f"Bearer {token}").status_code == 200
    sole_shop.advance(seconds=15)
    refusal(get_with(sole_shop, f"Bearer {token}"), status=401, code="credentials_invalid")


def test_a_missing_header_and_other_schemes_are_refused(shop: CheckedShop) -> None:
    token = shop.token
    for authorization in (None, "", "Bearer", token, f"Basic {token}", f"Token {token}", "Bearer null"):
        answered = get_with(shop, authorization)
        refusal(answered, status=401, code="credentials_invalid", field="")
        assert answered.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_endpoint_requires_a_token(shop: CheckedShop) -> None:
    session = shop.create()
    for method, path in (
        *[("POST", "/v2/payments"), ("GET", "/v2/payments"), ("GET", f"/v2/payments/{session['id']}")],
        *[("POST", f"/v2/payments/{session['id']}/confirm"), ("POST", f"/v2/payments/{session['id']}/cancel")],
        *[("POST", "/v2/payments/simulations"), ("GET", "/v2/charges"), ("GET", "/v2/payment-method-configs")],
    ):
        refusal(shop.stranger(method, path), status=401, code="credentials_invalid")


def test_the_token_is_checked_before_anything_else(shop: CheckedShop) -> None:
    headers = {"Content-Type": "text/plain", "Authorization": "Bearer x"}
    refusal(shop.stranger("POST", "/v2/payments", headers, b"{"), status=401, code="credentials_invalid")


def forged(shop: CheckedShop) -> dict[str, str]:
    """Tokens that were never issued, by what is wrong with them."""
    key = shop.gateway.services.world.keyring.token_key
    own = str(shop.merchant_id)
    right: dict[str, Any] = {
        "iss": "backend-portal",
        "sub": own,
        "exp": 4_000_000_000,
        "clientId": own,
        "merchantId": own,
    }
    header, body, signature = jwt.encode(right, key, algorithm="HS256").split(".")
    _, other_body, _ = jwt.encode(right | {"exp": 5_000_000_000}, key, algorithm="HS256").split(".")
    page = shop.create(mode="REDIRECT")["paymentUrl"].partition("?token=")[2]
    return {
        "another key": jwt.encode(right, "x" * 64, algorithm="HS256"),
        "no algorithm": jwt.encode(right, "", algorithm="none"),
        "no signature": f"{header}.{body}.",
        "another body": f"{header}.{other_body}.{signature}",
        "another algorithm": jwt.encode(right, key * 2, algorithm="HS512"),
        "another issuer": jwt.encode(right | {"iss": "somebody"}, key, algorithm="HS256"),
        "no issuer": jwt.encode({name: right[name] for name in ("exp", "merchantId")}, key, algorithm="HS256"),
        "no end": jwt.encode({name: right[name] for name in ("iss", "merchantId")}, key, algorithm="HS256"),
        "no merchant": jwt.encode({name: right[name] for name in ("iss", "exp")}, key, algorithm="HS256"),
        "a merchant who is none": jwt.encode(right | {"merchantId": "1"}, key, algorithm="HS256"),
        "a merchant who is a number": jwt.encode(right | {"merchantId": 1}, key, algorithm="HS256"),
        "long over": jwt.encode(right | {"exp": 1_000_000_000}, key, algorithm="HS256"),
        "the token of a page": page,
        "two dots": "..",
        "no dots": "a" * 200,
        "very long": f"{header}.{body}.{'a' * 20_000}",
    }


def test_a_forged_token_is_refused(shop: CheckedShop) -> None:
    for wrong, token in forged(shop).items():
        assert get_with(shop, f"Bearer {token}").status_code == 401, wrong
    assert get_with(shop, f"Bearer {shop.token}").status_code == 200


def test_a_call_for_a_sub_account_is_refused_and_has_no_effect(shop: CheckedShop) -> None:
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    body = json.dumps({"clientReferenceId": "a", "amount": {"value": 20000, "currency": "IDR"}}).encode()
    for sub in (str(shop.gateway.new_shop().merchant_id), "x"):
        answered = shop.stranger("POST", "/v2/payments", headers | {"x-submerchant-id": sub}, body)
        refusal(answered, status=403, code="forbidden_access", field="x-submerchant-id")
    assert shop.get("/v2/payments")["data"] == []


def test_additional_headers_are_ignored(shop: CheckedShop) -> None:
    assert get_with(shop, f"Bearer {shop.token}", X_MERCHANT_ID="someone", Accept="application/json").status_code == 200


def why(answered: Any) -> str:
    return answered.json()["error"]["details"][0]["message"]


def test_a_refused_sign_in_names_what_is_wrong_with_the_request(shop: CheckedShop) -> None:
    no_more = "The credentials are not accepted: there is no such key with this secret."
    assert "X-MERCHANT-ID and X-MERCHANT-SECRET are needed" in why(sign_in(shop, X_MERCHANT_SECRET=None))
    assert "are both needed" in why(sign_in(shop, X_MERCHANT_ID=None, X_MERCHANT_SECRET=None))
    other = why(sign_in(shop, X_MERCHANT_ID=shop.gateway.new_shop().v4_keys[0]))
    assert "X-MERCHANT-ID is a merchant's id" in other
    assert "API keys are for /api/v4" in other
    assert why(sign_in(shop, X_MERCHANT_SECRET="wrong")) == no_more
    nobody = "00000000-0000-4000-8000-000000000000"
    assert why(sign_in(shop, X_MERCHANT_ID=nobody)) == no_more, "the error does not reveal whether the merchant exists"


def test_a_refused_token_says_what_to_send_instead(shop: CheckedShop) -> None:
    for sent, problem in (
        (None, "the header Authorization is missing"),
        ("Basic QTpC", "Authorization does not begin with Bearer"),
        (f"Bearer {shop.gateway.new_shop().v4_keys[0]}", "the token is not one that this gateway gave out"),
    ):
        sentence = why(get_with(shop, sent))
        assert problem in sentence
        assert "sign in with POST /v1/access-token" in sentence


def test_the_error_for_an_expired_token_shows_the_time_of_the_gateway(shop: CheckedShop) -> None:
    now = shop.gateway.services.world.clock.now().timestamp()
    claims = jwt.decode(sign_in(shop).json()["data"]["accessToken"], options={"verify_signature": False})
    key = shop.gateway.services.world.keyring.token_key
    old = jwt.encode(claims | {"exp": int(now) - 60}, key, algorithm="HS256")
    assert re.search(
        r"the token expired at 2025-03-30T\d\d:\d\d:\d\dZ, and it is 2025-03-30T\d\d:\d\d:\d\dZ here; sign in",
        why(get_with(shop, f"Bearer {old}")),
    )
