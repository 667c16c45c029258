"""The examples of the contracts, checked against a running gateway: requests are accepted, refusals are as printed."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from gerbang import errors
from gerbang.api.sandbox import errors as sandbox_errors
from gerbang.api.v2_sessions import errors as v2_errors
from gerbang.api.v4_documents import errors as v4_errors
from gerbang.domain.money import readable, rupiah
from gerbang.services.credentials import SIGN_IN
from tests.api.test_openapi_documents import DOCUMENTS, every_document, follow, operations
from tests.support.gateways import Databases, Gateway, Shop, V4Shop

HUGE = b'{"a": "' + b"x" * 1_000_001 + b'"}'
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def today(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway on the machine's clock."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("today"), clock=None) as gateway:
        yield gateway


def bodies(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every example of a request whose path has no parameter: method, path and body."""
    for method, path, operation in operations(DOCUMENTS[name]):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            if "{" not in path:
                yield method.upper(), path, follow(DOCUMENTS[name], example)["value"]


def fund(shop: Shop) -> None:
    """Gives a shop a balance for payouts."""
    v4 = V4Shop(shop)
    made = v4.create(amount=1_000_000)
    for action in ("receive_payment", "settle"):
        v4.do(made, action)


def refunded(shop: Shop, value: dict[str, Any]) -> dict[str, Any]:
    """What a sample of a refund names, paid."""
    payment_id = shop.create(amount={"value": 75_000, "currency": "IDR"})["id"]
    shop.simulate(payment_id)
    (charge,) = shop.get(f"/v2/payments/{payment_id}")["data"]["chargeDetails"]
    return {"chargeId": charge["id"]} if "chargeId" in value else {"paymentSessionId": payment_id}


@every_document
def test_every_example_of_a_request_is_accepted(today: Gateway, name: str) -> None:
    shop = today.shop
    fund(shop)
    sent = 0
    for method, path, value in bodies(name):
        named = next((key for key in ("paymentId", "paymentSessionId") if key in value), None)
        body = value | {named: shop.create()["id"]} if named else value
        if path == "/v1/refunds":
            body = value | refunded(shop, value)
        if path == "/v1/payouts" and "inquiryId" in value["payouts"][0]:
            account = {
                "channelCode": "BCA",
                "channelInformation": {"accountNumber": "999966660001", "accountName": "Budi"},
            }
            inquiry = shop.post("/v1/inquiry-account", account)["data"]["uuid"]
            body = {"payouts": [value["payouts"][0] | {"inquiryId": inquiry}]}
        if name == "v4_documents":
            answered = V4Shop(shop).call(method, path, body)
        elif path == "/v1/access-token":
            keys = {"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": shop.secret}
            answered = today.client.request(method, path, json=body, headers=keys)
        else:
            answered = shop.call(method, path, body)
        assert answered.is_success, f"{method} {path} {body}: {answered.text}"
        sent += 1
    assert sent > 4


