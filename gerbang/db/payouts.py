"""How payouts are kept, and when the bank must next be called about them.

In the order of locks a payout comes before the accounts that its money is on.
"""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import text
from gerbang.domain.payouts import Destination, Payout, Search

COLUMNS = """id, merchant_id, product, reference, bank, amount, fee, vat, state, destination, description, created_at,
updated_at, sent_at, ended_at, bank_reference, bank_account_name, failure_reason"""

WITHIN = "merchant_id = $1 AND (created_at, id) > ($2, $3) AND (created_at, id) < ($4, $5)"
"""One range of one index: further conditions on the time would be looked at row by row."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
NO_ID = UUID(int=0)

_destination = msgspec.json.Decoder(Destination)


def payout_of(row: asyncpg.Record) -> Payout:
    """A payout from a row that has all of COLUMNS."""
    return Payout(
        id=row["id"],
        merchant_id=row["merchant_id"],
        product=row["product"],
        reference=row["reference"],
        bank=row["bank"],
        amount=row["amount"],
        fee=row["fee"],
        vat=row["vat"],
        state=row["state"],
        destination=_destination.decode(row["destination"]),
        description=row["description"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        sent_at=row["sent_at"],
        ended_at=row["ended_at"],
        bank_reference=row["bank_reference"],
        bank_account_name=row["bank_account_name"],
        failure_reason=row["failure_reason"],
    )


async def insert(tx: Tx, payout: Payout, next_at: datetime) -> bool:
    """Writes a new payout. False, and nothing written, if the merchant has one of this reference."""
    done = await tx.execute(
        f"""
        INSERT INTO payouts ({COLUMNS}, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        ON CONFLICT (merchant_id, reference) DO NOTHING
        """,
        payout.id,
        payout.merchant_id,
        payout.product,
        payout.reference,
        payout.bank,
        payout.amount,
        payout.fee,
        payout.vat,
        payout.state,
        text(payout.destination),
        payout.description,
        payout.created_at,
        payout.updated_at,
        payout.sent_at,
        payout.ended_at,
        payout.bank_reference,
        payout.bank_account_name,
        payout.failure_reason,
        next_at,
    )
    return done == "INSERT 0 1"


async def update(tx: Tx, payout: Payout, next_at: datetime | None) -> None:
    """Writes what can change of a payout, and when the bank must next be called about it: None once it has ended."""
    await tx.execute(
        """
        UPDATE payouts
        SET state = $2, updated_at = $3, sent_at = $4, ended_at = $5, bank_reference = $6, bank_account_name = $7,
            failure_reason = $8, next_at = $9
        WHERE id = $1
        """,
        payout.id,
        payout.state,
        payout.updated_at,
        payout.sent_at,
        payout.ended_at,
        payout.bank_reference,
        payout.bank_account_name,
        payout.failure_reason,
        next_at,
    )


async def locked(tx: Tx, id_: UUID) -> Payout | None:
    """A payout, held until the end of the transaction."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM payouts WHERE id = $1 FOR NO KEY UPDATE", id_)
    return None if row is None else payout_of(row)


async def by_id(tx: Tx, id_: UUID) -> Payout | None:
    """A payout, whoever it belongs to."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM payouts WHERE id = $1", id_)
    return None if row is None else payout_of(row)


async def by_reference(tx: Tx, merchant_id: UUID, reference: str) -> Payout | None:
    """The merchant's payout of this reference."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM payouts WHERE merchant_id = $1 AND reference = $2", merchant_id, reference
    )
    return None if row is None else payout_of(row)


async def claim(tx: Tx, now: datetime, again_at: datetime, most: int) -> list[Payout]:
    """Takes payouts about which a bank must be called and makes them due again at `again_at`, should nobody come back.

    Those that somebody else has in hand are left.
    """
    rows = await tx.fetch(
        f"""
        UPDATE payouts SET next_at = $2
        WHERE id IN (SELECT id FROM payouts WHERE next_at <= $1 ORDER BY next_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING {COLUMNS}
        """,
        now,
        again_at,
        most,
    )
    return [payout_of(row) for row in rows]


async def next_due_at(tx: Tx, after: datetime) -> datetime | None:
    """The nearest instant after this one at which the bank must be called."""
    return await tx.fetchval("SELECT min(next_at) FROM payouts WHERE next_at IS NOT NULL AND next_at > $1", after)


async def _between(
    tx: Tx, search: Search, after_id: UUID | None, edge: UUID | None
) -> tuple[tuple[datetime, UUID], tuple[datetime, UUID]]:
    """Between which (instant, id) a page is looked for, both excluded."""
    low, high = (search.created_after or FIRST, NO_ID), (search.created_before or LAST, NO_ID)
    if after_id is None:
        return low, high
    made_at = await tx.fetchval("SELECT created_at FROM payouts WHERE id = $1", after_id)
    if made_at is None:
        return high, low  # nothing comes after what there is not
    after = (made_at, edge or after_id)
    return (low, min(high, after)) if search.newest_first else (max(low, after), high)


async def page(
    tx: Tx,
    merchant_id: UUID,
    search: Search,
    *,
    after_id: UUID | None,
    edge: UUID | None = None,
    skip: int,
    most: int,
) -> list[Payout]:
    """A merchant's payouts in the order of their making, of one state or all: after `after_id`, and `skip` further on.

    An `edge` is the id behind which to look among those made with `after_id`, where that is another one. The search's reference is not looked at: a merchant has one payout of each (`by_reference`).
    """
    low, high = await _between(tx, search, after_id, edge)
    asked = (merchant_id, *low, *high, skip, most)
    # Four statements, so that each finds an index in its own order; the inner ones read nothing but that index.
    if search.newest_first and search.state is None:
        rows = await tx.fetch(
            f"""
            SELECT {COLUMNS} FROM payouts
            WHERE id IN (SELECT id FROM payouts WHERE {WITHIN} ORDER BY created_at DESC, id DESC OFFSET $6 LIMIT $7)
            ORDER BY created_at DESC, id DESC
            """,
            *asked,
        )
    elif search.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT {COLUMNS} FROM payouts
            WHERE id IN (SELECT id FROM payouts WHERE {WITHIN} AND state = $8
                         ORDER BY created_at DESC, id DESC OFFSET $6 LIMIT $7)
            ORDER BY created_at DESC, id DESC
            """,
            *asked,
            search.state,
        )
    elif search.state is None:
        rows = await tx.fetch(
            f"""
            SELECT {COLUMNS} FROM payouts
            WHERE id IN (SELECT id FROM payouts WHERE {WITHIN} ORDER BY created_at, id OFFSET $6 LIMIT $7)
            ORDER BY created_at, id
            """,
            *asked,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT {COLUMNS} FROM payouts
            WHERE id IN (SELECT id FROM payouts WHERE {WITHIN} AND state = $8 ORDER BY created_at, id OFFSET $6 LIMIT $7)
            ORDER BY created_at, id
            """,
            *asked,
            search.state,
        )
    return [payout_of(row) for row in rows]
