"""Reading refunds. `gerbang.db.changes` writes them."""

from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.tables import REFUNDS
from gerbang.domain.refunds import Refund

COLUMNS = REFUNDS.columns
GIVEN = "state NOT IN ('failed', 'cancelled')"
# The refunds of a charge or a payment are looked for by its id alone, and only then is the merchant compared, as charges are.


async def locked(tx: Tx, merchant_id: UUID, id_: UUID) -> Refund | None:
    """A merchant's refund, held until the end of the transaction."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE", merchant_id, id_
    )
    return None if row is None else REFUNDS.read(row)


async def by_id(tx: Tx, merchant_id: UUID, id_: UUID) -> Refund | None:
    """A merchant's refund."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND id = $2", merchant_id, id_)
    return None if row is None else REFUNDS.read(row)


async def of_any_merchant(tx: Tx, id_: UUID) -> Refund | None:
    """A refund by its id alone, for operators."""
    row = await tx.fetchrow(
        f"""
        SELECT r.* FROM merchants m
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM refunds WHERE merchant_id = m.id AND id = $1 LIMIT 1) r LIMIT 1
        """,
        id_,
    )
    return None if row is None else REFUNDS.read(row)


async def by_reference(tx: Tx, merchant_id: UUID, reference: str) -> Refund | None:
    """The merchant's refund of this reference."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND reference = $2",
        merchant_id,
        reference,
    )
    return None if row is None else REFUNDS.read(row)


async def given_of(tx: Tx, merchant_id: UUID, charge_id: UUID) -> int:
    """How much of a charge was given back or is on its way, in minor units."""
    return int(
        await tx.fetchval(
            f"""
            SELECT coalesce(sum(amount), 0) FROM (
                SELECT merchant_id, amount FROM refunds WHERE charge_id = $2 AND {GIVEN} OFFSET 0
            ) r WHERE merchant_id = $1
            """,
            merchant_id,
            charge_id,
        )
    )


async def ahead_of_settlement(tx: Tx, merchant_id: UUID, now: datetime) -> dict[UUID, int]:
    """What refunds of charges that are settled later have taken from a merchant, in minor units, by charge."""
    rows = await tx.fetch(
        f"""
        SELECT charge_id, sum(amount + fee) AS taken FROM refunds WHERE merchant_id = $1 AND settles_at > $2 AND {GIVEN}
        GROUP BY charge_id
        """,
        merchant_id,
        now,
    )
    return {row["charge_id"]: int(row["taken"]) for row in rows}


async def page(tx: Tx, merchant_id: UUID, behind: UUID, *, skip: int, most: int) -> list[Refund]:
    """A merchant's refunds, newest first: from those behind an id on, `most` after `skip`."""
    rows = await tx.fetch(
        f"""
        SELECT r.* FROM (
            SELECT id FROM refunds WHERE merchant_id = $1 AND id < $2 AND report_id IS NULL ORDER BY id DESC OFFSET $3 LIMIT $4
        ) shown
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND id = shown.id LIMIT 1) r
        ORDER BY r.id DESC
        """,
        merchant_id,
        behind,
        skip,
        most,
    )
    return [REFUNDS.read(row) for row in rows]


async def page_of_payment(
    tx: Tx, merchant_id: UUID, payment_id: UUID, behind: UUID, *, skip: int, most: int
) -> list[Refund]:
    """As `page`, of one payment."""
    rows = await tx.fetch(
        f"""
        SELECT r.* FROM (SELECT id FROM refunds
            WHERE payment_id = $2 AND id < $3 AND report_id IS NULL ORDER BY id DESC OFFSET $4 LIMIT $5) shown
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND id = shown.id LIMIT 1) r
        ORDER BY r.id DESC
        """,
        merchant_id,
        payment_id,
        behind,
        skip,
        most,
    )
    return [REFUNDS.read(row) for row in rows]


async def count(tx: Tx, merchant_id: UUID) -> int:
    """How many refunds a merchant has."""
    return (
        await tx.fetchval("SELECT count(*) FROM refunds WHERE merchant_id = $1 AND report_id IS NULL", merchant_id) or 0
    )


async def count_of_payment(tx: Tx, payment_id: UUID) -> int:
    """How many refunds of a payment its merchant has asked for."""
    return (
        await tx.fetchval(
            """
            SELECT count(*) FROM (SELECT report_id FROM refunds WHERE payment_id = $1 OFFSET 0) r WHERE report_id IS NULL
            """,
            payment_id,
        )
        or 0
    )


async def under_way(tx: Tx, most: int) -> list[Refund]:
    """Refunds of all merchants that have not ended, the oldest first."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM refunds WHERE ended_at IS NULL ORDER BY created_at, id LIMIT $1", most
    )
    return [REFUNDS.read(row) for row in rows]


async def of_report(tx: Tx, merchant_id: UUID, report_id: UUID) -> Refund | None:
    """The refund by which money that was not owed goes back to its buyer."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM refunds WHERE merchant_id = $1 AND report_id = $2", merchant_id, report_id
    )
    return None if row is None else REFUNDS.read(row)
