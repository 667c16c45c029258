"""A database outage: reported in the dialect's own errors, nothing is half done, and requests work again after it."""

import time
from contextlib import ExitStack
from pathlib import Path

from gerbang.db.embedded import postgres
from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import order, rupiah, status_of
from tests.support.gateways import Databases, Gateway


def silent(_: str) -> None:
    pass


def test_without_a_database_everything_is_refused_as_unavailable(data: Path, tmp_path: Path) -> None:
    body = order(amount=rupiah(50_000))
    with ExitStack() as running:
        server = ExitStack()
        url = server.enter_context(postgres(data, say=silent))
        gateway = running.enter_context(Gateway(Databases(url).fresh(), tmp_path / "gateway"))
        shop = CheckedShop.of(gateway.shop)
        session = shop.create()
        server.close()
        everything_is_refused(shop, session["id"], body)
        running.enter_context(postgres(data, say=silent))
        until = time.monotonic() + 10
        while shop.call("POST", "/v2/payments", body).status_code != 200:
            assert time.monotonic() < until, "the gateway did not find its database again"
        assert status_of(shop, session["id"]) == "REQUIRE_ACTION"
        assert shop.get("/v2/payments")["pagination"]["totalItems"] == 2


def everything_is_refused(shop: CheckedShop, payment_id: str, body: dict[str, object]) -> None:
    for method, path, content in (
        ("POST", "/v2/payments", body),
        ("GET", "/v2/payments", None),
        ("GET", f"/v2/payments/{payment_id}", None),
        ("POST", f"/v2/payments/{payment_id}/confirm", {"paymentMethod": {"type": "QR"}}),
        ("POST", f"/v2/payments/{payment_id}/cancel", {}),
        ("POST", "/v2/payments/simulations", {"paymentSessionId": payment_id, "chargeStatus": "SUCCESS"}),
        ("GET", "/v2/payment-method-configs", None),
    ):
        answered = shop.call(method, path, content)
        refusal(answered, status=503, code="service_unavailable")
        assert answered.headers["Retry-After"] == "1"
    answered = shop.stranger("POST", "/v1/access-token", {"X-MERCHANT-ID": "a", "X-MERCHANT-SECRET": "b"}, b"{}")
    refusal(answered, status=503, code="service_unavailable")
    # Invalid requests are refused without the database.
    shop.refused("POST", "/v2/payments", b"{", status=400, code="api_validation_error")
