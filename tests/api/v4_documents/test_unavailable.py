"""While the database is unavailable v4 answers error 010 and changes nothing; it recovers when the database is back."""

import time
from contextlib import ExitStack
from pathlib import Path

from gerbang.db.embedded import postgres
from tests.api.v4_documents.contracts import CheckedShop, refusal
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    document,
    funded,
    link_order,
    listed,
    order,
    payout_order,
    status_of,
    task,
)
from tests.support.gateways import Databases, Gateway

RECONNECTED_SECONDS_MAX = 60
"""It takes a second or two; a machine that does other things may take longer."""


def silent(_: str) -> None:
    pass


def test_without_a_database_every_request_is_answered_with_503(data: Path, tmp_path: Path) -> None:
    body = order()
    with ExitStack() as running:
        server = ExitStack()
        url = server.enter_context(postgres(data, say=silent))
        gateway = running.enter_context(Gateway(Databases(url).fresh(), tmp_path / "gateway"))
        shop = funded(CheckedShop(gateway.shop))
        payment = shop.create()
        server.close()
        deadline = time.monotonic() + RECONNECTED_SECONDS_MAX
        while shop.call("POST", PAYMENTS, b"{").status_code != 503:  # who has just signed in is known for a second
            assert time.monotonic() < deadline, "a sign-in is remembered without a database"
        check_unavailable(shop, payment["id"], body)
        running.enter_context(postgres(data, say=silent))
        deadline = time.monotonic() + RECONNECTED_SECONDS_MAX
        while shop.call("POST", PAYMENTS, body).status_code != 201:
            assert time.monotonic() < deadline, "the gateway did not reconnect to its database"
        assert status_of(shop, payment) == "pending"
        assert len(listed(shop)) == 3
        assert listed(shop, path=PAYOUTS) == []


def check_unavailable(shop: CheckedShop, payment_id: str, body: dict[str, object]) -> None:
    static = document(referenceId="customer-1", bankShortCode="BRI")
    paid = task("receive_payment", options={"amount": 10_000})
    for method, path, content in (
        ("POST", PAYMENTS, body),
        ("GET", PAYMENTS, None),
        ("GET", f"{PAYMENTS}/{payment_id}", None),
        ("POST", f"{PAYMENTS}/{payment_id}/tasks", task("cancel")),
        ("POST", STATIC_VA, static),
        ("GET", f"{STATIC_QRIS}/qr_{'0' * 22}/payments", None),
        ("POST", f"{STATIC_QRIS}/qr_{'0' * 22}/tasks", paid),
        ("POST", LINKS, link_order()),
        ("POST", PAYOUTS, payout_order()),
        ("GET", PAYOUTS, None),
        ("GET", "/api/v4/overviews/balance_overview", None),
        # The merchant cannot be authenticated, so the body is not parsed.
        ("POST", PAYMENTS, b"{"),
        ("GET", "/api/v4/banks", None),
    ):
        answered = shop.call(method, path, content)
        refusal(answered, status=503, code="010")
        assert answered.headers["Retry-After"] == "1"
    refusal(shop.unauthenticated("GET", PAYMENTS), status=401, code="002")
    refusal(shop.unauthenticated("GET", "/api/v4/nothing"), status=404, code="004")
