"""What banks call their requests, kept for some days: a repeated request is recognised, and no id stands for two of them."""

from datetime import date

from gerbang.db import Tx

NEW = """
INSERT INTO bank_calls (called_on, connection, service, external_id, request_id)
SELECT * FROM unnest($1::bank_call_row[])
"""


async def forget(tx: Tx, before: date, most: int) -> int:
    """Deletes up to `most` of what is of days before this one, and returns how much."""
    done = await tx.execute(
        """
        DELETE FROM bank_calls
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM bank_calls WHERE called_on < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        """,
        before,
        most,
    )
    return int(done.split()[-1])


QUERIES = {"new": NEW}
"""The statement by which `gerbang.db.changes.write` writes new ones."""
