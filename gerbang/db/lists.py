"""Lists of what a merchant is paid: one-time payments, and single arrivals of money on static paycodes, in one order.

Both have ids in the order of time, so a page is read by id: from a known one on, as many as were requested. Each part of a
list has an index of its own, so that a page is found in it however rare its rows are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx

LOWEST, HIGHEST = UUID(int=0), UUID(int=2**128 - 1)


class Span(msgspec.Struct, frozen=True):
    """Which part of a list: between two ids, both excluded, in one direction; of that, `most` after `skip`."""

    low: UUID = LOWEST
    high: UUID = HIGHEST
    newest_first: bool = True
    skip: int = 0
    most: int = 10


Listed = tuple[UUID, bool]
"""The id of a payment, or of an arrival (True)."""

# -- statements -------------------------------------------------------------------------------------------------------

MINE = "merchant_id = $1 AND id > $2 AND id < $3"
ONE_TIME = f"SELECT id, false AS arrival FROM payments WHERE {MINE} AND kind = 'one_time'"
STATIC = f"SELECT id, false AS arrival FROM payments WHERE {MINE} AND kind = 'static'"
ARRIVED = f"SELECT id, true AS arrival FROM charges WHERE {MINE} AND static"
# A one-time payment that is paid has one charge that succeeded, and only the charge has the instant of its settlement.
CHARGED = """
SELECT payment_id AS id, false AS arrival FROM charges
WHERE merchant_id = $1 AND payment_id > $2 AND payment_id < $3 AND NOT static
"""
ON_CODE = "SELECT id, true AS arrival FROM charges WHERE payment_id = $1 AND id > $2 AND id < $3 AND static"

PENDING = ("awaiting", "authenticating", "processing", "opening", "needs_method", "needs_confirmation")
UNPAID = "state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'authenticating', 'active')"
# Payments whose time is over ($7 is now) but which no worker has marked as expired yet are found by their end: there are
# few of them over all merchants, unless no worker has run for a while. Of more than 1,000, those of the merchant are found
# by id instead.
OVER = f"""
WITH over AS MATERIALIZED (
    SELECT id, merchant_id, kind FROM payments WHERE {UNPAID} AND expires_at <= $7 ORDER BY expires_at LIMIT 1001
), little AS MATERIALIZED (SELECT count(*) <= 1000 AS holds FROM over)
"""
# In that case what can still be paid is scattered among what has ended, and is found by its end where there is little of it.
STILL = f"""
{OVER}, still AS MATERIALIZED (
    SELECT id, merchant_id, kind FROM payments WHERE {UNPAID} AND expires_at > $7 AND (SELECT NOT holds FROM little)
    ORDER BY expires_at LIMIT 1001
), walked AS MATERIALIZED (SELECT (SELECT holds FROM little) OR count(*) > 1000 AS holds FROM still)
"""
OPEN = "expires_at > $7 AND (SELECT holds FROM walked)"
ENDED = "expires_at <= $7 AND (SELECT NOT holds FROM little)"


def _in_states(states: Iterable[str], condition: str) -> list[str]:
    """One-time payments in each of these states, for an index that has the state before the id."""
    return [f"{ONE_TIME} AND state = '{state}' AND {condition}" for state in states]


def _list(name: str, parts: Sequence[str], *, before: str = "", whole: str = "") -> dict[str, str]:
    """The two statements of a list, one for each direction.

    Of each part only as many rows are read as the page may need; `whole` is a further part that is short. `before` are
    the CTEs that the parts use.
    """
    statements: dict[str, str] = {}
    for direction, order in ((name, "DESC"), (f"{name}, oldest first", "ASC")):
        found = [f"({part} ORDER BY id {order} LIMIT $4)" for part in parts] + ([f"({whole})"] if whole else [])
        statements[direction] = (
            f"{before} SELECT * FROM ({' UNION ALL '.join(found)}) found ORDER BY id {order} OFFSET $5 LIMIT $6"
        )
    return statements


def _arrivals(name: str, condition: str) -> dict[str, str]:
    """The two statements of a list of arrivals on one paycode, one for each direction."""
    return {
        name: f"{ON_CODE} {condition} ORDER BY id DESC OFFSET $4 LIMIT $5",
        f"{name}, oldest first": f"{ON_CODE} {condition} ORDER BY id OFFSET $4 LIMIT $5",
    }


QUERIES = {
    **_list("page", [ONE_TIME, ARRIVED]),
    **_list("of both kinds", [ONE_TIME, STATIC]),
    **_list(
        "pending",
        _in_states(PENDING, OPEN),
        before=STILL,
        whole=f"SELECT id, false FROM still WHERE {MINE} AND kind = 'one_time' AND (SELECT NOT holds FROM walked)",
    ),
    **_list("paid", [f"{CHARGED} AND state = 'succeeded' AND settled_at IS NULL", f"{ARRIVED} AND settled_at IS NULL"]),
    **_list("settled", [f"{CHARGED} AND settled_at IS NOT NULL", f"{ARRIVED} AND settled_at IS NOT NULL"]),
    **_list("cancelled", [f"{ONE_TIME} AND state = 'cancelled'"]),
    **_list("failed", [f"{ONE_TIME} AND state = 'failed'"]),
    **_list(
        "expired",
        [
            f"{ONE_TIME} AND state = 'expired'",
            *_in_states(PENDING, ENDED),
        ],
        before=OVER,
        whole=f"SELECT id, false FROM over WHERE {MINE} AND kind = 'one_time' AND (SELECT holds FROM little)",
    ),
    **_arrivals("arrivals", ""),
    **_arrivals("settled arrivals", "AND settled_at IS NOT NULL"),
    **_arrivals("unsettled arrivals", "AND settled_at IS NULL"),
}
"""The statements by name. Every condition is written out, so that each list is read from an index of its own."""


# -- reading ----------------------------------------------------------------------------------------------------------


def _listed(rows: Sequence[asyncpg.Record]) -> list[Listed]:
    return [(row["id"], row["arrival"]) for row in rows]


def _directed(name: str, span: Span) -> str:
    """The name of the statement that reads a list in the direction of a span."""
    return name if span.newest_first else f"{name}, oldest first"


def _bounds(merchant_id: UUID, span: Span) -> tuple[UUID, UUID, UUID, int, int, int]:
    return merchant_id, span.low, span.high, span.skip + span.most, span.skip, span.most


async def page(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """A part of a merchant's list."""
    return _listed(await tx.fetch(QUERIES[_directed("page", span)], *_bounds(merchant_id, span)))


