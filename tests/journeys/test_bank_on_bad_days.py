"""A simulated bank on bad days pays a gateway over the national standard: whatever goes wrong, the accounts of both agree."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.gateways import Databases, Gateway
from tests.support.simulated_banks import both, in_order, numbers

PAID_TO = {"bca": "BCA", "bri": "BRI", "bsi": "BSI", "bnc": "BNC"}
"""The bank of the gateway's virtual accounts that each profile plays."""
MIXED = {
    "duplicate_same_id": 0.15,
    "duplicate_new_id": 0.15,
    "wrong_amount": 0.1,
    "unknown_number": 0.05,
    "foreign_number": 0.05,
    "bad_signature": 0.1,
    "hex_signature": 0.2,
    "clock_behind": 0.05,
    "clock_ahead": 0.05,
    "body_reencoded": 0.3,
    "path_prefix_changed": 0.05,
    "lost_answer": 0.15,
}
PAYMENTS = 25


def arrived(gateway: Gateway) -> dict[str, list[str]]:
    """The outcomes of all money that the gateway has, by number."""
    found: dict[str, list[str]] = {}
    for row in gateway.rows("SELECT number, outcome FROM reports"):
        found.setdefault(row["number"], []).append(row["outcome"])
    return found


@pytest.mark.parametrize("profile", [*PAID_TO])
async def test_a_day_without_faults_is_paid_whole(databases: Databases, tmp_path: Path, profile: str) -> None:
    async with both(databases, tmp_path, profile) as (gateway, bank):
        paid_to = await numbers(gateway.new_shop(), PAID_TO[profile], 3)
        outcomes = [await bank.pay(number) for number in paid_to]
        assert [each["money"] for each in outcomes] == ["paid"] * 3, outcomes
        assert arrived(gateway) == {number: ["booked"] for number in paid_to}
        again = await bank.pay(paid_to[0])
        assert again["money"] in ("not taken", "reversed")
        assert arrived(gateway) == {number: ["booked"] for number in paid_to}
        in_order(gateway)


@pytest.mark.parametrize(("profile", "seed"), [("bca", 1), ("bca", 2), ("bri", 3), ("bsi", 4), ("bnc", 5)])
async def test_money_is_never_booked_and_refused_nor_booked_twice(
    databases: Databases, tmp_path: Path, profile: str, seed: int
) -> None:
    async with both(databases, tmp_path, profile) as (gateway, bank):
        paid_to = await numbers(gateway.new_shop(), PAID_TO[profile], PAYMENTS)
        await bank.put_faults(MIXED, seed=seed)
        outcomes: list[tuple[str, dict[str, Any]]] = []
        for number in paid_to:
            for _ in range(2):  # a customer whose payment did not go through tries again
                outcome = await bank.pay(number, deadline_seconds=5)
                outcomes.append((number, outcome))
                if outcome["money"] == "paid":
                    break
        money = arrived(gateway)
        assert {each for outcomes in money.values() for each in outcomes} <= {"booked"}, "a question leaves no suspense"
        assert max(map(len, money.values())) == 1, "one payment was booked twice"
        paid = {number for number, outcome in outcomes if outcome["money"] == "paid"}
        lost = {
            number for number, outcome in outcomes for each in outcome["exchanges"] if "lost_answer" in each["faults"]
        }
        assert paid <= money.keys(), "the bank has money for us that we have not booked"
        # What was accepted while the answer did not get there is for reconciliation; nothing else may be booked unpaid.
        assert money.keys() <= paid | lost, "money was booked and refused"
        assert len(paid) > PAYMENTS / 3
        in_order(gateway)
