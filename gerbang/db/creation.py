"""Writes all that a batch of new payments is in one statement: for when nothing of it is taken, which is nearly always."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx, charges, payments
from gerbang.db._rows import text
from gerbang.db.customers import Row
from gerbang.db.idempotency import Kept
from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment

EVERYTHING = """
WITH taken AS (
    SELECT FROM unnest($19::uuid[], $31::text[], $20::text[]) AS n(merchant_id, scope, reference)
    CROSS JOIN LATERAL (SELECT FROM payments p
                        WHERE p.merchant_id = n.merchant_id AND p.scope = n.scope AND p.reference = n.reference LIMIT 1) p
), numbers AS (
    INSERT INTO paycodes (channel, number, merchant_id, payment_id, charge_id, static, free_at, created_at)
    SELECT *, $1 FROM unnest($2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::boolean[],
                             $8::timestamptz[])
    WHERE NOT EXISTS (SELECT FROM taken)
), answers AS (
    INSERT INTO idempotency_keys (merchant_id, key, fingerprint, answer, expires_at)
    SELECT * FROM unnest($9::uuid[], $10::text[], $11::bytea[], $12::bytea[], $13::timestamptz[])
    WHERE NOT EXISTS (SELECT FROM taken)
), people AS (
    INSERT INTO customers (merchant_id, id, email, data, created_at, updated_at)
    SELECT *, $1, $1 FROM unnest($14::uuid[], $15::text[], $16::text[], $17::json[])
    WHERE NOT EXISTS (SELECT FROM taken)
    ON CONFLICT (merchant_id, id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at
), asked AS (
    INSERT INTO payments (id, merchant_id, reference, kind, amount, currency, state, expires_at, descriptor,
                          customer_id, method, details, product, scope, created_at, updated_at)
    SELECT *, $1, $1 FROM unnest($18::uuid[], $19::uuid[], $20::text[], $21::text[], $22::bigint[], $23::text[],
                                 $24::text[], $25::timestamptz[], $26::text[], $27::text[], $28::json[], $29::json[],
                                 $30::text[], $31::text[])
    WHERE NOT EXISTS (SELECT FROM taken)
), tried AS (
    INSERT INTO charges (id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor,
                         fee, vat, expires_at, static, created_at, updated_at)
    SELECT *, $1, $1 FROM unnest($32::uuid[], $33::uuid[], $34::uuid[], $35::text[], $36::bigint[], $37::text[],
                                 $38::text[], $39::json[], $40::text[], $41::bigint[], $42::bigint[],
                                 $43::timestamptz[], $44::boolean[])
    WHERE NOT EXISTS (SELECT FROM taken)
), held AS (
    SELECT merchant_id FROM counters WHERE merchant_id = ANY($45::uuid[]) AND NOT EXISTS (SELECT FROM taken)
    ORDER BY merchant_id FOR NO KEY UPDATE
), counted AS (
    UPDATE counters t SET events = t.events + n.count, payments = t.payments + n.count
    FROM held JOIN unnest($45::uuid[], $46::bigint[]) AS n(merchant_id, count) USING (merchant_id)
    WHERE t.merchant_id = held.merchant_id
    RETURNING t.merchant_id, t.events - n.count AS before
)
INSERT INTO events (merchant_id, sequence, kind, at, payment_id, charge_id)
SELECT merchant_id, counted.before + n.place, 'payment.created', $1, n.payment_id, n.charge_id
FROM unnest($47::uuid[], $48::bigint[], $49::uuid[], $50::uuid[]) AS n(merchant_id, place, payment_id, charge_id)
JOIN counted USING (merchant_id)
"""
"""A reference that is seen to be taken keeps all of it from being written: merchants repeat theirs often. Whatever else is
taken, or is taken at the same instant, the tables' constraints refuse, and PostgreSQL's log has a line of it.
"""


class Created(msgspec.Struct, frozen=True):
    """One new payment with everything that comes into the world with it."""

    payment: Payment
    charge: Charge | None
    paycode: Paycode | None
    answer: Kept | None
    customer: Row | None


async def insert(connection: Tx, created: Sequence[Created], now: datetime) -> bool:
    """Writes all of it with its events, and commits; or writes nothing and returns False, because something was taken.

    It runs outside a transaction: a statement is one of its own. A customer who is known by id is described anew.
    """
    paycodes = sorted((one.paycode for one in created if one.paycode), key=lambda p: (p.channel, p.number))
    answers = sorted((one.answer for one in created if one.answer), key=lambda a: (a.merchant_id, a.key))
    people = {(row.merchant_id, row.id): row for one in created if (row := one.customer)}
    counts: dict[UUID, int] = {}
    places: list[int] = []
    for one in created:
        counts[one.payment.merchant_id] = counts.get(one.payment.merchant_id, 0) + 1
        places.append(counts[one.payment.merchant_id])
    columns = [
        *_columns(
            [(p.channel, p.number, p.merchant_id, p.payment_id, p.charge_id, p.static, p.free_at) for p in paycodes],
            7,
        ),
        *_columns([(a.merchant_id, a.key, a.fingerprint, a.answer, a.expires_at) for a in answers], 5),
        *_columns([(c.merchant_id, c.id, c.customer.email, text(c.customer)) for c in people.values()], 4),
        *_columns([payments.values_when_new(one.payment) for one in created], 14),
        *_columns([charges.values_when_new(one.charge) for one in created if one.charge], 13),
        *_columns(list(counts.items()), 2),
        *_columns(
            [
                (one.payment.merchant_id, place, one.payment.id, one.charge.id if one.charge else None)
                for one, place in zip(created, places, strict=True)
            ],
            4,
        ),
    ]
    try:
        done = await connection.execute(EVERYTHING, now, *columns)
    except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
        return False
    return int(done.split()[-1]) == len(created)


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[Sequence[object]]:
    """The columns of rows, also where there are none."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
