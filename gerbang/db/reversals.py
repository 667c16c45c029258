"""How reversals are kept: each once, and each report reversed once."""

from uuid import UUID

from gerbang.db import Tx
from gerbang.domain.reversals import Reversal, Reversed


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


async def reversed_reports(tx: Tx, report_ids: list[UUID]) -> set[UUID]:
    """Those of these reports whose money went back."""
    rows = await tx.fetch(
        "SELECT report_id FROM reversals WHERE report_id = ANY($1::uuid[]) AND outcome = 'reversed'", report_ids
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
              AND r.amount = v.amount AND NOT EXISTS (SELECT FROM reversals gone WHERE gone.report_id = r.id))
        ORDER BY v.received_at LIMIT $1
        """,
        most,
    )
    return [Reversal(**dict(row)) for row in rows]
