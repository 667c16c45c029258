"""The books of a gateway that runs as a program, read past it: what is in them, and what must never be."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from gerbang.clock import SystemClock
from gerbang.db import audit
from gerbang.db.embedded import running_url
from tests.support.services import found_wrong

NEVER = {
    "paid money that does not know when it is settled, or is settled without a settlement": """
        SELECT id FROM charges WHERE (state = 'succeeded') <> (settles_at IS NOT NULL)
        OR (settled_at IS NULL) <> (settlement_id IS NULL) OR settled_at < settles_at""",
    "a settlement that is not what its charges add up to": """
        SELECT s.id FROM settlements s LEFT JOIN charges c ON c.settlement_id = s.id AND c.merchant_id = s.merchant_id
        GROUP BY s.id HAVING (count(c.*), coalesce(sum(c.amount), 0), coalesce(sum(c.fee), 0)) <> (s.charges, s.gross, s.fees)
        OR bool_or((c.settled_at AT TIME ZONE 'Asia/Jakarta')::date <> s.settled_on)""",
    "a merchant to whom more or less is pending than is paid and not settled": """
        SELECT m.id FROM merchants m LEFT JOIN charges c
            ON c.merchant_id = m.id AND c.state = 'succeeded' AND c.settled_at IS NULL
        LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/pending'
        GROUP BY m.id, a.id HAVING coalesce(a.balance, 0) <> -coalesce(sum(c.amount), 0)""",
    "a merchant who may withdraw more or less than was settled and not paid out": """
        SELECT m.id FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/available'
        LEFT JOIN (SELECT merchant_id, sum(gross - fees) AS net FROM settlements GROUP BY merchant_id) s
            ON s.merchant_id = m.id
        LEFT JOIN (SELECT merchant_id, sum(amount + fee) AS gone FROM payouts WHERE state <> 'failed' GROUP BY merchant_id) o
            ON o.merchant_id = m.id
        LEFT JOIN transfers b ON b.cause_id = m.id AND b.reason = 'starting_balance'
        WHERE coalesce(a.balance, 0) <> coalesce(o.gone, 0) - coalesce(s.net, 0) - coalesce(b.amount, 0)""",
    "a payment without its number": """
        SELECT p.reference FROM payments p WHERE p.id NOT IN (SELECT payment_id FROM paycodes)""",
    "money that was owed without its one event": """
        SELECT r.reference FROM reports r LEFT JOIN events e
            ON e.charge_id = r.charge_id AND e.kind IN ('payment.paid', 'charge.succeeded')
        WHERE r.outcome = 'booked' GROUP BY r.reference HAVING count(e.*) <> 1""",
    "money that was set aside without its one event": """
        SELECT r.reference FROM reports r LEFT JOIN events e
            ON e.kind = 'money.in_suspense' AND e.snapshot -> 'report' ->> 'id' = r.id::text
        WHERE r.outcome <> 'booked' GROUP BY r.reference HAVING count(e.*) <> 1""",
    "news that is not delivered exactly once": """
        SELECT e.sequence FROM events e LEFT JOIN payments p ON p.id = e.payment_id
        JOIN endpoints n ON n.merchant_id = e.merchant_id AND e.kind = ANY(n.kinds)
            AND (e.kind = 'money.in_suspense' OR n.product = coalesce(p.product, e.snapshot -> 'payout' ->> 'product'))
        LEFT JOIN deliveries d
            ON d.merchant_id = e.merchant_id AND d.sequence = e.sequence AND d.endpoint_id = n.id
        GROUP BY e.merchant_id, e.sequence HAVING count(d.*) <> 1""",
    "a delivery of what is told to nobody": """
        SELECT d.id FROM deliveries d JOIN events e USING (merchant_id, sequence) JOIN endpoints n ON n.id = d.endpoint_id
        LEFT JOIN payments p ON p.id = e.payment_id
        WHERE e.kind <> ALL(n.kinds) OR (e.kind <> 'money.in_suspense' AND p.product <> n.product)""",
    "a delivery that is neither done nor due": "SELECT id FROM deliveries WHERE state NOT IN ('delivered', 'waiting')",
    "a delivery that nobody has heard": """
        SELECT id FROM deliveries d WHERE state = 'delivered'
        AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.delivery_id = d.id AND t.status = 200)""",
}
"""What there must be none of here, besides what an audit finds anywhere: each query finds it."""


@dataclass(frozen=True)
class Books:
    """What the database holds at one instant."""

    payments: dict[str, tuple[str, str]]
    """Reference -> id and number."""
    reports: dict[str, tuple[str, str, int]]
    """The bank's reference -> payment, what became of it, and how many transfers it made."""
    deliveries: dict[str, str]
    """Name of the callback -> its state."""
    heard: set[str]
    """Names of the callbacks in the inbox."""
    unsettled: dict[str, list[datetime]]
    """Channel -> when money that was paid by it is still to be settled."""
    settled: int
    """How many charges are settled."""


async def _read(url: str) -> Books:
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=1) as pool,
        pool.acquire() as tx,
        tx.transaction(isolation="repeatable_read", readonly=True),
    ):
        for what, query in NEVER.items():
            assert [tuple(row) for row in await tx.fetch(f"{query} LIMIT 5")] == [], what
        assert found_wrong(await audit.findings(tx, SystemClock().now())) == []
        payments = await tx.fetch("SELECT reference, p.id, number FROM payments p JOIN paycodes c ON payment_id = p.id")
        reports = await tx.fetch(
            """
            SELECT r.reference, r.payment_id, r.outcome, count(t.*) AS transfers
            FROM reports r LEFT JOIN transfers t ON t.report_id = r.id GROUP BY r.id
            """
        )
        deliveries = await tx.fetch("SELECT id, state FROM deliveries")
        unsettled = await tx.fetch(
            """
            SELECT channel, array_agg(settles_at) AS times FROM charges
            WHERE state = 'succeeded' AND settled_at IS NULL GROUP BY channel
            """
        )
        settled = await tx.fetchval("SELECT count(*) FROM charges WHERE settled_at IS NOT NULL")
        inbox = await tx.fetch("SELECT headers ->> 'webhook-id' AS name FROM inbox")
    return Books(
        payments={row["reference"]: (str(row["id"]), row["number"]) for row in payments},
        reports={row["reference"]: (str(row["payment_id"]), row["outcome"], row["transfers"]) for row in reports},
        deliveries={f"msg_{row['id'].hex}": row["state"] for row in deliveries},
        heard={row["name"] for row in inbox},
        unsettled={row["channel"]: row["times"] for row in unsettled},
        settled=settled,
    )


def read(data: Path) -> Books:
    """The books of the gateway that is running on a folder, once it is sure that they are in order."""
    url = running_url(data)
    assert url is not None
    return asyncio.run(_read(url))
