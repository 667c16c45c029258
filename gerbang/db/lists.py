"""Lists of all that is paid or to be paid once: one-time payments, and arrivals on static paycodes, in one order.

Both have ids in the order of time, so a list is walked by id: from a known one on, as many as asked for. Every condition is
written out, so that each list has an index of its own to walk, however rare what it looks for.
"""

from collections.abc import Sequence
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


def _listed(rows: Sequence[asyncpg.Record]) -> list[Listed]:
    return [(row["id"], row["arrival"]) for row in rows]


def _bounds(merchant_id: UUID, span: Span) -> tuple[UUID, UUID, UUID, int, int, int]:
    return merchant_id, span.low, span.high, span.skip + span.most, span.skip, span.most


ASKED = """
SELECT id, false AS arrival FROM payments WHERE merchant_id = $1 AND id > $2 AND id < $3 AND kind = 'single'
"""
ARRIVED = "SELECT id, true AS arrival FROM charges WHERE merchant_id = $1 AND id > $2 AND id < $3 AND static"
# A one-time payment that is paid has one charge that succeeded, and only that knows whether it is settled.
CHARGED = """
SELECT payment_id AS id, false AS arrival FROM charges
WHERE merchant_id = $1 AND payment_id > $2 AND payment_id < $3 AND NOT static
"""


