"""The records of a gateway that runs as a program, read from its database: what an audit and these rules demand of them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from gerbang.clock import SystemClock
from gerbang.db import audit
from gerbang.db.embedded import running_url
from tests.support.invariants import DELIVERIES
from tests.support.services import found_wrong

NEVER = {
    "a charge that was settled before it was due": "SELECT id FROM charges WHERE settled_at < settles_at",
    "a payment without its number": """
        SELECT p.reference, p.state FROM payments p WHERE p.id NOT IN (SELECT payment_id FROM paycodes)""",
    "a delivery that is neither delivered nor waiting": "SELECT id FROM deliveries WHERE state NOT IN ('delivered', 'waiting')",
    "a delivery that no endpoint answered with 200": """
        SELECT id FROM deliveries d WHERE state = 'delivered'
        AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.delivery_id = d.id AND t.status = 200)""",
}
"""What is wrong where all payments are of virtual accounts and the only endpoint is the inbox, besides what an audit finds anywhere."""


@dataclass(frozen=True)
class Records:
    """What the database holds at one instant."""

    payments: dict[str, tuple[str, str]]
    """Reference -> id and number."""
    reports: dict[str, tuple[str, str, int]]
    """The bank's reference -> payment, what became of it, and how many transfers it made."""
    deliveries: dict[str, str]
    """Name of the callback -> its state."""
    received: set[str]
    """Names of the callbacks in the inbox."""
    unsettled: dict[str, list[datetime]]
    """Channel -> when money that was paid by it is still to be settled."""
    settled: int
    """How many charges are settled."""


async def _read(url: str) -> Records:
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=1) as pool,
        pool.acquire() as tx,
        tx.transaction(isolation="repeatable_read", readonly=True),
    ):
        for what, query in (NEVER | DELIVERIES).items():
            assert [tuple(row) for row in await tx.fetch(f"{query} LIMIT 5")] == [], what
        assert found_wrong(await audit.findings(tx, SystemClock().now())) == []
        payments = await tx.fetch("SELECT reference, p.id, number FROM payments p JOIN paycodes c ON payment_id = p.id")
        reports = await tx.fetch(
            """
            SELECT r.reference, r.payment_id, r.outcome, count(t.*) AS transfers
            FROM reports r LEFT JOIN transfers t ON t.report_id = r.id GROUP BY r.merchant_id, r.id
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
    return Records(
        payments={row["reference"]: (str(row["id"]), row["number"]) for row in payments},
        reports={row["reference"]: (str(row["payment_id"]), row["outcome"], row["transfers"]) for row in reports},
        deliveries={f"msg_{row['id'].hex}": row["state"] for row in deliveries},
        received={row["name"] for row in inbox},
        unsettled={row["channel"]: row["times"] for row in unsettled},
        settled=settled,
    )


def read(data: Path) -> Records:
    """The records of the gateway that runs on a folder. Fails where one of the rules does not hold."""
    url = running_url(data)
    assert url is not None
    return read_at(url)


def read_at(url: str) -> Records:
    """The same, of the gateway that works on a database."""
    return asyncio.run(_read(url))
