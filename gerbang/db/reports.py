"""How banks' reports are kept: each piece of money once."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.domain.reports import Booked, HeldMoney, Name, Report
from gerbang.ids import OwnedId


def booked_of(row: asyncpg.Record) -> Booked:
    return Booked(
        id=row["id"],
        outcome=row["outcome"],
        amount=row["amount"],
        merchant_id=row["merchant_id"],
        payment_id=row["payment_id"],
        charge_id=row["charge_id"],
        known_before=True,
    )


class KnownReport(msgspec.Struct, frozen=True):
    """A report that was received before, and what became of it."""

    report: Report
    booked: Booked


async def claim(tx: Tx, names: Sequence[Name]) -> None:
    """Makes others who claim these names wait until this transaction is over."""
    if names:
        await tx.execute(
            """
            SELECT pg_advisory_xact_lock(place) FROM (
                SELECT DISTINCT hashtextextended(concat_ws(' ', connection, service, reference), 0) AS place
                FROM unnest($1::report_name[]) AS asked ORDER BY place
            ) places
            """,
            list(names),
        )


async def known(tx: Tx, names: Collection[Name]) -> dict[Name, list[KnownReport]]:
    """What was received under these names before, in the order in which it came."""
    if not names:
        return {}
    rows = await tx.fetch(
        """
        SELECT r.* FROM unnest($1::report_name[]) AS asked
        CROSS JOIN LATERAL (
            SELECT merchant_id, report_id, occurrence FROM report_names n
            WHERE n.connection = asked.connection AND n.service = asked.service AND n.reference = asked.reference OFFSET 0
        ) n
        CROSS JOIN LATERAL (SELECT * FROM reports WHERE merchant_id = n.merchant_id AND id = n.report_id LIMIT 1) r
        ORDER BY n.occurrence
        """,
        list(names),
    )
    found: dict[Name, list[KnownReport]] = {}
    for row in rows:
        report = Report(
            connection=row["connection"],
            reference=row["reference"],
            channel=row["channel"],
            number=row["number"],
            amount=row["amount"],
            paid_at=row["paid_at"],
            service=row["service"],
        )
        found.setdefault(report.name, []).append(KnownReport(report, booked_of(row)))
    return found


async def by_id(tx: Tx, merchant_id: UUID, id_: UUID) -> tuple[Booked, str] | None:
    """What became of money that was received, and the number that it was paid to."""
    row = await tx.fetchrow(
        """
        SELECT id, outcome, amount, merchant_id, payment_id, charge_id, number FROM reports
        WHERE merchant_id = $1 AND id = $2
        """,
        merchant_id,
        id_,
    )
    return None if row is None else (booked_of(row), row["number"])


async def of_charge(tx: Tx, merchant_id: UUID, charge_id: UUID) -> tuple[UUID, Name] | None:
    """The money that paid a charge, or the last part of it: its id, and its bank's name for it."""
    row = await tx.fetchrow(
        """
        SELECT id, connection, service, reference FROM reports
        WHERE merchant_id = $1 AND charge_id = $2 AND outcome = 'booked' AND service <> 'capture'
        UNION ALL SELECT id, connection, service, reference FROM reports
        WHERE merchant_id = $1 AND charge_id = $2 AND outcome = 'booked' AND service = 'capture'
        ORDER BY id DESC LIMIT 1
        """,
        merchant_id,
        charge_id,
    )
    return None if row is None else (row["id"], (row["connection"], row["service"], row["reference"]))


async def counted(
    tx: Tx, connection: str, numbers: Collection[str], since: datetime, until: datetime
) -> Counter[tuple[str, int]]:
    """How often each amount was paid to each of these numbers from one instant on and before another."""
    rows = await tx.fetch(
        """
        SELECT number, amount, count(*) FROM reports
        WHERE connection = $1 AND paid_at >= $3 AND paid_at < $4 AND number = ANY($2::text[]) GROUP BY number, amount
        """,
        *(connection, list(numbers), since, until),
    )
    return Counter({(row["number"], row["amount"]): row["count"] for row in rows})


async def in_suspense(tx: Tx, payments: Sequence[OwnedId]) -> dict[UUID, list[HeldMoney]]:
    """Money that arrived for each of these payments, was not owed and is still here, oldest first."""
    if not payments:
        return {}
    rows = await tx.fetch(
        """
        SELECT r.* FROM unnest($1::owned_id[]) AS asked
        CROSS JOIN LATERAL (
            SELECT id, merchant_id, payment_id, outcome, amount, charge_id, received_at FROM reports
            WHERE payment_id = asked.id AND outcome <> 'booked' OFFSET 0
        ) r
        LEFT JOIN LATERAL (SELECT true AS back FROM reversals
                           WHERE merchant_id = asked.merchant_id AND report_id = r.id LIMIT 1) gone ON true
        WHERE r.merchant_id = asked.merchant_id AND gone.back IS NULL
        ORDER BY r.received_at, r.id
        """,
        list(payments),
    )
    found: dict[UUID, list[HeldMoney]] = {}
    for row in rows:
        money = HeldMoney(row["outcome"], row["amount"], row["charge_id"], row["received_at"])
        found.setdefault(row["payment_id"], []).append(money)
    return found
