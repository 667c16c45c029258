"""What must be true of a merchant's rows besides what an audit demands: it needs what was sent, or what was seen before."""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.services.deliveries import NO_WORDS
from tests.support.services import Services

Money = tuple[str, str, str, str, int]
"""What a bank said: reference, connection, channel, number, amount."""
Rows = dict[str, list[dict[str, Any]]]
"""What the database holds of one merchant, by table."""

TABLES = {
    "payments": "id, kind, state",
    "charges": "id, payment_id, state",
    "paycodes": "payment_id, connection, channel, number",
    "reports": "id, connection, reference, occurrence, channel, number, amount, outcome",
    "transfers": "report_id, reason, amount",
    "events": "payment_id, kind",
}
"""What is looked at, in the order in which it was written."""
_ORDER = {"paycodes": "created_at", "reports": "received_at", "events": "sequence"}

DELIVERIES = {
    "an event that has not exactly one delivery to each of its endpoints": """
        SELECT e.merchant_id || ' ' || e.sequence FROM events e LEFT JOIN payments p ON p.id = e.payment_id
        JOIN endpoints n ON n.merchant_id = e.merchant_id AND e.kind = ANY(n.kinds)
            AND (e.kind = 'money.in_suspense' OR n.product = coalesce(
                e.snapshot -> 'refund' ->> 'product', p.product, e.snapshot -> 'payout' ->> 'product'))
        LEFT JOIN deliveries d
            ON d.merchant_id = e.merchant_id AND d.sequence = e.sequence AND d.endpoint_id = n.id
        GROUP BY e.merchant_id, e.sequence, n.id HAVING count(d.*) <> 1""",
    "a delivery of an event that its endpoint does not receive": """
        SELECT d.id::text FROM deliveries d
        LEFT JOIN events e USING (merchant_id, sequence)
        LEFT JOIN endpoints n ON n.id = d.endpoint_id AND n.merchant_id = d.merchant_id
        LEFT JOIN payments p ON p.id = e.payment_id
        WHERE (e.kind = ANY(n.kinds)) IS NOT TRUE OR (
            e.kind <> 'money.in_suspense' AND coalesce(e.snapshot -> 'refund' ->> 'product', p.product) <> n.product)""",
    "a delivery that waits for nothing, or ended without a try": """
        SELECT id::text FROM deliveries
        WHERE (state = 'waiting') <> (next_at IS NOT NULL) OR (state <> 'waiting' AND tries = 0)""",
    "a callback that could not be put into words": f"SELECT delivery_id::text FROM tries WHERE error = '{NO_WORDS}'",
}
"""What is wrong with deliveries in any database, by a query that finds it."""


async def rows_of(here: Services, merchant_id: UUID) -> Rows:
    """What the database holds of a merchant."""
    async with here.world.db.reading() as tx:
        return {
            table: [
                dict(row)
                for row in await tx.fetch(
                    f"SELECT {columns} FROM {table} WHERE merchant_id = $1 ORDER BY {_ORDER.get(table, 'id')}",
                    merchant_id,
                )
            ]
            for table, columns in TABLES.items()
        }


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
MAY_BECOME["payments"]["expired"].add("inactive")  # a static code that was open before the end, as money said later


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
    return row["reference"], row["connection"], row["channel"], row["number"], row["amount"]


def money_is_written_once(kept: Rows, money: Collection[Money]) -> None:
    rows = kept["reports"]
    assert Counter(_as_said(row) for row in rows) == dict.fromkeys(money, 1)
    counts = Counter((row["connection"], row["reference"]) for row in rows)
    assert {(row["connection"], row["reference"], row["occurrence"]) for row in rows} == {
        (*name, n + 1) for name, count in counts.items() for n in range(count)
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
