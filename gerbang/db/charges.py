"""How charges are kept."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.tables import CHARGES
from gerbang.domain.charges import Charge

COLUMNS = CHARGES.columns


async def newest(tx: Tx, payment_ids: Sequence[UUID], *, most: int) -> dict[UUID, list[Charge]]:
    """The charges of each payment, newest first, `most` of each."""
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM charges WHERE payment_id = asked.id ORDER BY id DESC LIMIT $2
        ) c
        """,
        payment_ids,
        most,
    )
    found: dict[UUID, list[Charge]] = {}
    for row in rows:
        found.setdefault(row["payment_id"], []).append(CHARGES.read(row))
    return found


async def page(tx: Tx, payment_id: UUID, behind: UUID, *, skip: int, most: int) -> list[Charge]:
    """The charges of a payment, newest first: from those behind an id on, `most` after `skip`."""
    # What is skipped is only counted in the index.
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges
        WHERE id = ANY(ARRAY(SELECT id FROM charges WHERE payment_id = $1 AND id < $2
                             ORDER BY id DESC OFFSET $3 LIMIT $4))
        ORDER BY id DESC
        """,
        payment_id,
        behind,
        skip,
        most,
    )
    return [CHARGES.read(row) for row in rows]


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Charge]:
    """Charges by id."""
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM charges WHERE id = ANY($1::uuid[])", ids)
    return {row["id"]: CHARGES.read(row) for row in rows}


async def count_of(tx: Tx, payment_id: UUID) -> int:
    """How many charges a payment has."""
    return await tx.fetchval("SELECT count(*) FROM charges WHERE payment_id = $1", payment_id) or 0


async def locked(tx: Tx, id_: UUID) -> Charge | None:
    """A charge, held until the end of the transaction."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM charges WHERE id = $1 FOR NO KEY UPDATE", id_)
    return None if row is None else CHARGES.read(row)


async def to_settle(tx: Tx, now: datetime, most: int) -> list[Charge]:
    """Paid charges whose day has come, locked; those locked elsewhere are left."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges WHERE settled_at IS NULL AND settles_at <= $1
        ORDER BY settles_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        most,
    )
    return [CHARGES.read(row) for row in rows]


async def postpone(tx: Tx, now: datetime, until: datetime) -> UUID | None:
    """Lets the charge that is next to be settled wait, and returns its id; None where there is none."""
    return await tx.fetchval(
        """
        UPDATE charges SET settles_at = $2
        WHERE id = (SELECT id FROM charges WHERE settled_at IS NULL AND settles_at <= $1
                    ORDER BY settles_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id
        """,
        now,
        until,
    )


async def next_settles_at(tx: Tx, after: datetime) -> datetime | None:
    """The nearest instant after this one at which a charge is settled."""
    return await tx.fetchval(
        "SELECT min(settles_at) FROM charges WHERE settled_at IS NULL AND settles_at IS NOT NULL AND settles_at > $1",
        after,
    )


async def of_settlement(tx: Tx, settlement_id: UUID, after: UUID | None, most: int) -> list[Charge]:
    """The charges of a settlement in the order of their ids, from the one after `after` on."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges WHERE settlement_id = $1 AND id > $2 ORDER BY id LIMIT $3
        """,
        settlement_id,
        after or UUID(int=0),
        most,
    )
    return [CHARGES.read(row) for row in rows]
