"""How settlements are kept: one for each merchant and day."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.tables import SETTLEMENTS
from gerbang.domain.settlements import Part, Settlement

COLUMNS = SETTLEMENTS.columns


async def add(tx: Tx, parts: Sequence[tuple[UUID, Part]], now: datetime) -> dict[tuple[UUID, date], UUID]:
    """Adds to the settlements of merchants and days, opening those that are new under the ids given; returns their ids."""
    rows = await tx.fetch(
        f"""
        INSERT INTO settlements AS s ({COLUMNS}) SELECT * FROM unnest($1::settlement_row[])
        ON CONFLICT (merchant_id, settled_on) DO UPDATE
        SET charges = s.charges + excluded.charges, gross = s.gross + excluded.gross, fees = s.fees + excluded.fees,
            updated_at = excluded.updated_at
        RETURNING id, merchant_id, settled_on
        """,
        [(id_, p.merchant_id, p.settled_on, p.charges, p.gross, p.fees, now, now) for id_, p in parts],
    )
    return {(row["merchant_id"], row["settled_on"]): row["id"] for row in rows}


async def newest(tx: Tx, merchant_id: UUID, most: int) -> list[Settlement]:
    """A merchant's settlements, newest first."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM settlements WHERE merchant_id = $1 ORDER BY settled_on DESC LIMIT $2", merchant_id, most
    )
    return [SETTLEMENTS.read(row) for row in rows]


async def one(tx: Tx, merchant_id: UUID, settlement_id: UUID) -> Settlement | None:
    """One of a merchant's settlements."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM settlements WHERE merchant_id = $1 AND id = $2", merchant_id, settlement_id
    )
    return None if row is None else SETTLEMENTS.read(row)
