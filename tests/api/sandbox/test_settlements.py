"""Settlements, as a merchant sees its own: what became available on which day, charge by charge."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.services.sandbox_merchant import STARTING_BALANCE
from tests.api.sandbox.explorers import Explorer
from tests.support.gateways import Gateway

QRIS: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}


def paid(explorer: Explorer, rupiah: int = 20_000, **asked: Any) -> str:
    """A payment that is paid; its id. BRI, as in `create`, settles at once."""
    payment = explorer.create(amount={"value": rupiah, "currency": "IDR"}, **asked)["id"]
    assert explorer.simulate(payment, amount={"value": rupiah, "currency": "IDR"}) == "true"
    return payment


def settled(explorer: Explorer) -> list[dict[str, Any]]:
    """Its settlements, newest first, with all settled that is due."""
    explorer.done("POST", "clock/advance", {"seconds": 0})
    return explorer.done("GET", "settlements")["items"]


def test_a_merchant_that_was_never_paid_has_no_settlements(explorer: Explorer) -> None:
    explorer.create()
    assert settled(explorer) == []


def test_a_day_lists_its_charges_and_is_what_they_add_up_to(explorer: Explorer) -> None:
    payments = [paid(explorer, 20_000 + i) for i in range(3)]
    (day,) = settled(explorer)
    assert (day["charges"], day["gross"], day["fees"], day["net"]) == (3, "60003.00", "13320.00", "46683.00")
    read = explorer.done("GET", f"settlements/{day['id']}")
    charges = read.pop("items")
    assert read == day
    assert [charge["paymentId"] for charge in charges] == payments
    assert sum(Decimal(charge["amount"]) for charge in charges) == Decimal(day["gross"])
    assert sum(Decimal(charge["fee"]) for charge in charges) == Decimal(day["fees"])
    for charge in charges:
        assert charge["paidAt"] <= charge["settledAt"] <= day["updatedAt"]
    references = {explorer.get(f"/v2/payments/{payment}")["data"]["clientReferenceId"] for payment in payments}
    assert {charge["reference"] for charge in charges} == references


def test_the_charges_of_a_day_come_in_parts(explorer: Explorer) -> None:
    payments = [paid(explorer) for _ in range(5)]
    (day,) = settled(explorer)
    seen: list[dict[str, Any]] = []
    while page := explorer.done("GET", f"settlements/{day['id']}?limit=2{_after(seen)}")["items"]:
        assert len(page) <= 2
        seen += page
    assert [charge["paymentId"] for charge in seen] == payments


def _after(seen: list[dict[str, Any]]) -> str:
    return f"&after={seen[-1]['chargeId']}" if seen else ""


def test_each_day_has_one_settlement_and_the_newest_comes_first(traveller: Explorer) -> None:
    paid(traveller)
    paid(traveller, **QRIS)
    assert [day["settledOn"] for day in settled(traveller)] == ["2025-03-30"]
    # Idul Fitri: the banks work again on the Tuesday of the week after.
    moved = traveller.done("POST", "clock/advance", {"workingDays": 1})
    assert datetime.fromisoformat(moved["now"]).isoformat(timespec="minutes") == "2025-04-08T03:00+00:00"
    assert moved["done"]["settled"] == 1
    paid(traveller)
    days = settled(traveller)
    assert [(day["settledOn"], day["charges"], day["gross"]) for day in days] == [
        ("2025-04-08", 2, "40000.00"),
        ("2025-03-30", 1, "20000.00"),
    ]
    assert traveller.done("GET", "settlements?limit=1")["items"] == days[:1]
    balance = {account["name"]: account["balance"] for account in traveller.done("GET", "ledger")["accounts"]}
    net = sum(Decimal(day["net"]) for day in days)
    assert (
        Decimal(balance[f"merchant/{traveller.merchant_id}/available"]) == -net - STARTING_BALANCE // MINOR_PER_RUPIAH
    )


@pytest.mark.parametrize(("days", "to"), [(1, "2025-04-08"), (2, "2025-04-09"), (3, "2025-04-10"), (8, "2025-04-17")])
def test_working_days_are_those_of_the_banks(traveller: Explorer, days: int, to: str) -> None:
    paid(traveller, **QRIS)
    moved = traveller.done("POST", "clock/advance", {"workingDays": days})
    assert moved["now"].startswith(f"{to}T03:00:0")
    assert [day["settledOn"] for day in settled(traveller)] == ["2025-04-08"]


def test_nobody_sees_another_merchants_settlements(shared_gateway: Gateway, explorer: Explorer) -> None:
    paid(explorer)
    (day,) = settled(explorer)
    neighbour = Explorer.of(shared_gateway.new_shop())
    assert settled(neighbour) == []
    for unknown in (day["id"], str(uuid4())):
        assert neighbour.refused("GET", f"settlements/{unknown}") == (404, "not_found", None)


@pytest.mark.parametrize("id_", ["1", "a%00b", "%F0%9F%92%B0", "0195e597-f8e8-7391-92cc-e1c48cb32be"])
def test_what_is_no_id_is_not_found(explorer: Explorer, id_: str) -> None:
    assert explorer.refused("GET", f"settlements/{id_}") == (404, "not_found", None)


@pytest.mark.parametrize(
    ("query", "field"),
    [("after=1", "after"), ("after=", "after"), ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit")],
)
def test_a_part_that_makes_no_sense_is_refused(explorer: Explorer, query: str, field: str) -> None:
    paid(explorer)
    (day,) = settled(explorer)
    assert explorer.refused("GET", f"settlements/{day['id']}?{query}") == (400, "invalid", field)


def test_settlements_are_only_read(explorer: Explorer) -> None:
    for path in ("settlements", f"settlements/{uuid4()}"):
        answered = explorer.try_out("POST", path, {})
        assert answered.status_code == 405
        assert "GET" in answered.headers["allow"]
