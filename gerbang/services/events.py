"""Telling what has become true: an event without gaps for each change, and a delivery for each endpoint that listens."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from gerbang import ids
from gerbang.db import Tx, deliveries
from gerbang.db import events as kept
from gerbang.domain.events import Event


async def record_events(
    tx: Tx, events: Sequence[Event], now: datetime, new_payments: Mapping[UUID, int] | None = None
) -> None:
    """Writes events and what must be delivered, in the transaction that made them true. It must come last in it."""
    if not events:
        return
    # News without a snapshot is never sent to anybody.
    heard = {event.merchant_id for event in events if event.snapshot is not None}
    endpoints = await kept.listeners(tx, heard) if heard else []
    numbers = await kept.insert(tx, events, new_payments or {})
    await deliveries.insert(
        tx,
        [
            (ids.uuid7(now), event.merchant_id, number, endpoint.id, now)
            for event, number in zip(events, numbers, strict=True)
            for endpoint in endpoints
            if endpoint.merchant_id == event.merchant_id
            and event.kind in endpoint.kinds
            and event.concerns(endpoint.product)
        ],
    )
