"""How a merchant's customers are kept; the e-mail address says who is who."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays, text
from gerbang.domain.customers import Customer

_customer = msgspec.json.Decoder(Customer)


class Row(msgspec.Struct, frozen=True):
    """A customer as kept by a merchant under an id."""

    merchant_id: UUID
    id: str
    customer: Customer


def _row_of(row: asyncpg.Record) -> Row:
    return Row(row["merchant_id"], row["id"], _customer.decode(row["data"]))


async def by_email(tx: Tx, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Row]:
    """Customers by (merchant, e-mail)."""
    rows = await tx.fetch(
        """
        SELECT c.merchant_id, c.id, c.email, c.data
        FROM unnest($1::uuid[], $2::text[]) AS asked(merchant_id, email)
        CROSS JOIN LATERAL (SELECT * FROM customers
                            WHERE merchant_id = asked.merchant_id AND email = asked.email LIMIT 1) c
        """,
        *arrays(pairs),
    )
    return {(row["merchant_id"], row["email"]): _row_of(row) for row in rows}


async def by_id(tx: Tx, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Row]:
    """Customers by (merchant, id)."""
    rows = await tx.fetch(
        """
        SELECT c.merchant_id, c.id, c.email, c.data
        FROM unnest($1::uuid[], $2::text[]) AS asked(merchant_id, id)
        CROSS JOIN LATERAL (SELECT * FROM customers WHERE merchant_id = asked.merchant_id AND id = asked.id LIMIT 1) c
        """,
        *arrays(pairs),
    )
    return {(row["merchant_id"], row["id"]): _row_of(row) for row in rows}


async def insert(tx: Tx, customers: Sequence[Row], now: datetime) -> None:
    """Writes new customers; one that somebody else has written meanwhile stays as it is."""
    if customers:
        rows = sorted(
            ((c.merchant_id, c.id, c.customer.email, text(c.customer)) for c in customers),
            key=lambda row: (row[0], row[2] or "", row[1]),
        )
        await tx.execute(
            """
            INSERT INTO customers (merchant_id, id, email, data, created_at, updated_at)
            SELECT *, $5, $5 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::json[])
            ON CONFLICT DO NOTHING
            """,
            *arrays(rows),
            now,
        )


async def update(tx: Tx, customers: Sequence[Row], now: datetime) -> set[tuple[UUID, str]]:
    """Writes what merchants now say of customers, and returns the (merchant, id) pairs of those whom we know."""
    if not customers:
        return set()
    rows = sorted((c.merchant_id, c.id, text(c.customer)) for c in customers)
    known = await tx.fetch(
        """
        UPDATE customers c SET data = n.data, updated_at = $4
        FROM unnest($1::uuid[], $2::text[], $3::json[]) AS n(merchant_id, id, data)
        WHERE c.merchant_id = n.merchant_id AND c.id = n.id
        RETURNING c.merchant_id, c.id
        """,
        *arrays(rows),
        now,
    )
    return {(row["merchant_id"], row["id"]) for row in known}
