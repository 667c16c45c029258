"""When each bank is next looked at for payments that it has not reported, and up to where that was done."""

from datetime import datetime

from gerbang.db import Tx
from gerbang.db.tables import INQUIRIES
from gerbang.domain.inquiries import INQUIRY, Reply
from gerbang.domain.reports import PAYMENT

COLUMNS = ", ".join(f"i.{column}" for column in INQUIRIES.types)


async def claim(tx: Tx, connection: str, now: datetime, next_at: datetime) -> tuple[bool, datetime | None]:
    """Whether a connection's turn has come, and up to where it was looked at before. It is then the caller's until `next_at`."""
    row = await tx.fetchrow(
        """
        INSERT INTO payment_lookups AS kept (connection, next_at) VALUES ($1, $3)
        ON CONFLICT (connection) DO UPDATE SET next_at = excluded.next_at WHERE kept.next_at <= $2
        RETURNING looked_until
        """,
        *(connection, now, next_at),
    )
    return row is not None, None if row is None else row["looked_until"]


async def reached(tx: Tx, connection: str, until: datetime, next_at: datetime) -> None:
    """Writes down up to where it was looked at, and when it is looked at again."""
    await tx.execute(
        "UPDATE payment_lookups SET looked_until = $2, next_at = $3 WHERE connection = $1", connection, until, next_at
    )


async def unpaid(tx: Tx, connection: str, since: datetime, until: datetime, most: int) -> list[Reply]:
    """Answers that a number may be paid, given after one instant and up to another, of which no payment has come; oldest first.

    Some more than `most` where several were given in one instant.
    """
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM inquiries i
        WHERE i.connection = $1 AND i.service = '{INQUIRY}' AND i.verdict = 'payable' AND i.answered_at > $2 AND i.answered_at <= $3
            AND NOT EXISTS (
                SELECT FROM inquiries p
                WHERE p.connection = i.connection AND p.service = '{PAYMENT}' AND p.request_id = i.request_id
                    AND p.verdict = 'accepted' OFFSET 0
            ) AND NOT EXISTS (
                SELECT FROM report_names n
                WHERE n.connection = i.connection AND n.service = '{PAYMENT}' AND n.reference = i.request_id OFFSET 0
            )
        ORDER BY i.answered_at FETCH FIRST $4 ROWS WITH TIES
        """,
        *(connection, since, until, most),
    )
    return [INQUIRIES.read(row) for row in rows]
