"""How a merchant's customers are kept; the e-mail address says who is who."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec.structs import replace

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.changes import KnownCustomer
from gerbang.domain.customers import CardOnFile, Customer, StoredMethod

_customer = msgspec.json.Decoder(Customer)


class _Card(msgspec.Struct, frozen=True):
    """A stored card as `CARDS` reads it."""

    token: str
    brand: str
    first8: str
    last4: str
    expiry_month: int
    expiry_year: int
    fingerprint: str
    holder: str
    created_at: datetime


_cards = msgspec.json.Decoder(list[_Card])
CARDS = """(
    SELECT json_agg(s ORDER BY s.created_at, s.token) FROM (
        SELECT token, brand, first8, last4, expiry_month, expiry_year, fingerprint, holder, created_at FROM stored_cards
        WHERE customer_id = c.id AND merchant_id = c.merchant_id AND state = 'active' LIMIT 20
    ) s
)"""
"""The cards that a customer may pay by, as JSON; NULL where there are none."""


def _row_of(row: asyncpg.Record) -> KnownCustomer:
    customer = _customer.decode(row["data"])
    if row["cards"] is not None:
        customer = replace(
            customer, stored_methods=[*customer.stored_methods, *map(_method, _cards.decode(row["cards"]))]
        )
    return KnownCustomer(row["merchant_id"], row["id"], customer)


def _method(card: _Card) -> StoredMethod:
    on_file = CardOnFile(
        card.fingerprint, card.brand, card.first8, card.last4, card.expiry_month, card.expiry_year, card.holder
    )
    return StoredMethod(card.token, "CARD", card.brand, card.created_at, active=True, card=on_file)


async def by_email(tx: Tx, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], KnownCustomer]:
    """Customers by (merchant, e-mail)."""
    rows = await tx.fetch(
        f"""
        SELECT c.merchant_id, c.id, c.email, c.data, {CARDS} AS cards
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
        f"""
        SELECT c.merchant_id, c.id, c.email, c.data, {CARDS} AS cards
        FROM unnest($1::uuid[], $2::text[]) AS asked(merchant_id, id)
        CROSS JOIN LATERAL (SELECT * FROM customers WHERE merchant_id = asked.merchant_id AND id = asked.id LIMIT 1) c
        """,
        *arrays(pairs),
    )
    return {(row["merchant_id"], row["id"]): _row_of(row) for row in rows}
