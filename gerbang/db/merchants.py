"""How merchants are kept, with their keys, their callback endpoints and their counters."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import text
from gerbang.domain.merchants import Agreement, Merchant

_agreement = msgspec.json.Decoder(Agreement).decode


@lru_cache(maxsize=1024)
def merchant_of(row: asyncpg.Record) -> Merchant:
    """The merchant of a row. Merchants change seldom and are read in every batch, so the same row is the same object."""
    return Merchant(
        id=row["id"],
        number=row["number"],
        name=row["name"],
        short_name=row["short_name"],
        email=row["email"],
        created_at=row["created_at"],
        agreement=_agreement(row["agreement"]),
    )


async def insert(tx: Tx, merchant: Merchant) -> None:
    """Writes a new merchant and its counters."""
    await tx.execute(
        """
        INSERT INTO merchants (id, number, name, short_name, email, agreement, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        merchant.id,
        merchant.number,
        merchant.name,
        merchant.short_name,
        merchant.email,
        text(merchant.agreement),
        merchant.created_at,
    )
    await tx.execute("INSERT INTO counters (merchant_id) VALUES ($1)", merchant.id)


async def next_number(tx: Tx) -> int:
    """A serial number that no merchant has. Whoever asks waits until the one before has committed."""
    await tx.execute("LOCK TABLE merchants IN SHARE ROW EXCLUSIVE MODE")
    return await tx.fetchval("SELECT coalesce(max(number), 130) + 1 FROM merchants") or 131


async def update_agreement(tx: Tx, merchant_id: UUID, agreement: Agreement) -> None:
    """Writes what was agreed anew with a merchant."""
    await tx.execute("UPDATE merchants SET agreement = $2 WHERE id = $1", merchant_id, text(agreement))


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Merchant]:
    """Merchants by id."""
    rows = await tx.fetch("SELECT * FROM merchants WHERE id = ANY($1::uuid[])", ids)
    return {row["id"]: merchant_of(row) for row in rows}


async def id_of(tx: Tx, number: int) -> UUID | None:
    """The merchant that has this serial number."""
    return await tx.fetchval("SELECT id FROM merchants WHERE number = $1", number)


async def every(tx: Tx) -> list[Merchant]:
    """All merchants, in the order of their numbers."""
    return [merchant_of(row) for row in await tx.fetch("SELECT * FROM merchants ORDER BY number")]


async def payments_count(tx: Tx, merchant_id: UUID) -> int:
    """How many payments a merchant has made."""
    return await tx.fetchval("SELECT payments FROM counters WHERE merchant_id = $1", merchant_id) or 0


async def insert_credential(
    tx: Tx, *, key: str, merchant_id: UUID, dialect: str, secret_hash: bytes, now: datetime
) -> None:
    """Writes a key that a merchant signs in with."""
    await tx.execute(
        "INSERT INTO credentials (key, merchant_id, dialect, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        key,
        merchant_id,
        dialect,
        secret_hash,
        now,
    )


async def replace_secret(tx: Tx, merchant_id: UUID, dialect: str, secret_hash: bytes) -> list[str]:
    """Changes the secret of a merchant's keys of one dialect, and returns those keys."""
    rows = await tx.fetch(
        "UPDATE credentials SET secret_hash = $3 WHERE merchant_id = $1 AND dialect = $2 RETURNING key",
        merchant_id,
        dialect,
        secret_hash,
    )
    return [row["key"] for row in rows]


async def credentials(tx: Tx, keys: Sequence[str]) -> dict[str, tuple[UUID, str, bytes]]:
    """The merchant, dialect and secret's hash of each of these keys."""
    rows = await tx.fetch(
        "SELECT key, merchant_id, dialect, secret_hash FROM credentials WHERE key = ANY($1::text[])", keys
    )
    return {row["key"]: (row["merchant_id"], row["dialect"], row["secret_hash"]) for row in rows}


async def put_endpoint(
    tx: Tx,
    *,
    id_: UUID,
    merchant_id: UUID,
    product: str,
    url: str,
    kinds: Sequence[str],
    api_key: bytes,
    signing_secret: bytes,
    credentials: bytes | None,
    now: datetime,
) -> tuple[UUID, bytes, bytes]:
    """Sets where a product's callbacks go, and what its server wants to know of whom it lets in.

    An endpoint that was there keeps its id and secrets; both are returned.
    """
    row = await tx.fetchrow(
        """
        INSERT INTO endpoints AS e (id, merchant_id, product, url, kinds, api_key, signing_secret, credentials, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (merchant_id, product) DO UPDATE
        SET url = excluded.url, kinds = excluded.kinds, credentials = excluded.credentials
        RETURNING id, api_key, signing_secret
        """,
        id_,
        merchant_id,
        product,
        url,
        list(kinds),
        api_key,
        signing_secret,
        credentials,
        now,
    )
    assert row is not None
    return row["id"], row["api_key"], row["signing_secret"]


async def endpoints(tx: Tx, merchant_id: UUID) -> list[tuple[str, str, bytes, bytes]]:
    """Where a merchant's callbacks go: product, URL, and the two secrets, which are sealed."""
    rows = await tx.fetch(
        "SELECT product, url, api_key, signing_secret FROM endpoints WHERE merchant_id = $1 ORDER BY product",
        merchant_id,
    )
    return [(row["product"], row["url"], row["api_key"], row["signing_secret"]) for row in rows]
