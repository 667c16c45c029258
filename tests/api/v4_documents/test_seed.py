"""Replays the vendor's document of one-time payments: its request is accepted and gets the printed answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gerbang.domain.signatures import hex_hmac_sha256
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import PAYMENTS, balance, read, task
from tests.api.v4_documents.examples import PRINTED, Check, about, example, like, reproduces, text, the
from tests.support.gateways import Databases, Gateway

DAY = datetime(2020, 10, 19, 2, 12, 48, tzinfo=UTC)
"""A Monday, 09:12 in Jakarta, when VAT was 10 percent."""
KNOWN: dict[str, Check] = {
    "data.id": like("contract_[0-9a-f]{32}"),
    "data.attributes.createdAt": about("2020-10-19T09:12:48+07:00"),
    # The document prints null although the request has a description; recorded answers return the description.
    "data.attributes.description": the("Order Number 0001"),
    "data.attributes.paymentMethod.id": like("[0-9a-f]{32}"),
    "data.attributes.paymentMethod.instructions.paymentCode": like("[0-9]{7}"),
}


@pytest.fixture
def merchant(databases: Databases, tmp_path: Path) -> Iterator[CheckedShop]:
    """The sandbox merchant at the instant of the document."""
    with Gateway(databases.fresh(), tmp_path, clock=DAY) as gateway:
        yield CheckedShop(gateway.shop)


def created(merchant: CheckedShop) -> dict[str, Any]:
    answered = merchant.call("POST", PAYMENTS, text("seed-create").encode())
    assert answered.status_code == 201, answered.text
    return answered.json()


@pytest.mark.parametrize("name", sorted(path.stem for path in PRINTED.iterdir()))
def test_every_printed_example_without_its_comments_is_valid_json(name: str) -> None:
    assert isinstance(example(name), dict)


def test_the_printed_request_is_answered_as_printed(merchant: CheckedShop) -> None:
    reproduces(example("seed-answer"), created(merchant), KNOWN, frozenset())


def test_the_printed_callback_is_sent_when_the_payment_is_paid(merchant: CheckedShop) -> None:
    payment = created(merchant)["data"]
    merchant.do(payment, "receive_payment")
    [callback] = [item for item in merchant.inbox() if "xfers-signature" in item["headers"]]
    reproduces(example("seed-callback"), callback["body"], KNOWN, frozenset())
    known = payment["attributes"] | {"status": "paid"}
    assert callback["body"] == {"data": payment | {"attributes": known}}
    secret = merchant.gateway.sandbox.v4.signing_secret
    assert callback["headers"]["xfers-signature"] == hex_hmac_sha256(secret, callback["raw"].encode())


def test_the_payment_is_completed_three_working_days_later_net_of_the_fee(merchant: CheckedShop) -> None:
    payment = created(merchant)["data"]
    merchant.do(payment, "receive_payment")
    assert balance(merchant) == ("100000.0", "0.0", "100000.0")
    merchant.advance(to="2020-10-22T09:59:00+07:00")
    assert [callback["attributes"]["status"] for callback in merchant.callbacks()] == ["paid"]
    merchant.advance(to="2020-10-22T10:00:30+07:00")
    paid, completed = merchant.callbacks()
    reproduces(example("seed-callback"), {"data": paid}, KNOWN, frozenset())
    assert completed == paid | {"attributes": paid["attributes"] | {"status": "completed"}}
    assert read(merchant, payment) == completed
    assert balance(merchant) == ("95600.0", "95600.0", "0.0")


def test_the_payment_expires_at_the_printed_expiry(merchant: CheckedShop) -> None:
    payment = created(merchant)["data"]
    merchant.advance(to=(DAY + timedelta(days=1, seconds=-20)).isoformat())
    assert read(merchant, payment)["attributes"]["status"] == "pending"
    merchant.advance(to=(DAY + timedelta(days=1)).isoformat())
    assert read(merchant, payment)["attributes"]["status"] == "expired"
    merchant.refused("POST", f"{PAYMENTS}/{payment['id']}/tasks", task("receive_payment"), code="005")


def test_repeating_the_printed_request_makes_no_new_payment(merchant: CheckedShop) -> None:
    first = created(merchant)
    assert created(merchant) == first
    other = json.loads(text("seed-create"))
    other["data"]["attributes"]["amount"] = 200_000
    assert merchant.call("POST", PAYMENTS, other).json()["data"] == first["data"]
