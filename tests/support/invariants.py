"""What must be true of a merchant's rows besides what an audit demands: it needs what was sent, or what was seen before."""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.events import TO_EVERY_PRODUCT
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
    "events": "sequence",
    "deliveries": "sequence, endpoint_id",
    "endpoints": "id",
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
    """The report as the bank gave it."""
    return row["reference"], row["channel"], row["number"], row["amount"]


def money_is_written_once(kept: Rows, money: Collection[Money]) -> None:
    rows = kept["reports"]
    assert Counter(_as_said(row) for row in rows) == dict.fromkeys(money, 1)
    counts = Counter(row["reference"] for row in rows)
    assert {(row["reference"], row["occurrence"]) for row in rows} == {
        (reference, n + 1) for reference, count in counts.items() for n in range(count)
    }
    assert not [row for row in rows if row["occurrence"] > 1 and row["outcome"] == "booked"]
    for report in rows:
        of_it = [row for row in kept["transfers"] if row["report_id"] == report["id"] and row["reason"] != "reversed"]
        lines = [(row["reason"], row["amount"]) for row in of_it]
        assert lines == [("money_in" if report["outcome"] == "booked" else "in_suspense", report["amount"])]
    came = sum(row["amount"] for row in kept["transfers"] if row["reason"] in ("money_in", "in_suspense"))
    assert came == sum(amount for *_, amount in money)


def a_charge_waits_only_while_its_payment_does(kept: Rows) -> None:
    """An audit cannot demand this: time alone ends a payment and not its charge."""
    for payment in kept["payments"]:
        waiting = sum(row["state"] == "waiting" for row in kept["charges"] if row["payment_id"] == payment["id"])
        assert waiting <= (payment["state"] in ("awaiting", "expired"))


def a_confirmation_is_reopened_at_most_once(kept: Rows) -> None:
    times = Counter((row["payment_id"], row["kind"]) for row in kept["events"])
    for payment in kept["payments"]:
        assert 0 <= times[payment["id"], "payment.confirmed"] - times[payment["id"], "payment.reopened"] + 1 <= 2
        assert times[payment["id"], "charge.succeeded"] in (0, 1) or payment["kind"] == "static"


def every_event_is_on_its_way_to_whom_it_concerns(kept: Rows) -> None:
    product_of = {row["id"]: row["product"] for row in kept["payments"]}
    expected = [
        (event["sequence"], endpoint["id"])
        for event in kept["events"]
        for endpoint in kept["endpoints"]
        if event["kind"] in endpoint["kinds"]
        and (event["kind"] in TO_EVERY_PRODUCT or product_of[event["payment_id"]] == endpoint["product"])
    ]
    assert sorted((row["sequence"], row["endpoint_id"]) for row in kept["deliveries"]) == sorted(expected)
    for row in kept["deliveries"]:
        assert row["state"] in ("waiting", "delivered", "parked", "given_up")
        assert (row["state"] == "waiting") == (row["next_at"] is not None)
        assert (row["state"] == "waiting") or row["tries"] > 0
    assert not [row for row in kept["tries"] if row["error"] == NO_WORDS]
