"""What only a sandbox keeps: how far its clock was moved, and what its built-in receiver has heard."""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx

CLOCK_CHANNEL = "gerbang_clock"
INBOX_LENGTH_MAX = 1000


class Received(msgspec.Struct, frozen=True):
    """A request that the built-in receiver took: `headers` as JSON text."""

    id: int
    received_at: datetime
    path: str
    headers: str
    body: bytes


async def clock_offset(tx: Tx) -> float | None:
    """How many seconds the sandbox's clock is ahead of the machine's; None if it was never set."""
    return await tx.fetchval("SELECT offset_seconds FROM sandbox_clock")


async def set_clock_offset(tx: Tx, seconds: float) -> None:
    """Keeps the clock's offset, which never shrinks, and tells every other process, once this is committed."""
    await tx.execute(
        """
        INSERT INTO sandbox_clock (offset_seconds) VALUES ($1)
        ON CONFLICT (only_row) DO UPDATE SET offset_seconds = greatest(sandbox_clock.offset_seconds, excluded.offset_seconds)
        """,
        seconds,
    )
    await tx.execute("SELECT pg_notify($1, $2)", CLOCK_CHANNEL, str(seconds))


async def receive(tx: Tx, merchant_id: UUID, at: datetime, path: str, headers: str, body: bytes) -> None:
    """Puts a request into a merchant's inbox. The oldest make room."""
    new = await tx.fetchval(
        """
        INSERT INTO inbox (merchant_id, received_at, path, headers, body) VALUES ($1, $2, $3, $4, $5) RETURNING id
        """,
        merchant_id,
        at,
        path,
        headers,
        body,
    )
    if new % 100 == 0:
        await tx.execute(
            """
            DELETE FROM inbox WHERE merchant_id = $1 AND id <= (
                SELECT id FROM inbox WHERE merchant_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)
            """,
            merchant_id,
            INBOX_LENGTH_MAX,
        )


async def received(tx: Tx, merchant_id: UUID, most: int) -> list[Received]:
    """What a merchant's inbox holds, newest first."""
    rows = await tx.fetch(
        """
        SELECT id, received_at, path, headers, body FROM inbox WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2
        """,
        merchant_id,
        most,
    )
    return [Received(row["id"], row["received_at"], row["path"], row["headers"], row["body"]) for row in rows]


async def empty_inbox(tx: Tx, merchant_id: UUID) -> int:
    """Empties a merchant's inbox, and returns how much was in it."""
    done = await tx.execute("DELETE FROM inbox WHERE merchant_id = $1", merchant_id)
    return int(done.split()[-1])
