"""What banks call their requests, kept for some days: a repeated request is recognised, and no id stands for two of them."""

from collections.abc import Collection
from datetime import date

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.inquiries import CallName, KnownCall

NEW = """
INSERT INTO bank_calls (called_on, connection, service, external_id, request_id)
SELECT * FROM unnest($1::bank_call_row[])
"""


async def known(tx: Tx, names: Collection[CallName]) -> dict[CallName, KnownCall]:
    """Those of these requests that were answered before."""
    rows = await tx.fetch(
        """
        SELECT c.* FROM unnest($1::date[], $2::text[], $3::text[], $4::text[])
            AS asked(called_on, connection, service, external_id)
        CROSS JOIN LATERAL (
            SELECT called_on, connection, service, external_id, request_id FROM bank_calls
            WHERE called_on = asked.called_on AND connection = asked.connection
                AND service = asked.service AND external_id = asked.external_id LIMIT 1
        ) c
        """,
        *arrays((name.called_on, name.connection, name.service, name.external_id) for name in names),
    )
    found = [
        KnownCall(CallName(row["connection"], row["service"], row["called_on"], row["external_id"]), row["request_id"])
        for row in rows
    ]
    return {call.name: call for call in found}


async def forget(tx: Tx, before: date) -> None:
    """Deletes what is of days before this one."""
    await tx.execute("DELETE FROM bank_calls WHERE called_on < $1", before)


QUERIES = {"new": NEW}
"""The statement by which `gerbang.db.changes.write` writes new ones."""
