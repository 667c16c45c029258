"""Reading what partners were asked, and taking what they must be called about. `gerbang.db.changes` writes it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db.tables import PARTNER_REQUESTS
from gerbang.domain.partner_requests import PartnerRequest

COLUMNS = PARTNER_REQUESTS.columns


async def by_id(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, PartnerRequest]:
    """Requests by id, whoever they belong to."""
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM partner_requests WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"]: PARTNER_REQUESTS.read(row) for row in rows}


async def locked(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, PartnerRequest]:
    """Requests by id, held until the end of the transaction."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM partner_requests WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", list(ids)
    )
    return {row["id"]: PARTNER_REQUESTS.read(row) for row in rows}


def _claim(which: str) -> str:
    return f"""
        UPDATE partner_requests SET next_at = $2
        WHERE id IN (SELECT id FROM partner_requests WHERE {which} next_at <= $1 ORDER BY next_at LIMIT $3
                     FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING {COLUMNS}
        """


QUERIES = {
    "claim": _claim(""),
    "claim of a connection": _claim("connection = $4 AND"),
    "claim of money": _claim("connection = $4 AND operation = 'send' AND"),
    "claim of anything else": _claim("connection = $4 AND operation <> 'send' AND"),
    "unknown": f"""
        SELECT {COLUMNS} FROM partner_requests
        WHERE operation = 'send' AND next_at IS NOT NULL AND (state = 'sending' OR not_found > 0) AND sending_at <= $1
        ORDER BY sending_at, id LIMIT $2
        """,
    "long under way": f"""
        SELECT {COLUMNS} FROM partner_requests
        WHERE operation = 'send' AND next_at IS NOT NULL AND created_at <= $1 AND state = 'processing' AND not_found = 0
            AND sending_at <= $1
        ORDER BY created_at, id LIMIT $2
        """,
    "waiting": f"""
        SELECT {COLUMNS} FROM partner_requests
        WHERE operation = 'send' AND next_at IS NOT NULL AND created_at <= $1 AND state = 'pending'
        ORDER BY created_at, id LIMIT $2
        """,
}
"""Each is read from an index of its own."""


async def claim(
    tx: Tx, now: datetime, again_at: datetime, most: int, connection: str | None = None, *, money: bool | None = None
) -> list[PartnerRequest]:
    """Takes requests about which a partner must be called and makes them due again at `again_at`, should nobody come back.

    Those of one connection, or of all; of one connection only money, or all but money. Those that somebody else has in hand
    are left.
    """
    if connection is None:
        rows = await tx.fetch(QUERIES["claim"], now, again_at, most)
    else:
        which = {None: "claim of a connection", True: "claim of money", False: "claim of anything else"}[money]
        rows = await tx.fetch(QUERIES[which], now, again_at, most, connection)
    return [PARTNER_REQUESTS.read(row) for row in rows]


async def next_due_at(tx: Tx, after: datetime) -> datetime | None:
    """The nearest instant after this one at which a partner must be called."""
    return await tx.fetchval("SELECT min(next_at) FROM partner_requests WHERE next_at > $1", after)


async def unknown(tx: Tx, before: datetime, most: int) -> list[PartnerRequest]:
    """Money that was sent before this instant and that its bank has not said the fate of, the oldest first."""
    return [PARTNER_REQUESTS.read(row) for row in await tx.fetch(QUERIES["unknown"], before, most)]


async def long_under_way(tx: Tx, before: datetime, most: int) -> list[PartnerRequest]:
    """Money that its bank was given before this instant and is still at work on, as it says; the oldest first."""
    return [PARTNER_REQUESTS.read(row) for row in await tx.fetch(QUERIES["long under way"], before, most)]


async def waiting(tx: Tx, before: datetime, most: int) -> list[PartnerRequest]:
    """Money that was ordered before this instant and that no bank was given yet, the oldest first."""
    return [PARTNER_REQUESTS.read(row) for row in await tx.fetch(QUERIES["waiting"], before, most)]


async def sent_since(tx: Tx, connection: str, since: datetime, least: int, most: int) -> list[UUID]:
    """Money that went over a connection since an instant, between two amounts where its bank has answered."""
    rows = await tx.fetch(
        """
        SELECT id FROM payouts WHERE connection = $1 AND sent_at >= $2 AND amount BETWEEN $3 AND $4
        UNION
        SELECT id FROM partner_requests
        WHERE operation = 'send' AND next_at IS NOT NULL AND (state = 'sending' OR not_found > 0) AND sending_at >= $2
            AND connection = $1
        """,
        connection,
        since,
        least,
        most,
    )
    return [row["id"] for row in rows]
