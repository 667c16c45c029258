"""How banks' reports are kept: each piece of money once."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.reports import Booked, HeldMoney


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
    """A report that was received before: what became of it, and the number that it named."""

    booked: Booked
    channel: str
    number: str


async def claim(tx: Tx, reports: Sequence[tuple[str, str]]) -> None:
    """Makes others with reports of these (bank, reference) pairs wait until this transaction is over."""
    if reports:
        await tx.execute(
            """
            SELECT pg_advisory_xact_lock(place) FROM (
                SELECT hashtextextended(bank || ' ' || reference, 0) AS place
                FROM unnest($1::text[], $2::text[]) AS asked(bank, reference) ORDER BY place
            ) places
            """,
            *arrays(reports),
        )


async def known(tx: Tx, reports: Sequence[tuple[str, str]]) -> dict[tuple[str, str], KnownReport]:
    """What became of those of these (bank, reference) pairs that were received before."""
    if not reports:
        return {}
    rows = await tx.fetch(
        """
        SELECT r.bank, r.reference, r.id, r.outcome, r.amount, r.merchant_id, r.payment_id, r.charge_id, r.channel, r.number
        FROM unnest($1::text[], $2::text[]) AS asked(bank, reference)
        CROSS JOIN LATERAL (SELECT * FROM reports
                            WHERE bank = asked.bank AND reference = asked.reference LIMIT 1) r
        """,
        *arrays(reports),
    )
    return {(row["bank"], row["reference"]): KnownReport(booked_of(row), row["channel"], row["number"]) for row in rows}


async def in_suspense(tx: Tx, payment_ids: Sequence[UUID]) -> dict[UUID, list[HeldMoney]]:
    """Money that arrived for these payments and was not owed, oldest first."""
    rows = await tx.fetch(
        """
        SELECT payment_id, outcome, amount, charge_id, received_at FROM reports
        WHERE payment_id = ANY($1::uuid[]) AND outcome <> 'booked' ORDER BY received_at, id
        """,
        payment_ids,
    )
    found: dict[UUID, list[HeldMoney]] = {}
    for row in rows:
        money = HeldMoney(row["outcome"], row["amount"], row["charge_id"], row["received_at"])
        found.setdefault(row["payment_id"], []).append(money)
    return found
