"""How news is kept: events without gaps for each merchant, and a delivery for each endpoint that listens."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays, text_or_none
from gerbang.domain.deliveries import Endpoint
from gerbang.domain.events import Event, Snapshot

_snapshot = msgspec.json.Decoder(Snapshot)


async def insert(tx: Tx, events: Sequence[Event], payments: Mapping[UUID, int]) -> list[int]:
    """Writes events under the next numbers of their merchants, and returns those; also counts new payments.

    It locks the counters of the merchants until the commit, so it comes last of all that waits in a transaction.
    """
    counts: dict[UUID, int] = {}
    rows: list[tuple[object, ...]] = []
    for e in events:
        counts[e.merchant_id] = counts.get(e.merchant_id, 0) + 1
        rows.append(
            (e.merchant_id, counts[e.merchant_id], e.kind, e.at, e.payment_id, e.charge_id, text_or_none(e.snapshot))
        )
    before = await tx.fetch(
        """
        WITH held AS (
            SELECT merchant_id FROM counters WHERE merchant_id = ANY($1::uuid[]) ORDER BY merchant_id FOR NO KEY UPDATE
        ), counted AS (
            UPDATE counters t SET events = t.events + n.events, payments = t.payments + n.payments
            FROM held JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n(merchant_id, events, payments)
                           USING (merchant_id)
            WHERE t.merchant_id = held.merchant_id
            RETURNING t.merchant_id, t.events - n.events AS before
        ), written AS (
            INSERT INTO events (merchant_id, sequence, kind, at, payment_id, charge_id, snapshot)
            SELECT merchant_id, counted.before + n.place, n.kind, n.at, n.payment_id, n.charge_id, n.snapshot
            FROM unnest($4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[], $8::uuid[], $9::uuid[], $10::json[])
                 AS n(merchant_id, place, kind, at, payment_id, charge_id, snapshot)
            JOIN counted USING (merchant_id)
        )
        SELECT merchant_id, before FROM counted
        """,
        *arrays((merchant, count, payments.get(merchant, 0)) for merchant, count in counts.items()),
        *arrays(rows),
    )
    start = {row["merchant_id"]: row["before"] for row in before}
    return [start[e.merchant_id] + row[1] for e, row in zip(events, rows, strict=True)]


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
