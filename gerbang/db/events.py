"""Events, numbered without gaps for each merchant, and the endpoints that receive them."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.domain.deliveries import Endpoint
from gerbang.domain.events import Event, Snapshot

_snapshot = msgspec.json.Decoder(Snapshot)


async def listeners(tx: Tx, merchants: Iterable[UUID]) -> list[Endpoint]:
    """The endpoints of these merchants, without their secrets."""
    rows = await tx.fetch(
        "SELECT id, merchant_id, product, url, kinds FROM endpoints WHERE merchant_id = ANY($1::uuid[])",
        list(merchants),
    )
    return [
        Endpoint(
            id=row["id"],
            merchant_id=row["merchant_id"],
            product=row["product"],
            url=row["url"],
            kinds=frozenset(row["kinds"]),
            api_key="",
            signing_secret="",
        )
        for row in rows
    ]


def event_of(row: asyncpg.Record) -> Event:
    return Event(
        merchant_id=row["merchant_id"],
        kind=row["kind"],
        at=row["at"],
        payment_id=row["payment_id"],
        charge_id=row["charge_id"],
        snapshot=None if row["snapshot"] is None else _snapshot.decode(row["snapshot"]),
    )


async def newest(tx: Tx, merchant_id: UUID, most: int) -> list[tuple[int, Event]]:
    """A merchant's latest events with their numbers, newest first, without their snapshots."""
    rows = await tx.fetch(
        """
        SELECT merchant_id, sequence, kind, at, payment_id, charge_id, NULL AS snapshot FROM events
        WHERE merchant_id = $1 ORDER BY sequence DESC LIMIT $2
        """,
        merchant_id,
        most,
    )
    return [(row["sequence"], event_of(row)) for row in rows]
