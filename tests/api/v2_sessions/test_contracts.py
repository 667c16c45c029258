"""Tests of the contract checks: they find every difference from the contract, also in the order of fields."""

import json
from typing import Any

import httpx
import pytest

from tests.api.v2_sessions.contracts import CONTRACT, CheckedShop


def answer(body: object, status: int = 200, kind: str = "application/json") -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": kind})


def turned(value: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(value.items()))


@pytest.fixture
def read(shop: CheckedShop) -> dict[str, Any]:
    """The response to a look-up of a payment with a customer and a charge."""
    session = shop.create(customer={"email": "budi@shop.example"}, metadata={"b": 1, "a": 2})
    return shop.get(f"/v2/payments/{session['id']}")


def faults(body: object, status: int = 200, kind: str = "application/json") -> list[str]:
    return CONTRACT.faults("GET", "/v2/payments/1?page=1", answer(body, status, kind))


def test_a_response_of_the_gateway_has_no_faults(read: dict[str, Any]) -> None:
    assert faults(read) == []
    assert faults(read | {"data": read["data"] | {"metadata": turned(read["data"]["metadata"])}}) == []


def test_the_field_order_of_every_object_is_checked(read: dict[str, Any]) -> None:
    data = read["data"]
    charge = data["chargeDetails"][0]
    assert faults(turned(read))
    assert faults(read | {"data": turned(data)})
    assert faults(read | {"data": data | {"amount": turned(data["amount"])}})
    assert faults(read | {"data": data | {"customer": turned(data["customer"])}})
    assert faults(read | {"data": data | {"chargeDetails": [turned(charge)]}})
    number = turned(charge["virtualAccount"])
    [fault] = faults(read | {"data": data | {"chargeDetails": [charge | {"virtualAccount": number}]}})
    assert fault.startswith("$.data.chargeDetails[0].virtualAccount prints ['expiryAt', ")


def test_the_field_order_of_lists_and_callbacks_is_checked(read: dict[str, Any]) -> None:
    pages = {"page": 1, "perPage": 10, "totalItems": 1, "totalPages": 1}
    listed = read | {"data": [read["data"]], "pagination": pages}
    assert CONTRACT.faults("GET", "/v2/payments", answer(listed)) == []
    assert CONTRACT.faults("GET", "/v2/payments", answer(listed | {"data": [turned(read["data"])]}))
    assert CONTRACT.faults("GET", "/v2/payments", answer(listed | {"pagination": turned(pages)}))
    event = {"event": "PAYMENT.PAID", "data": read["data"]}
    assert CONTRACT.event_faults(json.dumps(event).encode()) == []
    assert CONTRACT.event_faults(json.dumps(turned(event)).encode())


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"status": "DONE"}, {"amount": None}, {"createdAt": "2025-03-30T05:48:17+07:00"}, {"id": "1"}],
)
def test_a_field_that_is_wrong_is_noticed(read: dict[str, Any], changes: dict[str, Any]) -> None:
    assert faults(read | {"data": read["data"] | changes})


def test_a_field_that_is_missing_or_printed_twice_is_noticed(read: dict[str, Any]) -> None:
    assert faults({"code": "00", "message": "Success"})
    whole = json.dumps(read)
    twice = httpx.Response(200, content=whole[:-1] + ', "code": "00"}', headers={"content-type": "application/json"})
    assert "code is printed twice" in CONTRACT.faults("GET", "/v2/payments/1", twice)


def test_a_status_a_content_type_or_a_header_that_is_not_promised_is_noticed(read: dict[str, Any]) -> None:
    assert faults(read, status=201) == ["201 is not documented for GET /v2/payments/1?page=1"]
    assert faults(read, status=418)
    assert faults(read, kind="text/html")
    refused: dict[str, Any] = {"type": "API_ERROR", "source": "UPSTREAM", "details": [], "traceId": "0" * 32}
    not_allowed = {"code": "method_not_allowed", "message": "No.", "error": refused}
    assert CONTRACT.faults("PUT", "/v2/payments/1", answer(not_allowed, 405)) == ["the header Allow is missing"]
    assert CONTRACT.faults("GET", "/v2/nowhere", answer(not_allowed, 404))
