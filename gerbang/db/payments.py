"""How payments are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.tables import PAYMENTS
from gerbang.domain.payments import SCOPES, Details, PageVersion, Payment
from gerbang.ids import OwnedId

COLUMNS = PAYMENTS.columns
WITHOUT_DETAILS = ", ".join(column for column in PAYMENTS.types if column != "details")
BRIEF_AT_ONCE, BRIEF_BYTES = 100, 32_000
"""How many rows are read at once where little of them is shown, and up to which length of their details."""


class Brief(msgspec.Struct, frozen=True):
    """The part of the details that lists show. The rest may be long, and is not read."""

    description: str | None = None
    echo: dict[str, str | bool] = {}


_brief = msgspec.json.Decoder(Brief)


async def locked(tx: Tx, asked: Iterable[OwnedId]) -> dict[UUID, Payment]:
    """Payments by id, held until the end of the transaction. They are locked in the order of their keys."""
    return await PAYMENTS.find(tx, asked, locked=True)


async def by_id(tx: Tx, asked: Iterable[OwnedId]) -> dict[UUID, Payment]:
    """Payments by id."""
    return await PAYMENTS.find(tx, asked)


async def opened_by_a_page(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Payment]:
    """Payments by id, whoever they belong to: the link to a payer's page names nothing else."""
    rows = await tx.fetch(
        f"""
        SELECT p.* FROM unnest($1::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM payments WHERE id = asked.id LIMIT 1) p
        """,
        ids,
    )
    return {row["id"]: PAYMENTS.read(row) for row in rows}


async def briefly(tx: Tx, merchant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Payment]:
    """A merchant's payments by id, with as little of their details as lists show. However many and long they are, few are read at once."""
    found: dict[UUID, Payment] = {}
    for start in range(0, len(ids), BRIEF_AT_ONCE):
        rows = await tx.fetch(
            f"""
            SELECT p.* FROM unnest($2::uuid[]) AS asked(id)
            CROSS JOIN LATERAL (
                SELECT {WITHOUT_DETAILS}, CASE WHEN octet_length(details::text) <= $3 THEN details END AS details
                FROM payments WHERE merchant_id = $1 AND id = asked.id LIMIT 1
            ) p
            """,
            merchant_id,
            ids[start : start + BRIEF_AT_ONCE],
            BRIEF_BYTES,
        )
        for row in rows:
            details = row["details"] or await tx.fetchval(
                "SELECT details FROM payments WHERE merchant_id = $1 AND id = $2", merchant_id, row["id"]
            )
            brief = _brief.decode(details)
            found[row["id"]] = PAYMENTS.read(row, details=Details(description=brief.description, echo=brief.echo))
    return found


async def if_not_longer(tx: Tx, merchant_id: UUID, ids: Sequence[UUID], bytes_max: int) -> dict[UUID, Payment] | None:
    """A merchant's payments by id. None where their details are longer, taken together."""
    rows = await tx.fetch(
        f"""
        SELECT {WITHOUT_DETAILS}, CASE WHEN sum(octet_length(details::text)) OVER () <= $3 THEN details END AS details
        FROM unnest($2::uuid[]) AS asked(place)
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM payments WHERE merchant_id = $1 AND id = asked.place LIMIT 1) p
        """,
        merchant_id,
        ids,
        bytes_max,
    )
    if any(row["details"] is None for row in rows):
        return None
    return {row["id"]: PAYMENTS.read(row) for row in rows}


async def by_reference(tx: Tx, merchant_id: UUID, reference: str, scope: str = "") -> Payment | None:
    """The merchant's payment of this reference."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM payments WHERE merchant_id = $1 AND scope = $2 AND reference = $3",
        merchant_id,
        scope,
        reference,
    )
    return None if row is None else PAYMENTS.read(row)


async def page_versions(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, PageVersion]:
    """What the payer's pages of these payments watch, in one query."""
    rows = await tx.fetch(
        """
        SELECT p.id, p.state, p.updated_at, p.expires_at, c.expires_at AS charge_expires_at, s.in_suspense
        FROM unnest($1::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (SELECT merchant_id, id, state, updated_at, expires_at FROM payments
                            WHERE id = asked.id LIMIT 1) p
        LEFT JOIN LATERAL (SELECT merchant_id, expires_at FROM charges
                           WHERE payment_id = p.id ORDER BY id DESC LIMIT 1) c ON c.merchant_id = p.merchant_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS in_suspense FROM (
                SELECT id, merchant_id FROM reports WHERE payment_id = p.id AND outcome <> 'booked' OFFSET 0
            ) r
            LEFT JOIN LATERAL (SELECT true AS back FROM reversals
                               WHERE merchant_id = p.merchant_id AND report_id = r.id LIMIT 1) gone ON true
            WHERE r.merchant_id = p.merchant_id AND gone.back IS NULL
        ) s
        """,
        ids,
    )
    return {
        row["id"]: PageVersion(
            row["state"], row["updated_at"], row["expires_at"], row["charge_expires_at"], row["in_suspense"]
        )
        for row in rows
    }


async def due(tx: Tx, now: datetime, most: int, *, skip: int = 0) -> list[OwnedId]:
    """Payments whose time is over and which nobody has written down as ended, the longest due first.

    They are locked; those locked elsewhere are left.
    """
    rows = await tx.fetch(
        """
        SELECT merchant_id, id FROM payments
        WHERE state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'authenticating', 'active') AND expires_at <= $1
        ORDER BY expires_at OFFSET $3 LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        most,
        skip,
    )
    return [(row["merchant_id"], row["id"]) for row in rows]


async def fitting(tx: Tx, asked: Sequence[OwnedId], bytes_max: int) -> int:
    """How many of these payments, from the first one on, have details of at most so many bytes together; at least one.

    One that is named several times counts as often: each of its events holds a copy. No details are read for it.
    """
    return await tx.fetchval(
        """
        SELECT greatest(1, count(*)) FROM (
            SELECT sum(octet_length(p.details::text)) OVER (ORDER BY asked.place) AS bytes
            FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked(merchant_id, id, place)
            JOIN payments p USING (merchant_id, id)
        ) added WHERE bytes <= $3
        """,
        *arrays(asked),
        bytes_max,
    )


async def of_reference(tx: Tx, merchant_id: UUID, reference: str) -> list[Payment]:
    """The merchant's payments of this reference, in every series, oldest first."""
    rows = await tx.fetch(
        f"""
        SELECT p.* FROM unnest($3::text[]) AS asked(scope)
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM payments
                            WHERE merchant_id = $1 AND scope = asked.scope AND reference = $2 LIMIT 1) p
        ORDER BY p.id
        """,
        merchant_id,
        reference,
        list(SCOPES),
    )
    return [PAYMENTS.read(row) for row in rows]


async def static_between(tx: Tx, merchant_id: UUID, low: UUID, high: UUID) -> list[Payment]:
    """A merchant's payments with static paycodes from one id to another, both included."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM payments
        WHERE merchant_id = $1 AND id BETWEEN $2 AND $3 AND kind = 'static' ORDER BY id LIMIT 10
        """,
        merchant_id,
        low,
        high,
    )
    return [PAYMENTS.read(row) for row in rows]