async def page(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """A part of a merchant's list."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} ORDER BY id DESC LIMIT $4)
                UNION ALL ({ARRIVED} ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} ORDER BY id LIMIT $4)
                UNION ALL ({ARRIVED} ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def of_both_kinds(tx: Tx, merchant_id: UUID, span: Span) -> list[UUID]:
    """As `page`, of payments alone, newest first: those that are paid once, and those with static paycodes."""
    rows = await tx.fetch(
        """
        SELECT id FROM (
            (SELECT id FROM payments WHERE merchant_id = $1 AND id > $2 AND id < $3 AND kind = 'single'
             ORDER BY id DESC LIMIT $4)
            UNION ALL
            (SELECT id FROM payments WHERE merchant_id = $1 AND id > $2 AND id < $3 AND kind = 'multiple'
             ORDER BY id DESC LIMIT $4)
        ) found ORDER BY id DESC OFFSET $5 LIMIT $6
        """,
        *_bounds(merchant_id, span),
    )
    return [row["id"] for row in rows]


# What has ended and is not yet written down is found by its end: of all merchants together there is little of it, unless
# nobody has written for a while. When there are more than 1,000, who asks walks through what its own payments are, by id.
OVER = """
over AS MATERIALIZED (
    SELECT id, merchant_id, kind FROM payments
    WHERE state IN ('needs_method', 'needs_confirmation', 'awaiting', 'active') AND expires_at <= $7
    ORDER BY expires_at LIMIT 1001
), little AS MATERIALIZED (SELECT count(*) <= 1000 AS holds FROM over)
"""
# Then what is still to be paid stands among what has ended, and is found by its end where there is little of that.
STILL = """
still AS MATERIALIZED (
    SELECT id, merchant_id, kind FROM payments
    WHERE state IN ('needs_method', 'needs_confirmation', 'awaiting', 'active') AND expires_at > $7
          AND (SELECT NOT holds FROM little)
    ORDER BY expires_at LIMIT 1001
), walked AS MATERIALIZED (SELECT (SELECT holds FROM little) OR count(*) > 1000 AS holds FROM still)
"""
OPEN = "expires_at > $7 AND (SELECT holds FROM walked)"
ENDED = "expires_at <= $7 AND (SELECT NOT holds FROM little)"
MINE = "merchant_id = $1 AND id > $2 AND id < $3 AND kind = 'single'"


async def pending(tx: Tx, merchant_id: UUID, span: Span, now: datetime) -> list[Listed]:
    """As `page`, of what is still to be paid at `now`."""
    bounds = *_bounds(merchant_id, span), now
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            WITH {OVER}, {STILL}
            SELECT * FROM (
                ({ASKED} AND state = 'awaiting' AND {OPEN} ORDER BY id DESC LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_method' AND {OPEN} ORDER BY id DESC LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_confirmation' AND {OPEN} ORDER BY id DESC LIMIT $4)
                UNION ALL (SELECT id, false FROM still WHERE {MINE} AND (SELECT NOT holds FROM walked))
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            WITH {OVER}, {STILL}
            SELECT * FROM (
                ({ASKED} AND state = 'awaiting' AND {OPEN} ORDER BY id LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_method' AND {OPEN} ORDER BY id LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_confirmation' AND {OPEN} ORDER BY id LIMIT $4)
                UNION ALL (SELECT id, false FROM still WHERE {MINE} AND (SELECT NOT holds FROM walked))
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def processing(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what a partner is at work on."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'processing' ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'processing' ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def paid(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what is paid and not yet settled."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({CHARGED} AND state = 'succeeded' AND settled_at IS NULL ORDER BY payment_id DESC LIMIT $4)
                UNION ALL ({ARRIVED} AND settled_at IS NULL ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({CHARGED} AND state = 'succeeded' AND settled_at IS NULL ORDER BY payment_id LIMIT $4)
                UNION ALL ({ARRIVED} AND settled_at IS NULL ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def settled(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what is paid and settled."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({CHARGED} AND settled_at IS NOT NULL ORDER BY payment_id DESC LIMIT $4)
                UNION ALL ({ARRIVED} AND settled_at IS NOT NULL ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({CHARGED} AND settled_at IS NOT NULL ORDER BY payment_id LIMIT $4)
                UNION ALL ({ARRIVED} AND settled_at IS NOT NULL ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def cancelled(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what was cancelled."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'cancelled' AND cancellation_reason <> 'CHARGE_FAILED' ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'cancelled' AND cancellation_reason <> 'CHARGE_FAILED' ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def declined(tx: Tx, merchant_id: UUID, span: Span) -> list[Listed]:
    """As `page`, of what was declined."""
    bounds = _bounds(merchant_id, span)
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'cancelled' AND cancellation_reason = 'CHARGE_FAILED' ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            SELECT * FROM (
                ({ASKED} AND state = 'cancelled' AND cancellation_reason = 'CHARGE_FAILED' ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


async def expired(tx: Tx, merchant_id: UUID, span: Span, now: datetime) -> list[Listed]:
    """As `page`, of what was not paid in time."""
    bounds = *_bounds(merchant_id, span), now
    if span.newest_first:
        rows = await tx.fetch(
            f"""
            WITH {OVER}
            SELECT * FROM (
                ({ASKED} AND state = 'expired' ORDER BY id DESC LIMIT $4)
                UNION ALL (SELECT id, false FROM over WHERE {MINE} AND (SELECT holds FROM little))
                UNION ALL ({ASKED} AND state = 'awaiting' AND {ENDED} ORDER BY id DESC LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_method' AND {ENDED} ORDER BY id DESC LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_confirmation' AND {ENDED} ORDER BY id DESC LIMIT $4)
            ) found ORDER BY id DESC OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    else:
        rows = await tx.fetch(
            f"""
            WITH {OVER}
            SELECT * FROM (
                ({ASKED} AND state = 'expired' ORDER BY id LIMIT $4)
                UNION ALL (SELECT id, false FROM over WHERE {MINE} AND (SELECT holds FROM little))
                UNION ALL ({ASKED} AND state = 'awaiting' AND {ENDED} ORDER BY id LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_method' AND {ENDED} ORDER BY id LIMIT $4)
                UNION ALL ({ASKED} AND state = 'needs_confirmation' AND {ENDED} ORDER BY id LIMIT $4)
            ) found ORDER BY id OFFSET $5 LIMIT $6
            """,
            *bounds,
        )
    return _listed(rows)


ON_CODE = "SELECT id, true AS arrival FROM charges WHERE payment_id = $1 AND id > $2 AND id < $3 AND static"


async def arrivals(tx: Tx, payment_id: UUID, span: Span, settled: bool | None) -> list[Listed]:
    """As `page`, of the arrivals on one static paycode: of those that are settled, that are not, or of all."""
    bounds = payment_id, span.low, span.high, span.skip, span.most
    if settled is None and span.newest_first:
        rows = await tx.fetch(f"{ON_CODE} ORDER BY id DESC OFFSET $4 LIMIT $5", *bounds)
    elif settled is None:
        rows = await tx.fetch(f"{ON_CODE} ORDER BY id OFFSET $4 LIMIT $5", *bounds)
    elif settled and span.newest_first:
        rows = await tx.fetch(f"{ON_CODE} AND settled_at IS NOT NULL ORDER BY id DESC OFFSET $4 LIMIT $5", *bounds)
    elif settled:
        rows = await tx.fetch(f"{ON_CODE} AND settled_at IS NOT NULL ORDER BY id OFFSET $4 LIMIT $5", *bounds)
    elif span.newest_first:
        rows = await tx.fetch(f"{ON_CODE} AND settled_at IS NULL ORDER BY id DESC OFFSET $4 LIMIT $5", *bounds)
    else:
        rows = await tx.fetch(f"{ON_CODE} AND settled_at IS NULL ORDER BY id OFFSET $4 LIMIT $5", *bounds)
    return _listed(rows)


async def arrivals_by_tail(tx: Tx, merchant_id: UUID, tail: str) -> list[Listed]:
    """A merchant's arrivals whose ids end so (ten hexadecimal digits)."""
    rows = await tx.fetch(
        """
        SELECT id, true AS arrival FROM charges
        WHERE merchant_id = $1 AND right(id::text, 10) = $2 AND static
        """,
        merchant_id,
        tail,
    )
    return _listed(rows)