async def of_both_kinds(tx: Tx, merchant_id: UUID, span: Span) -> list[UUID]:
    """As `page`, of payments alone: one-time payments, and those with static paycodes."""
    rows = await tx.fetch(QUERIES[_directed("of both kinds", span)], *_bounds(merchant_id, span))
    return [row["id"] for row in rows]


async def pending(tx: Tx, merchant_id: UUID, span: Span, now: datetime) -> list[Listed]:
    """As `page`, of what can still be paid at `now`."""
    return _listed(await tx.fetch(QUERIES[_directed("pending", span)], *_bounds(merchant_id, span), now))


async def paid(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what is paid and not yet settled."""
    return _listed(await tx.fetch(QUERIES[_directed("paid", span)], *_bounds(merchant_id, span)))


async def settled(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what is paid and settled."""
    return _listed(await tx.fetch(QUERIES[_directed("settled", span)], *_bounds(merchant_id, span)))


async def cancelled(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what was cancelled."""
    return _listed(await tx.fetch(QUERIES[_directed("cancelled", span)], *_bounds(merchant_id, span)))


async def failed(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what failed because its only charge was declined."""
    return _listed(await tx.fetch(QUERIES[_directed("failed", span)], *_bounds(merchant_id, span)))


async def expired(tx: Tx, merchant_id: UUID, span: Span, now: datetime) -> list[Listed]:
    """As `page`, of what was not paid in time by `now`."""
    return _listed(await tx.fetch(QUERIES[_directed("expired", span)], *_bounds(merchant_id, span), now))


async def arrivals(tx: Tx, payment_id: UUID, span: Span, settled: bool | None) -> list[Listed]:
    """As `page`, of the arrivals on one static paycode: of those that are settled, that are not, or of all (None)."""
    name = {None: "arrivals", True: "settled arrivals", False: "unsettled arrivals"}[settled]
    bounds = payment_id, span.low, span.high, span.skip, span.most
    return _listed(await tx.fetch(QUERIES[_directed(name, span)], *bounds))


async def arrivals_by_tail(tx: Tx, merchant_id: UUID, tail: str) -> list[Listed]:
    """A merchant's arrivals whose ids end in these ten hexadecimal digits."""
    rows = await tx.fetch(
        """
        SELECT id, true AS arrival FROM charges
        WHERE merchant_id = $1 AND right(id::text, 10) = $2 AND static
        """,
        merchant_id,
        tail,
    )
    return _listed(rows)
