"""How answers are kept for requests that may be sent again under the same key."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays


class Asked(msgspec.Struct, frozen=True):
    """The names under which a request would create a payment."""

    merchant_id: UUID
    scope: str
    reference: str
    key: str | None


class Repeated(msgspec.Struct, frozen=True):
    """What is known of a request's names: the answer that is kept under its key, or a reference that is taken."""

    fingerprint: bytes | None
    """None: its reference is taken."""
    answer: bytes | None
    request_id: UUID | None = None
    """The request that a partner has not answered, or has declined, where there is no answer."""


async def known(tx: Tx, asked: Sequence[Asked], now: datetime) -> dict[int, Repeated]:
    """Which of these requests repeat a key or a reference, by their places in the list, as one look at the database shows."""
    rows = await tx.fetch(
        """
        SELECT n.place - 1 AS place, n.merchant_id, n.key, k.fingerprint, k.answer, k.expires_at, k.request_id,
               p.id AS payment_id
        FROM unnest($1::asked_names[]) WITH ORDINALITY AS n(merchant_id, scope, reference, key, place)
        LEFT JOIN LATERAL (SELECT fingerprint, answer, expires_at, request_id FROM idempotency_keys
                           WHERE merchant_id = n.merchant_id AND key = n.key LIMIT 1) k ON true
        LEFT JOIN LATERAL (SELECT id FROM payments
                           WHERE merchant_id = n.merchant_id AND scope = n.scope AND reference = n.reference LIMIT 1) p ON true
        WHERE k.expires_at IS NOT NULL OR p.id IS NOT NULL
        """,
        [(a.merchant_id, a.scope, a.reference, a.key) for a in asked],
    )
    found: dict[int, Repeated] = {}
    for row in rows:
        if row["expires_at"] is not None and row["expires_at"] > now:
            found[row["place"]] = Repeated(row["fingerprint"], row["answer"], row["request_id"])
        elif row["payment_id"] is not None:
            found[row["place"]] = Repeated(None, None)
    # Keys whose time is over and which no worker has deleted yet are free.
    if over := sorted((row["merchant_id"], row["key"]) for row in rows if row["place"] not in found):
        await tx.execute(
            """
            DELETE FROM idempotency_keys k USING unnest($1::uuid[], $2::text[]) AS n(merchant_id, key)
            WHERE k.merchant_id = n.merchant_id AND k.key = n.key AND k.expires_at <= $3
            """,
            *arrays(over),
            now,
        )
    return found


async def hold(tx: Tx, keys: Sequence[tuple[UUID, str]]) -> None:
    """Locks these (merchant, key) pairs until the end of the transaction."""
    if keys:
        await tx.execute(
            """
            SELECT FROM idempotency_keys k JOIN unnest($1::uuid[], $2::text[]) AS n(merchant_id, key) USING (merchant_id, key)
            ORDER BY merchant_id, key FOR NO KEY UPDATE OF k
            """,
            *arrays(keys),
        )


async def forget(tx: Tx, now: datetime, most: int) -> int:
    """Deletes, in a transaction, up to `most` of what is past its time, and returns how much."""
    # A BRIN index shows only in which parts of the table to look.
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
