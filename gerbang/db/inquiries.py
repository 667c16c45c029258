"""How answers to banks' questions are kept: one for each question, however often it is asked."""

from collections.abc import Collection

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.tables import INQUIRIES
from gerbang.domain.inquiries import Reply
from gerbang.domain.reports import Name

COLUMNS = INQUIRIES.columns


async def replies(tx: Tx, names: Collection[Name]) -> dict[Name, Reply]:
    """What was answered to those of these questions (connection, service, the bank's id) that were asked before."""
    rows = await tx.fetch(
        f"""
        SELECT i.* FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(connection, service, request_id)
        CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM inquiries i WHERE i.connection = asked.connection
                AND i.service = asked.service AND i.request_id = asked.request_id LIMIT 1
        ) i
        """,
        *arrays(names),
    )
    found = [INQUIRIES.read(row) for row in rows]
    return {reply.name: reply for reply in found}
