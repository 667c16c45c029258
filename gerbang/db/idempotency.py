"""How answers are kept for requests that may be sent again under the same key."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays


class Kept(msgspec.Struct, frozen=True):
    """An answer kept under a merchant's key, with the fingerprint of the request that it answered."""

    merchant_id: UUID
    key: str
    fingerprint: bytes
    answer: bytes
    expires_at: datetime


async def find(tx: Tx, keys: Sequence[tuple[UUID, str]], now: datetime) -> dict[tuple[UUID, str], Kept]:
    """What is kept under these (merchant, key) pairs and has not been forgotten yet."""
    rows = await tx.fetch(
        """
        SELECT k.merchant_id, k.key, k.fingerprint, k.answer, k.expires_at
        FROM unnest($1::uuid[], $2::text[]) AS asked(merchant_id, key)
        CROSS JOIN LATERAL (SELECT * FROM idempotency_keys
                            WHERE merchant_id = asked.merchant_id AND key = asked.key LIMIT 1) k
        WHERE k.expires_at > $3
        """,
        *arrays(keys),
        now,
    )
    return {
        (row["merchant_id"], row["key"]): Kept(
            row["merchant_id"], row["key"], row["fingerprint"], row["answer"], row["expires_at"]
        )
        for row in rows
    }


async def keep(tx: Tx, answers: Sequence[Kept], now: datetime) -> set[tuple[UUID, str]]:
    """Keeps answers and returns the keys that were free (or forgotten); somebody was faster with the others."""
    if not answers:
        return set()
    rows = [
        (a.merchant_id, a.key, a.fingerprint, a.answer, a.expires_at)
        for a in sorted(answers, key=lambda a: (a.merchant_id, a.key))
    ]
    kept = await tx.fetch(
        """
        INSERT INTO idempotency_keys AS k (merchant_id, key, fingerprint, answer, expires_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::timestamptz[])
        ON CONFLICT (merchant_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at
        WHERE k.expires_at <= $6
        RETURNING merchant_id, key
        """,
        *arrays(rows),
        now,
    )
    return {(row["merchant_id"], row["key"]) for row in kept}


async def delete(tx: Tx, keys: Iterable[tuple[UUID, str]]) -> None:
    """Takes back answers that this same transaction has kept."""
    rows = list(keys)
    if rows:
        await tx.execute(
            "DELETE FROM idempotency_keys WHERE (merchant_id, key) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))",
            *arrays(rows),
        )


async def forget(tx: Tx, now: datetime, most: int) -> int:
    """Deletes, in a transaction, up to `most` of what is past its time, and returns how much."""
    # A summary tells only in which parts of the table to look.
    await tx.execute("SELECT set_config('enable_bitmapscan', 'on', true)")
    done = await tx.execute(
        """
        DELETE FROM idempotency_keys
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        """,
        now,
        most,
    )
    return int(done.split()[-1])
