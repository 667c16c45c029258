"""Reading payouts. `gerbang.db.changes` writes them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.tables import PAYOUTS
from gerbang.domain.payouts import Kind, Payout, Search

COLUMNS = PAYOUTS.columns

WITHIN = "merchant_id = $1 AND kind = 'payout' AND (created_at, id) > ($2, $3) AND (created_at, id) < ($4, $5)"
"""One range of one index: PostgreSQL would check any further condition on the time row by row."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
NO_ID = UUID(int=0)


async def locked(tx: Tx, merchant_id: UUID, id_: UUID) -> Payout | None:
    """A merchant's payout, locked until the end of the transaction."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM payouts WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE", merchant_id, id_
    )
    return None if row is None else PAYOUTS.read(row)


async def by_id(tx: Tx, merchant_id: UUID, id_: UUID) -> Payout | None:
    """A merchant's payout."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM payouts WHERE merchant_id = $1 AND id = $2", merchant_id, id_)
    return None if row is None else PAYOUTS.read(row)


async def by_ids(tx: Tx, pairs: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Payout]:
    """Payouts by their id, for pairs of a merchant and an id."""
    if not pairs:
        return {}
    rows = await tx.fetch(
        f"""
        SELECT p.* FROM unnest($1::uuid[], $2::uuid[]) AS asked(merchant_id, id) CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM payouts WHERE merchant_id = asked.merchant_id AND id = asked.id LIMIT 1
        ) p
        """,
        *arrays(pairs),
    )
    return {row["id"]: PAYOUTS.read(row) for row in rows}


async def by_bank_reference(tx: Tx, connection: str, bank_reference: str) -> list[Payout]:
    """The payouts that a bank names so: one, unless it uses a name twice."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM payouts
        WHERE connection = $1 AND bank_reference = $2 AND bank_reference <> '' ORDER BY id LIMIT 2""",
        connection,
        bank_reference,
    )
    return [PAYOUTS.read(row) for row in rows]


async def by_reference(tx: Tx, merchant_id: UUID, reference: str, kind: Kind = "payout") -> Payout | None:
    """The merchant's payout of a kind with this reference."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM payouts WHERE merchant_id = $1 AND reference = $2 AND kind = $3",
        merchant_id,
        reference,
        kind,
    )
    return None if row is None else PAYOUTS.read(row)


async def _between(
    tx: Tx, merchant_id: UUID, search: Search, after_id: UUID | None, edge: UUID | None
) -> tuple[tuple[datetime, UUID], tuple[datetime, UUID]]:
    """Between which (instant, id) a page is looked for, both excluded."""
    low, high = (search.created_after or FIRST, NO_ID), (search.created_before or LAST, NO_ID)
    if after_id is None:
        return low, high
    made_at = await tx.fetchval(
        "SELECT created_at FROM payouts WHERE merchant_id = $1 AND id = $2", merchant_id, after_id
    )
    if made_at is None:
        return high, low  # nothing comes after what there is not
    after = (made_at, edge or after_id)
    return (low, min(high, after)) if search.newest_first else (max(low, after), high)


def _page(*, newest_first: bool, of_one_state: bool) -> str:
    """A part of a merchant's list. What is skipped is read in the index only."""
    order = "{0}created_at DESC, {0}id DESC" if newest_first else "{0}created_at, {0}id"
    within = f"{WITHIN} AND state = $8" if of_one_state else WITHIN
    return f"""
        SELECT p.* FROM (SELECT id FROM payouts WHERE {within} ORDER BY {order.format("")} OFFSET $6 LIMIT $7) shown
        CROSS JOIN LATERAL (SELECT {COLUMNS} FROM payouts WHERE merchant_id = $1 AND id = shown.id LIMIT 1) p
        ORDER BY {order.format("p.")}
    """


QUERIES = {
    "page": _page(newest_first=True, of_one_state=False),
    "page, oldest first": _page(newest_first=False, of_one_state=False),
    "page of a state": _page(newest_first=True, of_one_state=True),
    "page of a state, oldest first": _page(newest_first=False, of_one_state=True),
}
"""A statement for each index and direction, by name."""


async def page(
    tx: Tx,
    merchant_id: UUID,
    search: Search,
    *,
    after_id: UUID | None,
    edge: UUID | None = None,
    skip: int,
    most: int,
) -> list[Payout]:
    """A merchant's payouts in the order of their creation, of one state or of all: `most` of those after `after_id`,
    behind the first `skip` of them.

    `edge` replaces `after_id` as the id to start behind, at the instant at which `after_id` was created. The search's
    reference is ignored: `by_reference` finds the only payout that has it.
    """
    low, high = await _between(tx, merchant_id, search, after_id, edge)
    name = ("page" if search.state is None else "page of a state") + ("" if search.newest_first else ", oldest first")
    state = () if search.state is None else (search.state,)
    rows = await tx.fetch(QUERIES[name], merchant_id, *low, *high, skip, most, *state)
    return [PAYOUTS.read(row) for row in rows]
