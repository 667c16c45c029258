"""Test data: create requests, payments in every state, and simultaneous requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx

from tests.api.v2_sessions.contracts import CheckedShop
from tests.support.gateways import Shop


def fresh(prefix: str = "ref") -> str:
    """A reference that was not used before."""
    return f"{prefix}-{uuid4().hex[:16]}"


def order(**changes: object) -> dict[str, Any]:
    """A request for a virtual account of BRI over Rp 20,000, with `changes`; a field that is `...` is removed."""
    body: dict[str, object] = {
        "clientReferenceId": fresh(),
        "amount": rupiah(20000),
        "mode": "API",
        "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
        "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def rupiah(value: object) -> dict[str, object]:
    return {"value": value, "currency": "IDR"}


def written(shop: Shop) -> dict[str, int]:
    """The number of this merchant's rows in each table, after everything due was done. Refused requests change none."""
    tables = ("payments", "charges", "paycodes", "customers", "idempotency_keys", "reports", "events", "transfers")
    counts = ", ".join(f"(SELECT count(*) FROM {table} WHERE merchant_id = $1) AS {table}" for table in tables)
    asked = f"SELECT {counts}"
    counted = shop.gateway.rows(asked, shop.merchant_id)[0]
    if any(counted.values()):  # otherwise nothing of this merchant can be due
        shop.advance(seconds=0)
        counted = shop.gateway.rows(asked, shop.merchant_id)[0]
    return counted


def waiting(shop: CheckedShop, **changes: object) -> str:
    """The id of a payment without a method."""
    fields: dict[str, object] = {"autoConfirm": False, "paymentMethod": None, "paymentMethodOptions": None}
    return shop.create(**fields | changes)["id"]


def status_of(shop: CheckedShop, payment_id: str) -> str:
    return shop.get(f"/v2/payments/{payment_id}")["data"]["status"]


def in_state(shop: CheckedShop, state: str) -> str:
    """The id of a payment in this state, which it reached through the API."""
    if state == "CANCELLED":
        payment_id = waiting(shop)
        shop.post(f"/v2/payments/{payment_id}/cancel")
        return payment_id
    static = state in ("ACTIVE", "INACTIVE")
    payment_id = shop.create(**({"paymentType": "MULTIPLE", "amount": None} if static else {}))["id"]
    if state == "PAID":
        shop.simulate(payment_id)
    if state in ("EXPIRED", "INACTIVE"):
        shop.simulate(payment_id, "EXPIRED")
    assert status_of(shop, payment_id) == state
    return payment_id


def at_once(*calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Makes all calls at the same time; their responses in the order of the calls."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
