"""How charges are kept."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays, text
from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Block

COLUMNS = """id, payment_id, merchant_id, payment_reference, amount, state, channel, block, descriptor, fee, failure_code,
created_at, updated_at, expires_at, paid_at"""

_block = msgspec.json.Decoder(Block)


def charge_of(row: asyncpg.Record) -> Charge:
    """A charge from a row that has all of COLUMNS."""
    return Charge(
        id=row["id"],
        payment_id=row["payment_id"],
        merchant_id=row["merchant_id"],
        payment_reference=row["payment_reference"],
        amount=row["amount"],
        state=row["state"],
        channel=row["channel"],
        block=_block.decode(row["block"]),
        descriptor=row["descriptor"],
        fee=row["fee"],
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        paid_at=row["paid_at"],
    )


def values_of(charge: Charge) -> tuple[Any, ...]:
    return (
        charge.id,
        charge.payment_id,
        charge.merchant_id,
        charge.payment_reference,
        charge.amount,
        charge.state,
        charge.channel,
        text(charge.block),
        charge.descriptor,
        charge.fee,
        charge.failure_code,
        charge.created_at,
        charge.updated_at,
        charge.expires_at,
        charge.paid_at,
    )


async def insert(tx: Tx, charges: Sequence[Charge]) -> None:
    """Writes new charges."""
    if charges:
        await tx.execute(
            f"""
            INSERT INTO charges ({COLUMNS})
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                                 $8::json[], $9::text[], $10::bigint[], $11::text[], $12::timestamptz[],
                                 $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
            """,
            *arrays(values_of(charge) for charge in charges),
        )


async def update(tx: Tx, charges: Iterable[Charge]) -> None:
    """Writes what can change of charges: state, times, fee, what the channel said."""
    rows = [
        (
            charge.id,
            charge.state,
            text(charge.block),
            charge.fee,
            charge.failure_code,
            charge.updated_at,
            charge.paid_at,
        )
        for charge in charges
    ]
    if rows:
        await tx.execute(
            """
            UPDATE charges c
            SET state = n.state, block = n.block, fee = n.fee, failure_code = n.failure_code,
                updated_at = n.updated_at, paid_at = n.paid_at
            FROM unnest($1::uuid[], $2::text[], $3::json[], $4::bigint[], $5::text[], $6::timestamptz[],
                        $7::timestamptz[]) AS n(id, state, block, fee, failure_code, updated_at, paid_at)
            WHERE c.id = n.id
            """,
            *arrays(rows),
        )


async def newest(tx: Tx, payment_ids: Sequence[UUID], *, skip: int = 0, most: int) -> dict[UUID, list[Charge]]:
    """The charges of each payment, newest first, `most` of each."""
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM charges WHERE payment_id = asked.id ORDER BY id DESC OFFSET $2 LIMIT $3
        ) c
        """,
        payment_ids,
        skip,
        most,
    )
    found: dict[UUID, list[Charge]] = {}
    for row in rows:
        found.setdefault(row["payment_id"], []).append(charge_of(row))
    return found


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Charge]:
    """Charges by id."""
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM charges WHERE id = ANY($1::uuid[])", ids)
    return {row["id"]: charge_of(row) for row in rows}


async def count_of(tx: Tx, payment_id: UUID) -> int:
    """How many charges a payment has."""
    return await tx.fetchval("SELECT count(*) FROM charges WHERE payment_id = $1", payment_id) or 0
