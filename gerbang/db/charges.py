"""How charges are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays, text
from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Instructions

NEW = """id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor, fee, vat, expires_at,
static, created_at, updated_at"""
"""What a charge is written with when it waits to be paid: the values of `values_when_new`, and the instant of its creation."""
COLUMNS = """id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor, fee, failure_code,
created_at, updated_at, expires_at, paid_at, vat, static, settles_at, settled_at, settlement_id"""

_instructions = msgspec.json.Decoder(Instructions)


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
        instructions=_instructions.decode(row["instructions"]),
        descriptor=row["descriptor"],
        fee=row["fee"],
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        paid_at=row["paid_at"],
        vat=row["vat"],
        static=row["static"],
        settles_at=row["settles_at"],
        settled_at=row["settled_at"],
        settlement_id=row["settlement_id"],
    )


def values_when_new(charge: Charge) -> tuple[Any, ...]:
    """The values of NEW, but for the two instants at its end."""
    return (
        charge.id,
        charge.payment_id,
        charge.merchant_id,
        charge.payment_reference,
        charge.amount,
        charge.state,
        charge.channel,
        text(charge.instructions),
        charge.descriptor,
        charge.fee,
        charge.vat,
        charge.expires_at,
        charge.static,
    )


async def insert(tx: Tx, charges: Sequence[Charge]) -> None:
    """Writes new charges."""
    if charges:
        await tx.execute(
            f"""
            INSERT INTO charges ({NEW}, failure_code, paid_at, settles_at)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                                 $8::json[], $9::text[], $10::bigint[], $11::bigint[], $12::timestamptz[],
                                 $13::boolean[], $14::timestamptz[], $15::timestamptz[], $16::text[],
                                 $17::timestamptz[], $18::timestamptz[])
            """,
            *arrays(
                (
                    *values_when_new(charge),
                    charge.created_at,
                    charge.updated_at,
                    charge.failure_code,
                    charge.paid_at,
                    charge.settles_at,
                )
                for charge in charges
            ),
        )


async def update(tx: Tx, charges: Iterable[Charge]) -> None:
    """Writes what can change of charges: state, times, fee, what the channel said."""
    rows = [
        (
            charge.id,
            charge.state,
            text(charge.instructions),
            charge.fee,
            charge.failure_code,
            charge.updated_at,
            charge.paid_at,
            charge.vat,
            charge.settles_at,
        )
        for charge in charges
    ]
    if rows:
        await tx.execute(
            """
            UPDATE charges c
            SET state = n.state, instructions = n.instructions, fee = n.fee, failure_code = n.failure_code,
                updated_at = n.updated_at, paid_at = n.paid_at, vat = n.vat, settles_at = n.settles_at
            FROM unnest($1::uuid[], $2::text[], $3::json[], $4::bigint[], $5::text[], $6::timestamptz[],
                        $7::timestamptz[], $8::bigint[], $9::timestamptz[])
                 AS n(id, state, instructions, fee, failure_code, updated_at, paid_at, vat, settles_at)
            WHERE c.id = n.id
            """,
            *arrays(rows),
        )


async def newest(tx: Tx, payment_ids: Sequence[UUID], *, most: int) -> dict[UUID, list[Charge]]:
    """The charges of each payment, newest first, `most` of each."""
    rows = await tx.fetch(
        f"""
        SELECT c.* FROM unnest($1::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM charges WHERE payment_id = asked.id ORDER BY id DESC LIMIT $2
        ) c
        """,
        payment_ids,
        most,
    )
    found: dict[UUID, list[Charge]] = {}
    for row in rows:
        found.setdefault(row["payment_id"], []).append(charge_of(row))
    return found


async def page(tx: Tx, payment_id: UUID, behind: UUID, *, skip: int, most: int) -> list[Charge]:
    """The charges of a payment, newest first: from those behind an id on, `most` after `skip`."""
    # What is skipped is only counted in the index.
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges
        WHERE id = ANY(ARRAY(SELECT id FROM charges WHERE payment_id = $1 AND id < $2
                             ORDER BY id DESC OFFSET $3 LIMIT $4))
        ORDER BY id DESC
        """,
        payment_id,
        behind,
        skip,
        most,
    )
    return [charge_of(row) for row in rows]


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Charge]:
    """Charges by id."""
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM charges WHERE id = ANY($1::uuid[])", ids)
    return {row["id"]: charge_of(row) for row in rows}


async def count_of(tx: Tx, payment_id: UUID) -> int:
    """How many charges a payment has."""
    return await tx.fetchval("SELECT count(*) FROM charges WHERE payment_id = $1", payment_id) or 0


async def locked(tx: Tx, id_: UUID) -> Charge | None:
    """A charge, held until the end of the transaction."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM charges WHERE id = $1 FOR NO KEY UPDATE", id_)
    return None if row is None else charge_of(row)


async def to_settle(tx: Tx, now: datetime, most: int) -> list[Charge]:
    """Paid charges whose day has come, locked; those locked elsewhere are left."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges WHERE settled_at IS NULL AND settles_at <= $1
        ORDER BY settles_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        most,
    )
    return [charge_of(row) for row in rows]


async def postpone(tx: Tx, now: datetime, until: datetime) -> UUID | None:
    """Lets the charge that is next to be settled wait, and returns its id; None where there is none."""
    return await tx.fetchval(
        """
        UPDATE charges SET settles_at = $2
        WHERE id = (SELECT id FROM charges WHERE settled_at IS NULL AND settles_at <= $1
                    ORDER BY settles_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id
        """,
        now,
        until,
    )


async def settle(tx: Tx, charges: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Writes down that charges are settled, for (charge, settlement)."""
    await tx.execute(
        """
        UPDATE charges c SET settled_at = $3, settlement_id = n.settlement_id
        FROM unnest($1::uuid[], $2::uuid[]) AS n(id, settlement_id) WHERE c.id = n.id
        """,
        *arrays(charges),
        now,
    )


async def next_settles_at(tx: Tx, after: datetime) -> datetime | None:
    """The nearest instant after this one at which a charge is settled."""
    return await tx.fetchval(
        "SELECT min(settles_at) FROM charges WHERE settled_at IS NULL AND settles_at IS NOT NULL AND settles_at > $1",
        after,
    )


async def of_settlement(tx: Tx, settlement_id: UUID, after: UUID | None, most: int) -> list[Charge]:
    """The charges of a settlement in the order of their ids, from the one after `after` on."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM charges WHERE settlement_id = $1 AND id > $2 ORDER BY id LIMIT $3
        """,
        settlement_id,
        after or UUID(int=0),
        most,
    )
    return [charge_of(row) for row in rows]
