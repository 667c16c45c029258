"""Cards that customers may pay by again. `gerbang.db.changes` writes them; their numbers stay sealed here."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from gerbang.db import Tx
from gerbang.domain.cards import StoredCard
from gerbang.ids import OwnedId

COLUMNS = (
    "merchant_id, token, customer_id, charge_id, key_number, sealed, brand, first8, last4, expiry_month, expiry_year, fingerprint, "
    "holder, state, created_at, updated_at"
)


def _card(row: asyncpg.Record) -> StoredCard:
    return StoredCard(*row)


async def by_token(tx: Tx, merchant_id: UUID, token: str) -> StoredCard | None:
    """A merchant's stored card, in whatever state."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM stored_cards WHERE merchant_id = $1 AND token = $2", merchant_id, token
    )
    return None if row is None else _card(row)


async def locked(tx: Tx, merchant_id: UUID, token: str) -> StoredCard | None:
    """A merchant's stored card, held until the end of the transaction."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM stored_cards WHERE merchant_id = $1 AND token = $2 FOR NO KEY UPDATE",
        merchant_id,
        token,
    )
    return None if row is None else _card(row)


async def of_customers(tx: Tx, asked: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], list[StoredCard]]:
    """The cards that customers may pay by, in the order of their storing, by (merchant, customer)."""
    pairs = sorted(set(asked))
    if not pairs:
        return {}
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::uuid[], $2::text[]) AS asked(merchant_id, customer_id)
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM stored_cards
                            WHERE customer_id = asked.customer_id AND state = 'active' ORDER BY created_at, token LIMIT 100) c
        WHERE c.merchant_id = asked.merchant_id
        """,
        [merchant_id for merchant_id, _ in pairs],
        [customer_id for _, customer_id in pairs],
    )
    found: dict[tuple[UUID, str], list[StoredCard]] = {}
    for row in rows:
        card = _card(row)
        found.setdefault((card.merchant_id, card.customer_id), []).append(card)
    return found


async def pending_of(tx: Tx, charges: Iterable[OwnedId]) -> dict[UUID, StoredCard]:
    """The cards that are kept until these charges have succeeded, by charge."""
    ids = sorted({charge_id for _, charge_id in charges})
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::uuid[]) AS asked(charge_id)
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM stored_cards
                            WHERE charge_id = asked.charge_id AND state = 'pending' LIMIT 1) c
        """,
        ids,
    )
    return {row["charge_id"]: _card(row) for row in rows}


async def sealed_with_other_keys(tx: Tx, newest: int, most: int) -> list[StoredCard]:
    """Cards whose number is not sealed with the newest key, locked, up to `most` of them."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM stored_cards WHERE key_number < $1 AND sealed <> ''
        ORDER BY key_number LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        """,
        newest,
        most,
    )
    return [_card(row) for row in rows]