def without_varying(answer: Any) -> Any:
    """An answer without trace ids and instants, which differ each time."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "TRACE", json.dumps(answer))
    return json.loads(re.sub(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z", "INSTANT", text))


AN_INSTANT = "2025-03-30T06:03:17Z"


def sandbox_refusals(shop: Shop) -> list[httpx.Response | Response]:
    waiting = shop.create(autoConfirm=False)["id"]
    return [
        shop.call("POST", "/sandbox/clock/advance", {"to": "2020-01-01T00:00:00Z"}),
        shop.client.get("/sandbox/clock"),
        shop.call("POST", f"/sandbox/deliveries/{NOBODY}/resend"),
        shop.call("PUT", "/sandbox/clock", {}),
        shop.call("POST", "/sandbox/clock/advance", HUGE),
        shop.call("POST", "/sandbox/clock/advance", {}, Content_Encoding="gzip"),
        shop.call("POST", "/sandbox/bank/reports", {"paymentId": waiting, "amount": 1}),
        sandbox_errors.refused(errors.KeyReused()),
        sandbox_errors.error_response(500, "internal_error", "Something went wrong on our side."),
        sandbox_errors.refused(errors.Unavailable()),
    ]


def v2_refusals(shop: Shop) -> list[httpx.Response | Response]:
    paid = shop.create()
    shop.simulate(paid["id"])
    again = {"clientReferenceId": paid["clientReferenceId"], "amount": {"value": 10_000, "currency": "IDR"}}
    good: dict[str, Any] = {
        "channelCode": "BCA",
        "channelInformation": {"accountNumber": "999966660001", "accountName": "Budi"},
    }
    lines = [
        good | {"referenceId": f"line-{place}", "amount": {"value": "20000", "currency": "IDR"}} for place in range(4)
    ]
    small = lines[0] | {"amount": {"value": "9999", "currency": "IDR"}}
    without = [*lines[:3], lines[3] | {"amount": {"currency": "IDR"}}]
    taken = [shop.call("POST", "/v1/payouts", {"payouts": [lines[0]]}) for _ in range(2)]
    return [
        taken[1],
        shop.call("POST", "/v1/payouts", {"payouts": [small]}),
        shop.call("POST", "/v1/payouts", {"payouts": without}),
        shop.call("POST", "/v2/payments", {"clientReferenceId": "0", "amount": {"value": 0, "currency": "IDR"}}),
        v2_errors.refused(
            errors.CredentialsWrong(why=f"the token expired at {AN_INSTANT}, and it is {AN_INSTANT} here; {SIGN_IN}")
        ),
        shop.call("GET", f"/v2/payments/{NOBODY}"),
        shop.call("DELETE", "/v2/payments"),
        shop.call("POST", "/v2/payments", again),
        shop.call("POST", "/v2/payments", HUGE),
        shop.call("POST", "/v2/payments", {}, Content_Encoding="gzip"),
        shop.call("POST", f"/v2/payments/{paid['id']}/cancel", {}),
        v2_errors.refused(errors.RefundTooLarge("amount", left=readable(rupiah(50_000)))),
        v2_errors.refused(errors.NotInLiveMode()),
        v2_errors.error_response(v2_errors.INTERNAL),
        v2_errors.refused(errors.PartnerDeclined("method", title="Virtual account", why="the number is closed")),
        v2_errors.refused(errors.Unavailable()),
    ]


def v4_refusals(shop: Shop) -> list[httpx.Response | Response]:
    v4 = V4Shop(shop)
    little = {"paymentMethodType": "retail_outlet", "amount": 1, "referenceId": "little"}
    at_an_outlet = little | {"paymentMethodOptions": {"retailOutletName": "ALFAMART"}}
    letters = {"accountNo": "abc", "bankShortCode": "BRI"}
    validation = "/api/v4/validation_services/bank_account_validation"
    poor = errors.InsufficientFunds("amount", available=readable(rupiah(50_000)), needed=readable(rupiah(103_885)))
    trace = "Something went wrong on our side. Its name in our logs: 4bf92f3577b34da6a3ce929d0e0e4736"
    return [
        v4.call("POST", validation, {"data": {"attributes": letters}}),
        v4.call("POST", "/api/v4/payments", {"data": {"attributes": at_an_outlet}}),
        v4.call("GET", "/api/v4/payments?page[size]=1001"),
        v4.client.get("/api/v4/payments", auth=(shop.v4_keys[0], "another secret")),
        v4.call("GET", f"/api/v4/payments/{NOBODY}"),
        v4.call("DELETE", "/api/v4/payments"),
        v4.call("POST", "/api/v4/payments", HUGE),
        v4.call("POST", "/api/v4/payments", {}, Content_Encoding="gzip"),
        v4_errors.refused(poor, "/api/v4/disbursements"),
        v4_errors.refused(errors.NotInLiveMode(), "/api/v4/payments"),
        v4_errors.refused(errors.ChannelNotEnabled("method", title="E-wallet"), "/api/v4/payments"),
        v4_errors.error_response(v4_errors.INTERNAL, trace),
        v4_errors.refused(errors.Unavailable(), "/api/v4/payments"),
    ]


REFUSALS = {"sandbox": sandbox_refusals, "v2_sessions": v2_refusals, "v4_documents": v4_refusals}


@every_document
def test_the_printed_refusals_are_those_that_the_gateway_answers(today: Gateway, name: str) -> None:
    answers = REFUSALS[name](today.shop)
    given = [
        (
            answer.status_code,
            without_varying(json.loads(answer.content if isinstance(answer, httpx.Response) else bytes(answer.body))),
        )
        for answer in answers
    ]
    status_of = {
        answer["$ref"]: int(status)
        for _, _, operation in operations(DOCUMENTS[name])
        for status, answer in operation["responses"].items()
        if "$ref" in answer
    }
    printed = {
        f"{reference} {title}": (status, without_varying(example["value"]))
        for reference, status in status_of.items()
        for title, example in follow(DOCUMENTS[name], {"$ref": reference})["content"]["application/json"][
            "examples"
        ].items()
    }
    assert len(printed) > 8
    assert {at: value for at, value in printed.items() if value not in given} == {}


def test_advancing_the_clock_answers_with_the_printed_names_of_steps(gateway: Gateway) -> None:
    operation = DOCUMENTS["sandbox"]["paths"]["/sandbox/clock/advance"]["post"]
    example = operation["responses"]["200"]["content"]["application/json"]["examples"]["done"]["value"]
    assert list(gateway.shop.advance(seconds=3600)["done"]) == list(example["done"])
