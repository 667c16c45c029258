"""Nearly valid request bodies: each is answered within 2 s with success or a client error in the documented format."""

import itertools
import re
import time
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.corrupted_bodies import TEXTS, corrupted
from tests.support.fuzzing import contract
from tests.support.gateways import Gateway, Shop, V4Shop

SECONDS_MAX = 2.0
careful = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # no shrinking, which would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)


def bodies(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Every request example of a contract, as (method and path, body)."""
    document = contract(name)
    known = document["components"].get("examples", {})
    found: list[tuple[str, dict[str, Any]]] = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                value = known[example["$ref"].rpartition("/")[2]]["value"] if "$ref" in example else example["value"]
                found.append((f"{method.upper()} {path}", value))
    return found


def promptly(shop: Shop | V4Shop, call: str, body: bytes, **headers: str) -> httpx.Response:
    """Sends a request that must be answered within `SECONDS_MAX`; tried twice, in case the machine is busy."""
    for _ in range(2):
        started = time.monotonic()
        method, path = call.split()
        answered = shop.call(method, path, body, **headers)
        if time.monotonic() - started < SECONDS_MAX:
            return answered
    raise AssertionError(f"{call} took more than {SECONDS_MAX} s, twice: {body[:500]!r}")


def is_v2_answer(answered: httpx.Response) -> bool:
    """Whether this is an answer in the format of the payment-session API: success, or an error with all its fields."""
    answer = answered.json()
    if answered.status_code == 200:
        return answer["code"] == "00" and answer["message"] == "Success"
    error = answer["error"]
    return (
        400 <= answered.status_code < 500
        and re.fullmatch("[a-z_]+", answer["code"]) is not None
        and answer["message"] != ""
        and error["type"] in ("API_ERROR", "GATEWAY_ERROR")
        and error["source"] == "UPSTREAM"
        and all(detail.keys() == {"field", "message"} and detail["message"] for detail in error["details"])
        and re.fullmatch("[0-9a-f]{32}", error["traceId"]) is not None
    )


def test_a_corrupted_v2_body_is_answered_at_once_in_the_documented_format(shop: Shop) -> None:
    serial = itertools.count(1)
    waiting = shop.create(autoConfirm=False)["id"]
    seen: set[int] = set()

    @settings(careful, max_examples=400)
    @given(example=st.sampled_from(bodies("v2_sessions")), data=st.data())
    def check(example: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
        call, good = example
        if call == "POST /v2/payments":
            good = good | {"clientReferenceId": f"corrupted-{next(serial)}"}
        if "paymentSessionId" in good:
            good = good | {"paymentSessionId": waiting}
        body = data.draw(corrupted(good))
        headers = {"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": shop.secret} if "/v1/" in call else {}
        answered = promptly(shop, call.replace("{id}", waiting), body, **headers)
        seen.add(answered.status_code)
        assert is_v2_answer(answered), (call, body[:2000], answered.status_code, answered.text)
        if call == "POST /v2/payments" and answered.status_code == 200:
            check_v2_payment(shop, answered.json()["data"])

    check()
    assert {200, 400} <= seen


def check_v2_payment(shop: Shop, payment: dict[str, Any]) -> None:
    """Checks that an accepted payment can be read, listed and paid, so that no stored value breaks a later request."""
    assert is_v2_answer(shop.call("GET", f"/v2/payments/{payment['id']}"))
    found = shop.client.get(
        "/v2/payments",
        params={"clientReferenceId": payment["clientReferenceId"]},
        headers={"Authorization": f"Bearer {shop.token}"},
    )
    assert [one["id"] for one in found.json()["data"]] == [payment["id"]], found.text
    money = {
        "paymentSessionId": payment["id"],
        "chargeStatus": "SUCCESS",
        "amount": {"value": 20000, "currency": "IDR"},
    }
    assert is_v2_answer(shop.call("POST", "/v2/payments/simulations", money))


@pytest.mark.parametrize(
    "reference", [text for text in TEXTS if 1 <= len(text) <= 100 and not re.search("[\\x00-\\x1f\\x7f-\\x9f]", text)]
)
def test_a_v2_payment_is_found_by_any_valid_reference(shop: Shop, reference: str) -> None:
    payment = shop.create(clientReferenceId=reference)
    check_v2_payment(shop, payment)


HEAVY = {
    "many keys and the last one twice": "{" + "".join(f'"k{n}":0,' for n in range(80_000)) + '"k79999":0}',
    "one key many times": "{" + '"a":1,' * 160_000 + '"a":1}',
    "small objects with a key twice": '{"a":[' + '{"a":1,"a":1},' * 70_000 + "1]}",
    "lists in lists": "[" * 490_000 + "]" * 490_000,
    "objects in objects": '{"a":' * 160_000 + "1" + "}" * 160_000,
    "lists in lists in a field": '{"metadata":' + "[" * 450_000 + "]" * 450_000 + "}",
    "many empty objects": '{"metadata":{"a":[' + "{}," * 300_000 + "{}]}}",
    "many fields": '{"metadata":{' + "".join(f'"k{n}":{n},' for n in range(60_000)) + '"a":1}}',
    "a number of a million digits": '{"amount":{"currency":"IDR","value":' + "9" * 950_000 + "}}",
    "a fraction of a million digits": '{"amount":{"currency":"IDR","value":0.' + "3" * 950_000 + "}}",
    "an exponent of a million digits": '{"amount":{"currency":"IDR","value":1e' + "9" * 950_000 + "}}",
    "an amount as text of a million digits": '{"amount":{"currency":"IDR","value":"' + "9" * 950_000 + '"}}',
    "many NaNs": '{"a":[' + "NaN," * 240_000 + "1]}",
    "many numbers out of range": '{"a":[' + "1e999," * 160_000 + "1]}",
    "many escapes": '{"clientReferenceId":"' + "\\u0041" * 160_000 + '"}',
    "many NULs": '{"metadata":{"a":"' + "\\u0000" * 160_000 + '"}}',
    "many lone surrogates": '{"metadata":{"a":"' + "\\ud800" * 160_000 + '"}}',
    "spaces": " " * 990_000 + "{}",
    "a long name": '{"clientReferenceId":"' + "x" * 990_000 + '"}',
    "a long unknown field": '{"clientReferenceId":"heavy-1","amount":{"value":20000,"currency":"IDR"},"x":"' + "y" * 900_000 + '"}',
    "long metadata": '{"clientReferenceId":"heavy-2","amount":{"value":20000,"currency":"IDR"},"metadata":{"a":"' + "y" * 900_000 + '"}}',
    "many products": '{"clientReferenceId":"heavy-3","amount":{"value":20000,"currency":"IDR"},"orderInformation":{"productDetails":['
    + '{"type":"DIGITAL","quantity":1,"price":{"value":1,"currency":"IDR"}},' * 12_000
    + '{"type":"DIGITAL","quantity":1,"price":{"value":1,"currency":"IDR"}}]}}',
}  # fmt: skip


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_a_heavy_v2_body_is_answered_within_the_time_limit(shop: Shop, body: str) -> None:
    assert len(body) <= 1_000_000
    answered = promptly(shop, "POST /v2/payments", body.encode())
    assert is_v2_answer(answered), answered.text[:500]
    if answered.status_code == 200:
        payment = answered.json()["data"]["id"]
        assert is_v2_answer(promptly(shop, f"GET /v2/payments/{payment}", b""))
        assert is_v2_answer(promptly(shop, "GET /v2/payments", b""))


def is_v4_answer(answered: httpx.Response) -> bool:
    """Whether this is an answer in the format of the one-time payment API: data, or one error with all its fields."""
    answer = answered.json()
    if answered.is_success:
        return answer.keys() == {"data"}
    (error,) = answer["errors"]
    source = error.get("source", {"pointer": "/"})
    return (
        400 <= answered.status_code < 500
        and list(error)[:3] == ["code", "title", "detail"]
        and re.fullmatch("00[0-5]|TXN000[1-7]", error["code"]) is not None
        and all(error[name] for name in ("title", "detail"))
        and source.keys() == {"pointer"}
        and source["pointer"].startswith("/")
    )


def test_a_corrupted_v4_body_is_answered_at_once_in_the_documented_format(shop: Shop) -> None:
    v4, serial = V4Shop(shop), itertools.count(1)
    static = {"bankShortCode": "BCA", "displayName": "Budi"}
    ids = {
        "payments": v4.create()["id"],
        "virtual_bank_accounts": v4.post("payment_methods/virtual_bank_accounts", referenceId="a", **static)["id"],
        "qris": v4.post("payment_methods/qris", referenceId="a")["id"],
        "payment_links": "paymentlink_" + "0" * 32,
        "disbursements": "contract_" + "0" * 32,
    }
    seen: set[int] = set()

    @settings(careful, max_examples=400)
    @given(example=st.sampled_from(bodies("v4_documents")), data=st.data())
    def check(example: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
        call, good = example
        attributes = good["data"]["attributes"]
        if "referenceId" in attributes:
            # The expiries in the examples are in the past.
            fresh = {"referenceId": f"corrupted-{next(serial)}", "expiredAt": "2025-04-01T00:00:00+07:00"}
            good = {"data": {"attributes": attributes | fresh}}
        body = data.draw(corrupted(good))
        folder = next((name for name in ids if f"/{name}/" in call), "")
        answered = promptly(v4, call.replace("{id}", ids.get(folder, "")), body)
        seen.add(answered.status_code)
        assert is_v4_answer(answered), (call, body[:2000], answered.status_code, answered.text)
        if answered.is_success and "id" in answered.json()["data"]:
            check_v4_payment(v4, call.split()[1], answered.json()["data"])

    check()
    assert {201, 400} <= seen
    shop.advance(seconds=0)
    assert shop.get("/sandbox/deliveries?state=parked")["items"] == [], "a callback could not be written"


def check_v4_payment(shop: V4Shop, path: str, made: dict[str, Any]) -> None:
    """Checks that an accepted v4 resource can be read, found by its reference and acted on."""
    assert is_v4_answer(shop.call("GET", f"{path}/{made['id']}"))
    if path == "/api/v4/payments":
        query = {"filter[referenceId]": made["attributes"]["referenceId"]}
        found = shop.client.get(path, params=query, auth=shop.keys)
        assert [one["id"] for one in found.json()["data"]] == [made["id"]], found.text
    if path in ("/api/v4/payments", "/api/v4/payment_links"):
        task = {"data": {"attributes": {"action": "receive_payment"}}}
        assert is_v4_answer(shop.call("POST", f"{path}/{made['id']}/tasks", task))


@pytest.mark.parametrize(
    "reference",
    [text for text in TEXTS if text.strip() and len(text) <= 100 and not re.search("[\\x00-\\x1f\\x7f-\\x9f]", text)],
)
def test_a_v4_payment_is_found_by_any_valid_reference(shop: Shop, reference: str) -> None:
    v4 = V4Shop(shop)
    check_v4_payment(v4, "/api/v4/payments", v4.create(referenceId=reference))


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_a_heavy_v4_body_is_answered_within_the_time_limit(shop: Shop, body: str) -> None:
    v4 = V4Shop(shop)
    assert is_v4_answer(promptly(v4, "POST /api/v4/payments", body.encode()))
    in_attributes = ('{"data":{"attributes":' + body[:960_000] + "}}").encode()
    assert is_v4_answer(promptly(v4, "POST /api/v4/payments", in_attributes))


def test_a_corrupted_body_to_the_sandbox_is_answered_in_its_documented_format(gateway: Gateway) -> None:
    shop = gateway.shop
    keys = {"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": shop.secret}
    payment = shop.create()["id"]

    @settings(careful, max_examples=200)
    @given(example=st.sampled_from(bodies("sandbox")), data=st.data())
    def check(example: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
        call, good = example
        if "paymentId" in good:
            good = good | {"paymentId": payment, "bankReference": None}
        body = data.draw(corrupted(good))
        started = time.monotonic()
        path = call.split()[1].replace("{product}", "payment").replace("{key}", str(shop.merchant_id))
        answered = gateway.client.request(
            call.split()[0], path, content=body, headers={"Content-Type": "application/json", **keys}
        )
        # Moving the clock may take longer: it runs everything that becomes due.
        assert time.monotonic() - started < SECONDS_MAX or path.endswith("/advance")
        if answered.status_code != 200:
            error = answered.json()["error"]
            assert (400 <= answered.status_code < 500, error.keys()) == (True, {"code", "message", "field"}), body
            assert error["message"], body

    check()
    for path in ("inbox?limit=500", "deliveries", "events", "ledger", "clock"):
        assert gateway.client.get(f"/sandbox/{path}", headers=keys).status_code == 200
