"""A gateway whose connections file routes codes to partners that must be asked: both dialects and the payer's page over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.v2_sessions import contracts as v2
from tests.api.v2_sessions.sessions import fresh, rupiah
from tests.api.v4_documents import contracts as v4
from tests.api.v4_documents.documents import PAYMENTS, STATIC_VA, document, order
from tests.api.v4_documents.pages import page_of, send_form
from tests.support.gateways import Databases, Gateway, Shop

FILE = """
[connections.simulator]
provider = "simulator"
serves = ["payments", "payouts"]

[connections.asked-first]
provider = "simulator"
serves = ["payments"]
settings.channels.virtual_account = { codes = "registered", delay_seconds = 0.05 }
settings.channels.qris = { codes = "minted" }

[[routes]]
connections = ["simulator"]

[[routes]]
connections = ["asked-first"]
channel = "virtual_account"
option = "BCA"

[[routes]]
connections = ["asked-first"]
channel = "qris"
"""
DECLINED, SILENT = 20_404, 20_504
BCA = {"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}}
QRIS: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}


@pytest.fixture(scope="module")
def gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("asked")
    file = folder / "connections.toml"
    file.write_text(FILE, encoding="utf-8")
    Path.chmod(file, 0o600)
    with Gateway(databases.fresh(), folder, connections=file) as gateway:
        yield gateway


@pytest.fixture
def merchant(gateway: Gateway) -> Shop:
    return gateway.new_shop()


@pytest.fixture
def shop(merchant: Shop) -> v2.CheckedShop:
    return v2.CheckedShop.of(merchant)


@pytest.fixture
def documents(merchant: Shop) -> v4.CheckedShop:
    return v4.CheckedShop(merchant)


def requests_of(shop: Shop) -> list[tuple[str, str, str]]:
    """Connection, operation and state of what partners were asked for this merchant."""
    rows = shop.gateway.rows(
        "SELECT connection, operation, state FROM partner_requests WHERE merchant_id = $1 ORDER BY id", shop.merchant_id
    )
    return [(row["connection"], row["operation"], row["state"]) for row in rows]


def test_only_what_is_routed_to_a_partner_is_asked_of_it(shop: v2.CheckedShop) -> None:
    shop.create()
    assert requests_of(shop) == []
    shop.create(paymentMethodOptions=BCA)
    assert requests_of(shop) == [("asked-first", "open", "done")]


@pytest.mark.parametrize("method", [{"paymentMethodOptions": BCA}, QRIS], ids=["registered", "minted"])
def test_a_session_whose_code_a_partner_makes_is_paid_like_any_other(
    shop: v2.CheckedShop, method: dict[str, Any]
) -> None:
    made = shop.create(**method)
    assert made["status"] == "REQUIRE_ACTION"
    assert shop.simulate(made["id"]) == "true"
    assert shop.get(f"/v2/payments/{made['id']}")["data"]["status"] == "PAID"
    assert shop.received_events() == ["PAYMENT.PAID"]


def test_a_silent_partner_is_a_503_until_the_same_request_is_answered(shop: v2.CheckedShop) -> None:
    body = {
        "clientReferenceId": fresh(),
        "amount": rupiah(SILENT),
        "mode": "API",
        "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
        "paymentMethodOptions": BCA,
    }
    key = str(uuid4())
    for _ in range(2):
        answered = shop.call("POST", "/v2/payments", body, X_REQUEST_ID=key)
        assert (answered.status_code, answered.json()["code"]) == (503, "service_unavailable")
        assert "repeat" not in answered.text
        assert answered.headers["retry-after"] == "1"
    [listed] = shop.get(f"/v2/payments?clientReferenceId={body['clientReferenceId']}")["data"]
    assert (listed["status"], listed["chargeDetails"]) == ("PROCESSING", None)
    shop.advance(seconds=60)
    opened = shop.post("/v2/payments", body, X_REQUEST_ID=key)["data"]
    assert (opened["id"], opened["status"]) == (listed["id"], "REQUIRE_ACTION")
    assert shop.post("/v2/payments", body, X_REQUEST_ID=key)["data"] == opened


def test_a_declined_code_is_an_error_of_each_dialect(shop: v2.CheckedShop, documents: v4.CheckedShop) -> None:
    body = {
        "clientReferenceId": fresh(),
        "amount": rupiah(DECLINED),
        "mode": "API",
        "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
        "paymentMethodOptions": BCA,
    }
    key = str(uuid4())
    for _ in range(2):
        answered = shop.call("POST", "/v2/payments", body, X_REQUEST_ID=key)
        assert (answered.status_code, answered.json()["code"]) == (502, "bad_gateway")
        [detail] = answered.json()["error"]["details"]
        assert detail == {
            "field": "paymentMethod.type",
            "message": "Virtual account cannot be opened: the simulator declines this amount.",
        }
    said = order(amount=DECLINED)
    answered = documents.call("POST", PAYMENTS, said)
    assert (answered.status_code, answered.json()["errors"][0]["code"]) == (400, "TXN0005")
    repeated = documents.call("POST", PAYMENTS, said)
    assert (repeated.status_code, repeated.json()["data"]["attributes"]["status"]) == (201, "failed")


def test_a_silent_partner_is_a_503_in_the_other_dialect_until_the_reference_is_answered(
    shop: v2.CheckedShop, documents: v4.CheckedShop
) -> None:
    once, static = order(amount=SILENT), document(referenceId=fresh(), bankShortCode="BCA", displayName="Budi")
    for _ in range(2):
        answered = documents.call("POST", PAYMENTS, once)
        assert (answered.status_code, answered.json()["errors"][0]["code"]) == (503, "010")
    [listed] = documents.get("payments?filter[status]=pending")
    assert (listed["attributes"]["status"], listed["attributes"]["paymentMethod"]) == ("pending", None)
    shop.advance(seconds=60)
    opened = documents.call("POST", PAYMENTS, once)
    assert opened.status_code == 201
    assert opened.json()["data"]["attributes"]["paymentMethod"]["instructions"]["accountNo"]
    assert documents.call("POST", STATIC_VA, static).status_code == 201


def test_a_buyers_page_waits_for_the_partner_and_goes_back_to_the_choice_when_it_declines(
    shop: v2.CheckedShop, documents: v4.CheckedShop
) -> None:
    redirect = {"mode": "REDIRECT", "paymentMethod": None, "paymentMethodOptions": None}
    url = shop.create(amount=rupiah(SILENT), **redirect)["paymentUrl"]
    sent = send_form(documents, url, "choose", way="virtual_account/BCA")
    assert sent.status_code == 303
    assert "notice" not in sent.headers["location"]
    assert "Kode pembayaran sedang disiapkan" in page_of(documents, url).text
    shop.advance(seconds=60)
    assert "Kode pembayaran sedang disiapkan" not in page_of(documents, url).text
    url = shop.create(amount=rupiah(DECLINED), **redirect)["paymentUrl"]
    sent = send_form(documents, url, "choose", way="virtual_account/BCA")
    assert "notice=not_opened" in sent.headers["location"]
    assert "belum ada yang dibayar" in documents.client.get(sent.headers["location"]).text
