"""Our side of some days at connections: what banks reported, paid out for us, and took back. Over all merchants."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import DAYS_SECONDS_MAX, Tx
from gerbang.db.tables import PAYOUTS
from gerbang.domain.payouts import Payout

COLUMNS = PAYOUTS.columns
P_COLUMNS = ", ".join(f"p.{column}" for column in PAYOUTS.types)


class Arrived(msgspec.Struct, frozen=True):
    """Money that a bank reported, owed or not."""

    id: UUID
    connection: str
    reference: str
    channel: str
    number: str
    amount: int
    merchant_id: UUID
    payment_id: UUID | None
    charge_id: UUID | None
    paid_at: datetime


class TakenBack(msgspec.Struct, frozen=True):
    """Money that a bank took back after it had reported it."""

    id: UUID
    connection: str
    reference: str
    original: str
    amount: int
    received_at: datetime
    merchant_id: UUID
    payment_id: UUID | None
    channel: str
    number: str


async def arrived(tx: Tx, connections: Collection[str], since: datetime, until: datetime) -> list[Arrived]:
    """What was paid from one instant on and before another, in its order."""
    rows = await tx.fetch(
        """
        SELECT id, connection, reference, channel, number, amount, merchant_id, payment_id, charge_id, paid_at FROM reports
        WHERE connection = ANY($1::text[]) AND paid_at >= $2 AND paid_at < $3 ORDER BY paid_at, id
        """,
        *(list(connections), since, until),
        timeout=DAYS_SECONDS_MAX,
    )
    return [Arrived(*row.values()) for row in rows]


async def taken_back(tx: Tx, connections: Collection[str], since: datetime, until: datetime) -> list[TakenBack]:
    """What went back from one instant on and before another, as far as it had been reported."""
    rows = await tx.fetch(
        """
        SELECT v.id, v.connection, v.reference, v.original, v.amount, v.received_at, v.merchant_id, r.payment_id, r.channel,
               r.number
        FROM reversals v CROSS JOIN LATERAL (
            SELECT payment_id, channel, number FROM reports WHERE merchant_id = v.merchant_id AND id = v.report_id LIMIT 1
        ) r
        WHERE v.outcome = 'reversed' AND v.connection = ANY($1::text[]) AND v.received_at >= $2 AND v.received_at < $3
        ORDER BY v.received_at, v.id
        """,
        *(list(connections), since, until),
        timeout=DAYS_SECONDS_MAX,
    )
    return [TakenBack(*row.values()) for row in rows]


async def sent(tx: Tx, connections: Collection[str], since: datetime, until: datetime) -> list[Payout]:
    """Payouts that banks got from one instant on and before another."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM payouts WHERE connection = ANY($1::text[]) AND sent_at >= $2 AND sent_at < $3 ORDER BY sent_at, id
        """,
        *(list(connections), since, until),
        timeout=DAYS_SECONDS_MAX,
    )
    return [PAYOUTS.read(row) for row in rows]


async def returned(tx: Tx, connections: Collection[str], since: datetime, until: datetime) -> list[Payout]:
    """Payouts that came back from one instant on and before another."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM payouts WHERE connection = ANY($1::text[]) AND returned_at >= $2 AND returned_at < $3
        ORDER BY returned_at, id
        """,
        *(list(connections), since, until),
        timeout=DAYS_SECONDS_MAX,
    )
    return [PAYOUTS.read(row) for row in rows]


async def unknown(
    tx: Tx, connections: Collection[str], since: datetime, until: datetime
) -> list[tuple[Payout, datetime]]:
    """Payouts that banks were or were about to be given from one instant on and before another, and of which nobody knows whether
    they have them; each with the instant.
    """
    rows = await tx.fetch(
        f"""
        SELECT {P_COLUMNS}, r.sending_at FROM partner_requests r CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM payouts WHERE merchant_id = r.merchant_id AND id = r.id LIMIT 1
        ) p
        WHERE r.operation = 'send' AND r.next_at IS NOT NULL AND (r.state = 'sending' OR r.not_found > 0)
            AND r.sending_at >= $2 AND r.sending_at < $3 AND r.connection = ANY($1::text[]) AND p.sent_at IS NULL
        ORDER BY r.sending_at, r.id
        """,
        *(list(connections), since, until),
        timeout=DAYS_SECONDS_MAX,
    )
    return [(PAYOUTS.read(row), row["sending_at"]) for row in rows]
