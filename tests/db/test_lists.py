"""Lists that time alone changes: what has ended is found among what nobody has written down, however much that is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gerbang.db import Tx, lists
from gerbang.db.lists import Span
from gerbang.domain.merchants import Merchant
from tests.support.gateways import Databases
from tests.support.services import START, services

MANY = 4_000
"""So many payments; their ends are 10 seconds apart, and in another order than they were made."""
PAYMENTS = f"""
INSERT INTO payments (id, merchant_id, reference, kind, amount, currency, state, created_at, updated_at, expires_at, descriptor,
                      details, product, scope)
SELECT (lpad(to_hex(n), 12, '0') || '70008000000000000000')::uuid, CASE n % 3 WHEN 0 THEN $2::uuid ELSE $1 END, n,
       CASE n % 50 WHEN 1 THEN 'static' ELSE 'one_time' END, 100, 'IDR',
       CASE n % 50 WHEN 1 THEN 'active' ELSE (ARRAY['awaiting', 'awaiting', 'awaiting', 'needs_method', 'needs_confirmation', 'expired',
                                                    'cancelled'])[1 + n % 7] END,
       $3::timestamptz, $3, $3 + n * 7919 % {MANY} * interval '10 seconds', '', '{{}}', 'payment', ''
FROM generate_series(1, {MANY}) n
"""
OPEN = ("awaiting", "needs_method", "needs_confirmation")


def spans(ids: list[UUID]) -> Iterator[Span]:
    """Parts of a list: its first page, one further on, and what lies between two ids."""
    low, high = sorted(ids)[len(ids) // 4], sorted(ids)[len(ids) // 2]
    for newest_first in (True, False):
        yield Span(newest_first=newest_first, most=7)
        yield Span(newest_first=newest_first, skip=20, most=1_000)
        yield Span(low, high, newest_first=newest_first)


def part(ids: list[UUID], span: Span) -> list[UUID]:
    within = sorted((id_ for id_ in ids if span.low < id_ < span.high), reverse=span.newest_first)
    return within[span.skip : span.skip + span.most]


async def listed(tx: Tx, status: str, merchant: Merchant, span: Span, now: datetime) -> list[UUID]:
    read = lists.pending if status == "pending" else lists.expired
    found = await read(tx, merchant.id, span, now)
    assert not any(arrival for _, arrival in found)
    return [id_ for id_, _ in found]


@pytest.mark.parametrize("ended", [0, 100, 999, 1_100, 2_000, 2_900, 3_900, MANY])
async def test_what_has_ended_and_what_has_not_is_listed_however_much_nobody_wrote_down(
    databases: Databases, ended: int
) -> None:
    url = databases.fresh()

    async with services(url) as here:
        one, two = await here.merchant(), await here.merchant()
        now = START + ended * timedelta(seconds=10)
        async with here.world.db.transaction() as tx:
            await tx.execute(PAYMENTS, one.id, two.id, START)
            rows = await tx.fetch("SELECT id, merchant_id, state, kind, expires_at FROM payments")
            for merchant in (one, two):
                mine = [row for row in rows if row["merchant_id"] == merchant.id and row["kind"] == "one_time"]
                pending = [row["id"] for row in mine if row["state"] in OPEN and row["expires_at"] > now]
                over = [row["id"] for row in mine if row["state"] in OPEN and row["expires_at"] <= now]
                expired = over + [row["id"] for row in mine if row["state"] == "expired"]
                assert len(pending) + len(over) > 900
                for span in spans([row["id"] for row in mine]):
                    assert await listed(tx, "pending", merchant, span, now) == part(pending, span)
                    assert await listed(tx, "expired", merchant, span, now) == part(expired, span)
