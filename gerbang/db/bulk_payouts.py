"""Reading bulk payouts and what their lines come to. `gerbang.db.changes` writes them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.money_out_tables import BULK_PAYOUTS
from gerbang.db.tables import PAYOUTS
from gerbang.domain.bulk_payouts import CANCELLED, BulkPayout, Totals
from gerbang.domain.payouts import Payout

COLUMNS = BULK_PAYOUTS.columns
LINE_COLUMNS = PAYOUTS.columns


async def by_id(tx: Tx, merchant_id: UUID, id_: UUID) -> BulkPayout | None:
    """A merchant's bulk payout."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM bulk_payouts WHERE merchant_id = $1 AND id = $2", merchant_id, id_)
    return None if row is None else BULK_PAYOUTS.read(row)


async def locked(tx: Tx, merchant_id: UUID, id_: UUID) -> BulkPayout | None:
    """A merchant's bulk payout, locked until the end of the transaction."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM bulk_payouts WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE", merchant_id, id_
    )
    return None if row is None else BULK_PAYOUTS.read(row)


async def due(tx: Tx, now: datetime, most: int) -> list[BulkPayout]:
    """Those whose balance must be looked at again, the longest due first."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM bulk_payouts WHERE next_at <= $1 ORDER BY next_at LIMIT $2", now, most
    )
    return [BULK_PAYOUTS.read(row) for row in rows]


async def lines(tx: Tx, merchant_id: UUID, bulk_id: UUID) -> list[Payout]:
    """The lines of a bulk payout in the order of their request."""
    rows = await tx.fetch(
        f"SELECT {LINE_COLUMNS} FROM payouts WHERE cause_id = $1 AND merchant_id = $2 ORDER BY id",
        bulk_id,
        merchant_id,
    )
    return [PAYOUTS.read(row) for row in rows]


async def locked_lines(tx: Tx, merchant_id: UUID, bulk_id: UUID) -> list[Payout]:
    """The same, locked until the end of the transaction."""
    rows = await tx.fetch(
        f"""SELECT {LINE_COLUMNS} FROM payouts WHERE cause_id = $1 AND merchant_id = $2 ORDER BY id
        FOR NO KEY UPDATE""",
        bulk_id,
        merchant_id,
    )
    return [PAYOUTS.read(row) for row in rows]


async def totals(tx: Tx, merchant_id: UUID, bulk_id: UUID, but: UUID | None = None) -> Totals:
    """How many lines are in which state, and their amounts; all but one, where an id is given."""
    row = await tx.fetchrow(
        """
        SELECT count(*) FILTER (WHERE ended_at IS NULL),
               coalesce(sum(amount) FILTER (WHERE ended_at IS NULL), 0)::bigint,
               count(*) FILTER (WHERE state = 'completed'),
               coalesce(sum(amount) FILTER (WHERE state = 'completed'), 0)::bigint,
               count(*) FILTER (WHERE state = 'failed' AND NOT given_up),
               coalesce(sum(amount) FILTER (WHERE state = 'failed' AND NOT given_up), 0)::bigint,
               count(*) FILTER (WHERE state = 'failed' AND given_up),
               coalesce(sum(amount) FILTER (WHERE state = 'failed' AND given_up), 0)::bigint
        FROM (SELECT state, amount, ended_at, sent_at IS NULL AND failure_reason = $4 AS given_up FROM payouts
              WHERE cause_id = $1 AND merchant_id = $2 AND id IS DISTINCT FROM $3) line
        """,
        bulk_id,
        merchant_id,
        but,
        CANCELLED,
    )
    assert row is not None
    return Totals(*row)


async def taken_references(tx: Tx, merchant_id: UUID, references: Sequence[str]) -> set[str]:
    """Which of these references a payout of the merchant has."""
    rows = await tx.fetch(
        """
        SELECT asked.reference FROM unnest($2::text[]) AS asked(reference)
        CROSS JOIN LATERAL (SELECT id FROM payouts WHERE reference = asked.reference AND merchant_id = $1 AND kind = $3
                            LIMIT 1) there
        """,
        merchant_id,
        list(references),
        "payout",
    )
    return {row["reference"] for row in rows}


async def ordered_since(tx: Tx, merchant_id: UUID, since: datetime) -> int:
    """What payouts that were ordered since an instant and have not failed come to, in minor units."""
    found = await tx.fetchval(
        """
        SELECT sum(amount) FROM payouts
        WHERE merchant_id = $1 AND kind = 'payout' AND created_at >= $2 AND state <> 'failed'
        """,
        merchant_id,
        since,
    )
    return int(found or 0)
