"""What must always be true of a merchant's rows, whatever happened and in whichever order. Each function demands one thing."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.events import TO_EVERY_PRODUCT
from gerbang.domain.ledger import available, pending
from gerbang.services.deliveries import NO_WORDS
from tests.support.services import Services

Money = tuple[str, str, str, int]
"""What a bank said: reference, channel, number, amount."""
Rows = dict[str, list[dict[str, Any]]]
"""What the database holds of one merchant, by table."""

TABLES = {
    "payments": "id",
    "charges": "id",
    "paycodes": "created_at",
    "reports": "received_at",
    "transfers": "id",
    "settlements": "settled_on",
    "events": "sequence",
    "deliveries": "sequence, endpoint_id",
    "endpoints": "id",
    "counters": "merchant_id",
}
"""What is looked at, and in which order."""


async def rows_of(here: Services, merchant_id: UUID) -> Rows:
    """All that the database holds of a merchant."""
    kept = {
        table: await here.rows(f"SELECT * FROM {table} WHERE merchant_id = $1 ORDER BY {by}", merchant_id)
        for table, by in TABLES.items()
    }
    kept["tries"] = await here.rows("SELECT error FROM tries")
    kept["accounts"] = await here.rows(
        "SELECT name, balance FROM accounts WHERE name LIKE $1", f"merchant/{merchant_id}/%"
    )
    return kept


def _reachable(moves: dict[str, dict[Any, Any]]) -> dict[str, set[str]]:
    """Which states can follow which, in any number of moves."""
    after: dict[str, set[str]] = {}
    for table in moves.values():
        for start, end in table.items():
            after.setdefault(start, set()).add(end)
    for _ in range(len(after)):
        after = {start: ends.union(*(after.get(end, set()) for end in ends)) for start, ends in after.items()}
    return after


MAY_BECOME = {"payments": _reachable(payment_rules.MOVES), "charges": _reachable(charge_rules.MOVES)}


def states_never_go_back(kept: Rows, states: dict[UUID, str]) -> None:
    """`states` is what was seen last, and is brought up to date."""
    for table, may_become in MAY_BECOME.items():
        for row in kept[table]:
            state: str = row["state"]
            before = states.get(row["id"], state)
            assert state == before or state in may_become.get(before, set()), (before, state)
            states[row["id"]] = state


def _as_said(row: dict[str, Any]) -> Money:
    """The report as the bank gave it: other money under a used reference is kept under a name of its own."""
    return row["reference"].partition("#")[0], row["channel"], row["number"], row["amount"]


def money_is_written_once(kept: Rows, money: Collection[Money]) -> None:
    rows = kept["reports"]
    assert Counter(_as_said(row) for row in rows) == dict.fromkeys(money, 1)
    renamed = {row["id"] for row in rows if "#" in row["reference"]}
    assert sorted(row["reference"] for row in rows if row["id"] not in renamed) == sorted(
        {reference for reference, *_ in money}
    )
    assert not [row for row in rows if row["id"] in renamed and row["outcome"] == "booked"]
    for report in rows:
        lines = [(row["reason"], row["amount"]) for row in kept["transfers"] if row["report_id"] == report["id"]]
        assert lines == [("money_in" if report["outcome"] == "booked" else "in_suspense", report["amount"])]
    came = sum(row["amount"] for row in kept["transfers"] if row["reason"] in ("money_in", "in_suspense"))
    assert came == sum(amount for *_, amount in money)


def a_paid_payment_has_one_charge_that_succeeded(kept: Rows) -> None:
    booked = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] == "booked")
    for payment in kept["payments"]:
        of = [row for row in kept["charges"] if row["payment_id"] == payment["id"]]
        succeeded = [row for row in of if row["state"] == "succeeded"]
        assert len(succeeded) == booked[payment["id"]]
        if payment["kind"] == "single":
            assert len(succeeded) == (payment["state"] == "paid")
        waiting = sum(row["state"] == "waiting" for row in of)
        # Time alone is not written down in a charge; whatever else ends a payment ends its charge too.
        assert waiting <= (payment["state"] in ("awaiting", "expired"))


def a_charge_is_settled_once_with_its_fee(kept: Rows) -> None:
    settled: list[tuple[UUID, UUID, str, int]] = []
    for row in kept["charges"]:
        assert (row["state"] == "succeeded") == (row["settles_at"] is not None)
        assert (row["settled_at"] is None) == (row["settlement_id"] is None)
        if row["settled_at"] is not None:
            assert row["state"] == "succeeded"
            parts = {"settled": row["amount"], "fee": row["fee"] - row["vat"], "vat": row["vat"]}
            settled += [(row["payment_id"], row["id"], reason, amount) for reason, amount in parts.items() if amount]
    moved = [
        (row["payment_id"], row["cause_id"], row["reason"], row["amount"])
        for row in kept["transfers"]
        if row["reason"] in ("settled", "fee", "vat")
    ]
    assert sorted(moved) == sorted(settled)


def settlements_add_up(kept: Rows, merchant_id: UUID) -> None:
    """To their charges, to what was transferred, and to the merchant's balances."""
    for day in kept["settlements"]:
        of = [row for row in kept["charges"] if row["settlement_id"] == day["id"]]
        assert of, "a settlement of nothing"
        sums = len(of), sum(row["amount"] for row in of), sum(row["fee"] for row in of)
        assert (day["charges"], day["gross"], day["fees"]) == sums
    gross, fees = (sum(day[what] for day in kept["settlements"]) for what in ("gross", "fees"))
    moved: Counter[str] = Counter()
    for row in kept["transfers"]:
        moved[row["reason"]] += row["amount"]
    assert (moved["settled"], moved["fee"] + moved["vat"]) == (gross, fees)
    unsettled = [row for row in kept["charges"] if row["state"] == "succeeded" and row["settled_at"] is None]
    owed = {row["name"]: -row["balance"] for row in kept["accounts"]}
    assert owed.get(pending(merchant_id), 0) == sum(row["amount"] for row in unsettled)
    assert owed.get(available(merchant_id), 0) == gross - fees


