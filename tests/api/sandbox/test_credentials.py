"""The sandbox API accepts the credentials of any dialect, and nothing else."""

import base64
from uuid import uuid4

import pytest

from tests.api.sandbox.sandbox_shops import SandboxShop
from tests.support.gateways import Gateway


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def statuses(merchant: SandboxShop, headers: dict[str, str]) -> set[int]:
    """The statuses of all endpoints that are read with these headers."""
    paths = ["clock", "inbox", "deliveries", "events", "ledger"]
    return {merchant.as_anybody("GET", path, None, headers).status_code for path in paths}


def test_the_credentials_of_every_dialect_are_accepted(sole_merchant: SandboxShop) -> None:
    keys = sole_merchant.gateway.sandbox
    for headers in (
        {"Authorization": f"Bearer {sole_merchant.token}"},
        {"Authorization": f"bearer  {sole_merchant.token}"},
        {"X-MERCHANT-ID": keys.v2.merchant_id, "X-MERCHANT-SECRET": keys.v2.merchant_secret},
        basic(keys.v2.merchant_id, keys.v2.merchant_secret),
        basic(keys.v4.api_key, keys.v4.secret_key),
    ):
        assert statuses(sole_merchant, headers) == {200}, headers


def test_all_credentials_of_a_merchant_give_access_to_the_same_ledger(sole_merchant: SandboxShop) -> None:
    keys = sole_merchant.gateway.sandbox
    sole_merchant.simulate(sole_merchant.create()["id"])
    sole_merchant.done("POST", "clock/advance", {"seconds": 0})
    ledgers = [
        sole_merchant.as_anybody("GET", "ledger", None, headers).json()
        for headers in (sole_merchant.keys, basic(keys.v4.api_key, keys.v4.secret_key))
    ]
    assert ledgers[0] == ledgers[1]
    assert len(ledgers[0]["accounts"]) > 2


def test_wrong_credentials_are_refused(merchant: SandboxShop) -> None:
    other = str(uuid4())
    me, secret = str(merchant.merchant_id), merchant.secret
    for headers in (
        {},
        {"X-MERCHANT-ID": me},
        {"X-MERCHANT-SECRET": secret},
        {"X-MERCHANT-ID": me, "X-MERCHANT-SECRET": secret[:-1]},
        {"X-MERCHANT-ID": me, "X-MERCHANT-SECRET": f"{secret} x"},
        {"X-MERCHANT-ID": other, "X-MERCHANT-SECRET": secret},
        basic(me, ""),
        basic(me, secret.swapcase()),
        basic(secret, me),
        basic("", ""),
        basic(me + "\x00", secret),
        {"Authorization": f"Basic {me}:{secret}"},
        {"Authorization": "Basic"},
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Token {merchant.token}"},
        {"Authorization": merchant.token},
        # An Authorization header is used even if other credentials are sent.
        {"Authorization": "Bearer x", **merchant.keys},
    ):
        assert statuses(merchant, headers) == {401}, headers


def test_a_refusal_names_the_authentication_scheme(merchant: SandboxShop) -> None:
    answered = merchant.as_anybody("GET", "clock", None, {})
    assert answered.headers["www-authenticate"].startswith("Basic")
    assert answered.json()["error"]["code"] == "unauthorized"


def test_the_secret_of_another_merchant_is_refused(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    neighbour = shared_gateway.new_shop()
    assert statuses(merchant, basic(str(merchant.merchant_id), neighbour.secret)) == {401}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "clock/advance", {"seconds": 0}),
        ("DELETE", "inbox", None),
        ("POST", "deliveries/0196f1a2-0000-7000-8000-00000000dead/resend", None),
        ("PUT", "callbacks/payment", {"url": "http://127.0.0.1:9/"}),
        ("POST", "bank/reports", {"number": "1", "amount": 1}),
    ],
)
def test_nothing_is_done_without_credentials(merchant: SandboxShop, method: str, path: str, body: object) -> None:
    before = merchant.gateway.rows("SELECT url FROM endpoints ORDER BY url")
    assert merchant.as_anybody(method, path, body, {}).status_code == 401
    assert merchant.as_anybody(method, path, b"{", {}).status_code == 401
    assert merchant.gateway.rows("SELECT url FROM endpoints ORDER BY url") == before


def test_a_token_expires_after_fifteen_minutes_of_the_sandbox_clock(sole_merchant: SandboxShop) -> None:
    token = {"Authorization": f"Bearer {sole_merchant.token}"}
    sole_merchant.done("POST", "clock/advance", {"seconds": 899 - 60})
    assert statuses(sole_merchant, token) == {200}
    sole_merchant.done("POST", "clock/advance", {"seconds": 61})
    assert statuses(sole_merchant, token) == {401}
    assert statuses(sole_merchant, sole_merchant.keys) == {200}
