"""A merchant's own settlements: what became available on each day, charge by charge."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.services.sandbox_merchant import STARTING_BALANCE
from tests.api.sandbox.sandbox_shops import SandboxShop
from tests.support.gateways import Gateway

QRIS: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}


def paid(merchant: SandboxShop, rupiah: int = 20_000, **changes: Any) -> str:
    """The id of a paid payment. BRI, the default of `create`, settles at once."""
    payment = merchant.create(amount={"value": rupiah, "currency": "IDR"}, **changes)["id"]
    assert merchant.simulate(payment, amount={"value": rupiah, "currency": "IDR"}) == "true"
    return payment


def settled(merchant: SandboxShop) -> list[dict[str, Any]]:
    """The merchant's settlements, newest first, after everything due was settled."""
    merchant.done("POST", "clock/advance", {"seconds": 0})
    return merchant.done("GET", "settlements")["items"]


def test_a_merchant_that_was_never_paid_has_no_settlements(merchant: SandboxShop) -> None:
    merchant.create()
    assert settled(merchant) == []


def test_a_settlement_lists_its_charges_and_has_their_sums(merchant: SandboxShop) -> None:
    payments = [paid(merchant, 20_000 + i) for i in range(3)]
    (day,) = settled(merchant)
    assert (day["charges"], day["gross"], day["fees"], day["net"]) == (3, "60003.00", "13320.00", "46683.00")
    read = merchant.done("GET", f"settlements/{day['id']}")
    charges = read.pop("items")
    assert read == day
    assert [charge["paymentId"] for charge in charges] == payments
    assert sum(Decimal(charge["amount"]) for charge in charges) == Decimal(day["gross"])
    assert sum(Decimal(charge["fee"]) for charge in charges) == Decimal(day["fees"])
    for charge in charges:
        assert charge["paidAt"] <= charge["settledAt"] <= day["updatedAt"]
    references = {merchant.get(f"/v2/payments/{payment}")["data"]["clientReferenceId"] for payment in payments}
    assert {charge["reference"] for charge in charges} == references


def test_the_charges_of_a_settlement_come_in_pages(merchant: SandboxShop) -> None:
    payments = [paid(merchant) for _ in range(5)]
    (day,) = settled(merchant)
    seen: list[dict[str, Any]] = []
    while page := merchant.done("GET", f"settlements/{day['id']}?limit=2{_after(seen)}")["items"]:
        assert len(page) <= 2
        seen += page
    assert [charge["paymentId"] for charge in seen] == payments


def _after(seen: list[dict[str, Any]]) -> str:
    return f"&after={seen[-1]['chargeId']}" if seen else ""


def test_each_day_has_one_settlement_and_the_newest_comes_first(sole_merchant: SandboxShop) -> None:
    paid(sole_merchant)
    paid(sole_merchant, **QRIS)
    assert [day["settledOn"] for day in settled(sole_merchant)] == ["2025-03-30"]
    # Idul Fitri: the next working day of the banks is the Tuesday of the week after.
    moved = sole_merchant.done("POST", "clock/advance", {"workingDays": 1})
    assert datetime.fromisoformat(moved["now"]).isoformat(timespec="minutes") == "2025-04-08T03:00+00:00"
    assert moved["done"]["settled"] == 1
    paid(sole_merchant)
    days = settled(sole_merchant)
    assert [(day["settledOn"], day["charges"], day["gross"]) for day in days] == [
        ("2025-04-08", 2, "40000.00"),
        ("2025-03-30", 1, "20000.00"),
    ]
    assert sole_merchant.done("GET", "settlements?limit=1")["items"] == days[:1]
    balance = {account["name"]: account["balance"] for account in sole_merchant.done("GET", "ledger")["accounts"]}
    net = sum(Decimal(day["net"]) for day in days)
    assert (
        Decimal(balance[f"merchant/{sole_merchant.merchant_id}/available"])
        == -net - STARTING_BALANCE // MINOR_PER_RUPIAH
    )


@pytest.mark.parametrize(("days", "to"), [(1, "2025-04-08"), (2, "2025-04-09"), (3, "2025-04-10"), (8, "2025-04-17")])
def test_working_days_are_those_of_the_banks(sole_merchant: SandboxShop, days: int, to: str) -> None:
    paid(sole_merchant, **QRIS)
    moved = sole_merchant.done("POST", "clock/advance", {"workingDays": days})
    assert moved["now"].startswith(f"{to}T03:00:0")
    assert [day["settledOn"] for day in settled(sole_merchant)] == ["2025-04-08"]


def test_settlements_of_another_merchant_are_not_found(shared_gateway: Gateway, merchant: SandboxShop) -> None:
    paid(merchant)
    (day,) = settled(merchant)
    neighbour = SandboxShop.of(shared_gateway.new_shop())
    assert settled(neighbour) == []
    for unknown in (day["id"], str(uuid4())):
        assert neighbour.refused("GET", f"settlements/{unknown}") == (404, "not_found", None)


@pytest.mark.parametrize("id_", ["1", "a%00b", "%F0%9F%92%B0", "0195e597-f8e8-7391-92cc-e1c48cb32be"])
def test_an_invalid_id_is_not_found(merchant: SandboxShop, id_: str) -> None:
    assert merchant.refused("GET", f"settlements/{id_}") == (404, "not_found", None)


@pytest.mark.parametrize(
    ("query", "field"),
    [("after=1", "after"), ("after=", "after"), ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit")],
)
def test_an_invalid_page_is_refused(merchant: SandboxShop, query: str, field: str) -> None:
    paid(merchant)
    (day,) = settled(merchant)
    assert merchant.refused("GET", f"settlements/{day['id']}?{query}") == (400, "invalid", field)


def test_settlements_cannot_be_changed(merchant: SandboxShop) -> None:
    for path in ("settlements", f"settlements/{uuid4()}"):
        answered = merchant.request("POST", path, {})
        assert answered.status_code == 405
        assert "GET" in answered.headers["allow"]
