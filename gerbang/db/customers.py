"""How a merchant's customers are kept; the e-mail address says who is who."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.changes import KnownCustomer
from gerbang.domain.customers import Customer

_customer = msgspec.json.Decoder(Customer)


def _row_of(row: asyncpg.Record) -> KnownCustomer:
    return KnownCustomer(row["merchant_id"], row["id"], _customer.decode(row["data"]))


async def by_email(tx: Tx, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], KnownCustomer]:
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


async def by_id(tx: Tx, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], KnownCustomer]:
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
