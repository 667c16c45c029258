"""The sandbox takes the credentials of any dialect, and nothing else."""

import base64
from uuid import uuid4

import pytest

from tests.api.sandbox.explorers import Explorer
from tests.support.gateways import Gateway


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def statuses(explorer: Explorer, headers: dict[str, str]) -> set[int]:
    """How each address of the sandbox answers somebody with these headers."""
    asked = ["clock", "inbox", "deliveries", "events", "ledger"]
    return {explorer.as_anybody("GET", path, None, headers).status_code for path in asked}


def test_the_credentials_of_every_dialect_open_the_sandbox(traveller: Explorer) -> None:
    keys = traveller.gateway.sandbox
    for headers in (
        {"Authorization": f"Bearer {traveller.token}"},
        {"Authorization": f"bearer  {traveller.token}"},
        {"X-MERCHANT-ID": keys.v2.merchant_id, "X-MERCHANT-SECRET": keys.v2.merchant_secret},
        basic(keys.v2.merchant_id, keys.v2.merchant_secret),
        basic(keys.v4.api_key, keys.v4.secret_key),
    ):
        assert statuses(traveller, headers) == {200}, headers


def test_whatever_the_credentials_are_they_open_the_same_books(traveller: Explorer) -> None:
    keys = traveller.gateway.sandbox
    traveller.simulate(traveller.create()["id"])
    traveller.done("POST", "clock/advance", {"seconds": 0})
    books = [
        traveller.as_anybody("GET", "ledger", None, headers).json()
        for headers in (traveller.keys, basic(keys.v4.api_key, keys.v4.secret_key))
    ]
    assert books[0] == books[1]
    assert len(books[0]["accounts"]) > 2


def test_wrong_credentials_open_nothing(explorer: Explorer) -> None:
    other = str(uuid4())
    me, secret = str(explorer.merchant_id), explorer.secret
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
        {"Authorization": f"Token {explorer.token}"},
        {"Authorization": explorer.token},
        # What names a scheme is judged by it, whatever else is sent.
        {"Authorization": "Bearer x", **explorer.keys},
    ):
        assert statuses(explorer, headers) == {401}, headers


def test_a_refusal_says_how_to_sign_in(explorer: Explorer) -> None:
    answered = explorer.as_anybody("GET", "clock", None, {})
    assert answered.headers["www-authenticate"].startswith("Basic")
    assert answered.json()["error"]["code"] == "unauthorized"


def test_a_secret_of_another_merchant_does_not_fit(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = shared_gateway.new_shop()
    assert statuses(explorer, basic(str(explorer.merchant_id), neighbour.secret)) == {401}


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
def test_nothing_is_done_for_a_stranger(explorer: Explorer, method: str, path: str, body: object) -> None:
    before = explorer.gateway.rows("SELECT url FROM endpoints ORDER BY url")
    assert explorer.as_anybody(method, path, body, {}).status_code == 401
    assert explorer.as_anybody(method, path, b"{", {}).status_code == 401
    assert explorer.gateway.rows("SELECT url FROM endpoints ORDER BY url") == before


def test_a_token_is_too_old_after_fifteen_minutes_of_the_sandboxs_own_clock(traveller: Explorer) -> None:
    token = {"Authorization": f"Bearer {traveller.token}"}
    traveller.done("POST", "clock/advance", {"seconds": 899 - 60})
    assert statuses(traveller, token) == {200}
    traveller.done("POST", "clock/advance", {"seconds": 61})
    assert statuses(traveller, token) == {401}
    assert statuses(traveller, traveller.keys) == {200}
