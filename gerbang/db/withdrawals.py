"""Reading withdrawals. `gerbang.db.changes` writes them."""

from uuid import UUID

from gerbang.db import Tx
from gerbang.db.money_out_tables import WITHDRAWALS
from gerbang.domain.withdrawals import Withdrawal

COLUMNS = WITHDRAWALS.columns


async def by_id(tx: Tx, merchant_id: UUID, id_: UUID) -> Withdrawal | None:
    """A merchant's withdrawal."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM withdrawals WHERE merchant_id = $1 AND id = $2", merchant_id, id_)
    return None if row is None else WITHDRAWALS.read(row)


async def is_taken(tx: Tx, merchant_id: UUID, reference: str) -> bool:
    """Whether a withdrawal of the merchant has this reference."""
    found = await tx.fetchval(
        "SELECT id FROM withdrawals WHERE reference = $1 AND merchant_id = $2", reference, merchant_id
    )
    return found is not None
