"""The judge itself: an answer or a callback of this dialect that differs from its contract is noticed, order and all."""

import json
from typing import Any

import httpx
import pytest

from tests.api.v4_documents.contracts import CONTRACT, CheckedShop
from tests.api.v4_documents.documents import LINKS, PAYOUTS, funded, link_order, made, payout_order, static_qris

TYPES = ("virtual_bank_account", "retail_outlet", "qris", "e-wallet")


def answer(body: object, status: int = 200, kind: str = "application/json") -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": kind})


def turned(value: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(value.items()))


def faults(
    data: object, path: str = "/api/v4/payments/1", status: int = 200, kind: str = "application/json"
) -> list[str]:
    return CONTRACT.faults("GET", path, answer({"data": data}, status, kind))


@pytest.mark.parametrize("type_", TYPES)
def test_every_object_of_a_payment_is_held_to_its_order(shop: CheckedShop, type_: str) -> None:
    payment = shop.create(type_)
    told = payment["attributes"]
    method = told["paymentMethod"]
    inside = "settlement" if type_ == "e-wallet" else "instructions"
    assert faults(payment) == []
    assert faults([payment], "/api/v4/payments/?page[size]=1") == []
    for wrong in (
        turned(payment),
        payment | {"attributes": turned(told)},
        payment | {"attributes": told | {"paymentMethod": turned(method)}},
        payment | {"attributes": told | {"paymentMethod": method | {inside: turned(method[inside])}}},
    ):
        assert faults(wrong), wrong
        assert faults([wrong], "/api/v4/payments"), wrong
        assert CONTRACT.event_faults(json.dumps({"data": wrong}).encode()), wrong


def test_every_other_document_is_held_to_its_order(shop: CheckedShop) -> None:
    for path, data in (
        ("/api/v4/payment_links/1", made(shop, LINKS, link_order())),
        ("/api/v4/disbursements/1", made(funded(shop), PAYOUTS, payout_order())),
        ("/api/v4/payment_methods/qris/1", static_qris(shop)),
    ):
        assert faults(data, path) == []
        assert faults(turned(data), path)
        assert faults(data | {"attributes": turned(data["attributes"])}, path)


def test_a_callback_is_held_to_what_it_is_about(shop: CheckedShop) -> None:
    payment = shop.create()
    for status, right in (("paid", True), ("completed", True), ("pending", False), ("cancelled", False)):
        said = {"data": payment | {"attributes": payment["attributes"] | {"status": status}}}
        assert (CONTRACT.event_faults(json.dumps(said).encode()) == []) == right


def test_a_status_a_content_type_or_a_header_that_is_not_promised_is_noticed(shop: CheckedShop) -> None:
    payment = shop.create()
    assert faults(payment, status=201) == ["201 is not documented for GET /api/v4/payments/1"]
    assert faults(payment, status=418)
    assert faults(payment, kind="application/vnd.api+json")
    refused = {"errors": [{"code": "003", "title": "Feature not supported", "detail": "No."}]}
    assert CONTRACT.faults("PUT", "/api/v4/payments/1", answer(refused, 405)) == ["the header Allow is missing"]
    assert CONTRACT.faults("GET", "/api/v4/nowhere", answer(refused, 404))
