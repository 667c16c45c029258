"""How reversals are kept: each once, and each report reversed once."""

from collections.abc import Sequence
from uuid import UUID

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.reversals import Reversal, Reversed
from gerbang.ids import OwnedId


async def known(tx: Tx, reversal: Reversal) -> Reversed | None:
    """What became of a reversal that was received before."""
    row = await tx.fetchrow(
        """
        SELECT id, outcome, merchant_id, report_id FROM reversals WHERE connection = $1 AND service = $2 AND reference = $3
            AND original_service = $4 AND original = $5 AND amount = $6
        """,
        reversal.connection,
        reversal.service,
        reversal.reference,
        reversal.original_service,
        reversal.original,
        reversal.amount,
    )
    return Reversed(row["id"], reversal, row["outcome"], row["merchant_id"], row["report_id"]) if row else None


async def reversed_reports(tx: Tx, reports: Sequence[OwnedId]) -> set[UUID]:
    """The ids of those of these reports whose money went back."""
    if not reports:
        return set()
    rows = await tx.fetch(
        """
        SELECT asked.report_id FROM unnest($1::uuid[], $2::uuid[]) AS asked(merchant_id, report_id)
        CROSS JOIN LATERAL (SELECT FROM reversals WHERE merchant_id = asked.merchant_id AND report_id = asked.report_id
                                                    AND outcome = 'reversed' LIMIT 1) gone
        """,
        *arrays(reports),
    )
    return {row["report_id"] for row in rows}


async def overtaken(tx: Tx, most: int) -> list[Reversal]:
    """Reversals that came before their money, and whose money has arrived since and did not go back yet."""
    rows = await tx.fetch(
        """
        SELECT v.connection, v.reference, v.original, v.amount, v.service, v.original_service FROM reversals v
        WHERE v.outcome = 'unknown_money' AND EXISTS (
            SELECT FROM report_names n JOIN reports r ON r.merchant_id = n.merchant_id AND r.id = n.report_id
            WHERE n.connection = v.connection AND n.service = v.original_service AND n.reference = v.original
              AND r.amount = v.amount AND NOT EXISTS (SELECT FROM reversals gone
                                                     WHERE gone.merchant_id = r.merchant_id AND gone.report_id = r.id))
        ORDER BY v.received_at LIMIT $1
        """,
        most,
    )
    return [Reversal(**dict(row)) for row in rows]