def numbers_are_held_by_one(kept: Rows, now: datetime) -> None:
    held = Counter((row["channel"], row["number"]) for row in kept["paycodes"] if row["held"])
    assert not [number for number, count in held.items() if count > 1]
    for payment in kept["payments"]:
        ends = payment["expires_at"]
        if payment["state"] in ("awaiting", "active") and (ends is None or ends > now):
            assert [row for row in kept["paycodes"] if row["payment_id"] == payment["id"] and row["held"]]


def every_change_has_one_event(kept: Rows) -> None:
    events = kept["events"]
    assert [row["sequence"] for row in events] == list(range(1, len(events) + 1))
    assert kept["counters"][0]["events"] == len(events)
    assert kept["counters"][0]["payments"] == len(kept["payments"])
    told = Counter((row["payment_id"], row["kind"]) for row in events)
    booked = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] == "booked")
    aside = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] != "booked")
    for payment in kept["payments"]:
        id_, state, static = payment["id"], payment["state"], payment["kind"] == "multiple"
        assert told[id_, "payment.created"] == 1
        assert told[id_, "payment.paid"] == (state == "paid")
        assert told[id_, "payment.cancelled"] == (state == "cancelled")
        # Money that was paid in time may be heard of after the end was told.
        assert told[id_, "payment.expired"] in ((0, 1) if state == "paid" else (state in ("expired", "inactive"),))
        assert told[id_, "charge.succeeded"] == (booked[id_] if static else 0)
        assert told[id_, "money.in_suspense"] == aside[id_]
        assert 0 <= told[id_, "payment.confirmed"] - told[id_, "payment.reopened"] + 1 <= 2
    settled = Counter(row["charge_id"] for row in events if row["kind"] == "charge.settled")
    assert settled == Counter(row["id"] for row in kept["charges"] if row["settled_at"] is not None)


def every_event_is_on_its_way_to_whom_it_concerns(kept: Rows) -> None:
    product_of = {row["id"]: row["product"] for row in kept["payments"]}
    to_be_told = [
        (event["sequence"], endpoint["id"])
        for event in kept["events"]
        for endpoint in kept["endpoints"]
        if event["kind"] in endpoint["kinds"]
        and (event["kind"] in TO_EVERY_PRODUCT or product_of[event["payment_id"]] == endpoint["product"])
    ]
    assert sorted((row["sequence"], row["endpoint_id"]) for row in kept["deliveries"]) == sorted(to_be_told)
    for row in kept["deliveries"]:
        assert row["state"] in ("waiting", "delivered", "parked", "given_up")
        assert (row["state"] == "waiting") == (row["next_at"] is not None)
        assert (row["state"] == "waiting") or row["tries"] > 0
    assert not [row for row in kept["tries"] if row["error"] == NO_WORDS]
