"""Refused requests cost no memory: their exceptions are freed by reference counting, without the garbage collector."""

import gc
import time
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from gerbang.errors import Refused
from tests.support.gateways import Shop, V4Shop

UNKNOWN = UUID(int=7)


def _order(**changes: object) -> dict[str, object]:
    return {"clientReferenceId": "forgotten", "amount": {"value": 20000, "currency": "IDR"}, "mode": "API", **changes}


REFUSED: dict[str, Callable[[Shop], httpx.Response]] = {
    "a wrong secret": lambda shop: shop.client.post(
        "/v1/access-token", headers={"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": "x"}
    ),
    "a wrong key of v4": lambda shop: shop.client.get("/api/v4/payments", auth=("test_x", "x")),
    "a wrong key of the sandbox": lambda shop: shop.client.get("/sandbox/clock", auth=("test_x", "x")),
    "an unknown payment": lambda shop: shop.call("GET", f"/v2/payments/{UNKNOWN}"),
    "an unknown payment of v4": lambda shop: V4Shop(shop).call("GET", f"/api/v4/payments/contract_{UNKNOWN.hex}"),
    "a confirmation of an unknown payment": lambda shop: shop.call("POST", f"/v2/payments/{UNKNOWN}/confirm", {}),
    "an order of an unknown customer": lambda shop: shop.call("POST", "/v2/payments", _order(customerId=str(UNKNOWN))),
    "an order without an amount": lambda shop: shop.call("POST", "/v2/payments", _order(amount=None)),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_request_leaves_nothing_to_the_garbage_collector(shop: Shop, why: str) -> None:
    def refusals() -> int:
        return sum(isinstance(one, Refused) for one in gc.get_objects())

    assert shop.token
    gc.collect()
    gc.disable()
    try:
        before = refusals()
        for _ in range(5):
            assert REFUSED[why](shop).is_client_error
        end = time.monotonic() + 2
        while refusals() > before and time.monotonic() < end:
            time.sleep(0.01)
        assert refusals() <= before
    finally:
        gc.enable()
