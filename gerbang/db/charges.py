"""How charges are kept."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.tables import CHARGES
from gerbang.domain.charges import Charge
from gerbang.ids import OwnedId

COLUMNS = CHARGES.columns
# The charges of a payment or a settlement are looked for by its id alone, and only then is the merchant compared. Asked for
# both at once, PostgreSQL may find all charges of the merchant by the primary key, as a plan from an empty table does.


async def newest(tx: Tx, payments: Iterable[OwnedId], *, most: int) -> dict[UUID, list[Charge]]:
    """The charges of each payment by its id, newest first, `most` of each."""
    wanted = set(payments)
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::owned_id[]) AS asked
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM charges WHERE payment_id = asked.id ORDER BY id DESC LIMIT $2) c
        WHERE c.merchant_id = asked.merchant_id
        """,
        list(wanted),
        most,
    )
    found: dict[UUID, list[Charge]] = {}
    for row in rows:
        found.setdefault(row["payment_id"], []).append(CHARGES.read(row))
    return found


async def page(tx: Tx, merchant_id: UUID, payment_id: UUID, behind: UUID, *, skip: int, most: int) -> list[Charge]:
    """The charges of a payment, newest first: from those behind an id on, `most` after `skip`."""
    # What is skipped is only counted in the index.
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM (SELECT id FROM charges WHERE payment_id = $2 AND id < $3 ORDER BY id DESC OFFSET $4 LIMIT $5) shown
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM charges WHERE merchant_id = $1 AND id = shown.id LIMIT 1) c
        ORDER BY c.id DESC
        """,
        merchant_id,
        payment_id,
        behind,
        skip,
        most,
    )
    return [CHARGES.read(row) for row in rows]


async def by_id(tx: Tx, asked: Iterable[OwnedId]) -> dict[UUID, Charge]:
    """Charges by id."""
    return await CHARGES.find(tx, asked)


async def count_of(tx: Tx, payment_id: UUID) -> int:
    """How many charges a payment has."""
    return await tx.fetchval("SELECT count(*) FROM charges WHERE payment_id = $1", payment_id) or 0


async def locked(tx: Tx, merchant_id: UUID, id_: UUID) -> Charge | None:
    """A merchant's charge, held until the end of the transaction."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM charges WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE", merchant_id, id_
    )
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
        WHERE ctid = (SELECT ctid FROM charges WHERE settled_at IS NULL AND settles_at <= $1
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


async def of_settlement(tx: Tx, merchant_id: UUID, settlement_id: UUID, after: UUID | None, most: int) -> list[Charge]:
    """The charges of a settlement in the order of their ids, from the one after `after` on."""
    rows = await tx.fetch(
        f"""
        SELECT * FROM (SELECT {COLUMNS} FROM charges WHERE settlement_id = $2 AND id > $3 ORDER BY id LIMIT $4) c
        WHERE merchant_id = $1 ORDER BY id
        """,
        merchant_id,
        settlement_id,
        after or UUID(int=0),
        most,
    )
    return [CHARGES.read(row) for row in rows]
