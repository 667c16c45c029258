"""Tests of the contract check itself: an answer or callback that differs from the v4 contract is found, even in order."""

import json
from typing import Any

import httpx
import pytest

from tests.api.v4_documents.contracts import CONTRACT, CheckedShop
from tests.api.v4_documents.documents import LINKS, PAYOUTS, funded, link_order, made, payout_order, static_qris

TYPES = ("virtual_bank_account", "retail_outlet", "qris", "e-wallet")


def answer(body: object, status: int = 200, kind: str = "application/json") -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": kind})


def with_reversed_order(value: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(value.items()))


def faults(
    data: object, path: str = "/api/v4/payments/1", status: int = 200, kind: str = "application/json"
) -> list[str]:
    return CONTRACT.faults("GET", path, answer({"data": data}, status, kind))


@pytest.mark.parametrize("type_", TYPES)
def test_every_object_of_a_payment_must_have_its_fields_in_order(shop: CheckedShop, type_: str) -> None:
    payment = shop.create(type_)
    attributes = payment["attributes"]
    method = attributes["paymentMethod"]
    details = "settlement" if type_ == "e-wallet" else "instructions"
    assert faults(payment) == []
    assert faults([payment], "/api/v4/payments/?page[size]=1") == []
    for wrong in (
        with_reversed_order(payment),
        payment | {"attributes": with_reversed_order(attributes)},
        payment | {"attributes": attributes | {"paymentMethod": with_reversed_order(method)}},
        payment
        | {"attributes": attributes | {"paymentMethod": method | {details: with_reversed_order(method[details])}}},
    ):
        assert faults(wrong), wrong
        assert faults([wrong], "/api/v4/payments"), wrong
        assert CONTRACT.event_faults(json.dumps({"data": wrong}).encode()), wrong


def test_every_other_resource_must_have_its_fields_in_order(shop: CheckedShop) -> None:
    for path, data in (
        ("/api/v4/payment_links/1", made(shop, LINKS, link_order())),
        ("/api/v4/disbursements/1", made(funded(shop), PAYOUTS, payout_order())),
        ("/api/v4/payment_methods/qris/1", static_qris(shop)),
    ):
        assert faults(data, path) == []
        assert faults(with_reversed_order(data), path)
        assert faults(data | {"attributes": with_reversed_order(data["attributes"])}, path)


def test_a_callback_must_have_a_status_that_is_sent_as_a_callback(shop: CheckedShop) -> None:
    payment = shop.create()
    for status, right in (("paid", True), ("completed", True), ("pending", False), ("cancelled", False)):
        body = {"data": payment | {"attributes": payment["attributes"] | {"status": status}}}
        assert (CONTRACT.event_faults(json.dumps(body).encode()) == []) == right


def test_an_undocumented_status_content_type_or_missing_header_is_found(shop: CheckedShop) -> None:
    payment = shop.create()
    assert faults(payment, status=201) == ["201 is not documented for GET /api/v4/payments/1"]
    assert faults(payment, status=418)
    assert faults(payment, kind="application/vnd.api+json")
    refused = {"errors": [{"code": "003", "title": "Feature not supported", "detail": "No."}]}
    assert CONTRACT.faults("PUT", "/api/v4/payments/1", answer(refused, 405)) == ["the header Allow is missing"]
    assert CONTRACT.faults("GET", "/api/v4/nowhere", answer(refused, 404))
