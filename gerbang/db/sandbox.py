"""What only a sandbox keeps: how far its clock was moved, and the callbacks that its inbox has received."""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx

CLOCK_CHANNEL = "gerbang_clock"
INBOX_LENGTH_MAX = 1000
INBOX_BYTES_MAX = 64_000_000
"""Bodies, headers and paths that an inbox holds; both give or take what came since it was last shortened."""
SHORTENED_EVERY = 100
LARGE_BYTES = INBOX_BYTES_MAX // INBOX_LENGTH_MAX
ANSWER_BYTES_MAX = 4_000_000
"""Bodies, headers and paths that one answer shows, give or take one request."""
_BYTES = "octet_length(body) + octet_length(headers::text) + octet_length(path)"


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
    """Keeps the clock's offset, which never shrinks, and notifies every other process, once this is committed."""
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
    size, held = await tx.fetchrow(
        f"""
        INSERT INTO inbox (merchant_id, received_at, path, headers, body) VALUES ($1, $2, $3, $4, $5)
        RETURNING {_BYTES}, (SELECT count(*) FROM inbox WHERE merchant_id = $1)
        """,
        merchant_id,
        at,
        path,
        headers,
        body,
    ) or (0, 0)
    if held < INBOX_LENGTH_MAX + SHORTENED_EVERY and size < LARGE_BYTES:
        return
    await tx.execute(
        f"""
        DELETE FROM inbox WHERE merchant_id = $1 AND id <= (
            SELECT max(id) FROM (
                SELECT id, row_number() OVER newest AS place, sum({_BYTES}) OVER newest AS bytes
                FROM inbox WHERE merchant_id = $1 WINDOW newest AS (ORDER BY id DESC)
            ) held WHERE place > $2 OR bytes > $3)
        """,
        merchant_id,
        INBOX_LENGTH_MAX,
        INBOX_BYTES_MAX,
    )


async def received(tx: Tx, merchant_id: UUID, most: int) -> list[Received]:
    """What a merchant's inbox holds, newest first; no more than one answer can carry."""
    rows = await tx.fetch(
        f"""
        SELECT id, received_at, path, headers, body FROM (
            SELECT *, sum({_BYTES}) OVER (ORDER BY id DESC) - ({_BYTES}) AS bytes_before
            FROM inbox WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2
        ) newest WHERE bytes_before < $3 ORDER BY id DESC
        """,
        merchant_id,
        most,
        ANSWER_BYTES_MAX,
    )
    return [Received(row["id"], row["received_at"], row["path"], row["headers"], row["body"]) for row in rows]


async def empty_inbox(tx: Tx, merchant_id: UUID) -> int:
    """Empties a merchant's inbox, and returns how much was in it."""
    done = await tx.execute("DELETE FROM inbox WHERE merchant_id = $1", merchant_id)
    return int(done.split()[-1])
