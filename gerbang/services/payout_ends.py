"""What the end of a payout means for whatever it carries out: a line of a bulk payout, a withdrawal."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from gerbang.db import Tx, withdrawals
from gerbang.db import bulk_payouts as kept
from gerbang.domain.bulk_payouts import BulkPayout, State, Totals, ended, with_line
from gerbang.domain.changes import Changes
from gerbang.domain.events import Event, Kind, Snapshot
from gerbang.domain.payouts import Payout


async def conclude(tx: Tx, payout: Payout, changes: Changes, now: datetime) -> None:
    """Adds to the changes of a payout's end its event, and what else ends with it."""
    changes.events = [*changes.events, *await EVENTS[payout.kind](tx, payout, now)]
    if payout.kind == "payout" and payout.cause_id is not None:
        await _count(tx, payout, changes, now)


async def events_of(tx: Tx, payout: Payout, now: datetime) -> list[Event]:
    """What the merchant is notified of when a payout has ended, or has come back after its end."""
    return await EVENTS[payout.kind](tx, payout, now)


async def _of_payout(tx: Tx, payout: Payout, now: datetime) -> list[Event]:
    kind: Kind = "payout.completed" if payout.state == "completed" else "payout.failed"
    return [Event(payout.merchant_id, kind, now, snapshot=Snapshot(payout=payout))]


async def _of_withdrawal(tx: Tx, payout: Payout, now: datetime) -> list[Event]:
    kind: Kind = "withdrawal.completed" if payout.state == "completed" else "withdrawal.failed"
    withdrawal = await withdrawals.by_id(tx, payout.merchant_id, payout.id)
    return [Event(payout.merchant_id, kind, now, snapshot=Snapshot(payout=payout, withdrawal=withdrawal))]


EVENTS: dict[str, Callable[[Tx, Payout, datetime], Awaitable[list[Event]]]] = {
    "payout": _of_payout,
    "withdrawal": _of_withdrawal,
}
"""By the kind of a payout."""


async def _count(tx: Tx, payout: Payout, changes: Changes, now: datetime) -> None:
    """Counts an ended line, and ends its bulk payout with the last one."""
    assert payout.cause_id is not None
    bulk = await kept.locked(tx, payout.merchant_id, payout.cause_id)
    if bulk is None:
        return
    bulk = ended(bulk, 1, now)
    changes.bulk_payouts = {**changes.bulk_payouts, bulk.id: bulk}
    if bulk.state == "done":
        totals = with_line(await kept.totals(tx, bulk.merchant_id, bulk.id, but=payout.id), payout)
        changes.events = [*changes.events, bulk_event(bulk, totals, now)]


def bulk_event(bulk: BulkPayout, totals: Totals, now: datetime) -> Event:
    """What the merchant is notified of when a bulk payout has come to its state."""
    kinds: dict[State, Kind] = {
        "waiting": "bulk_payout.waiting",
        "done": "bulk_payout.done",
        "cancelled": "bulk_payout.cancelled",
    }
    return Event(bulk.merchant_id, kinds[bulk.state], now, snapshot=Snapshot(bulk_payout=bulk, totals=totals))
