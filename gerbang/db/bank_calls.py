"""What banks call their requests, kept for some days: a repeated request is recognised, and no id stands for two of them."""

from datetime import date

from gerbang.db import Tx

NEW = """
INSERT INTO bank_calls (called_on, connection, service, external_id, request_id)
SELECT * FROM unnest($1::bank_call_row[])
"""


async def forget(tx: Tx, before: date) -> None:
    """Deletes what is of days before this one."""
    await tx.execute("DELETE FROM bank_calls WHERE called_on < $1", before)


QUERIES = {"new": NEW}
"""The statement by which `gerbang.db.changes.write` writes new ones."""
