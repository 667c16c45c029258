"""How answers to banks' questions are kept: one for each question, however often it is asked."""

from collections.abc import Iterable
from datetime import datetime

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.tables import INQUIRIES
from gerbang.domain.inquiries import INQUIRY, BankQuestion, CallName, KnownCall, Reply
from gerbang.domain.reports import Name

COLUMNS = INQUIRIES.columns


async def before(tx: Tx, questions: Iterable[BankQuestion]) -> tuple[dict[Name, Reply], dict[CallName, KnownCall]]:
    """What was answered to those of these questions that were asked before, and those of their requests that were answered.

    A question goes by its connection, its service and the bank's id of it; its request by what the bank calls that.
    """
    rows = await tx.fetch(
        f"""
        SELECT i.*, c.called_on, c.call_connection, c.call_service, c.external_id, c.call_request_id
        FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[])
            AS asked(connection, service, request_id, called_on, call_connection, call_service, external_id)
        LEFT JOIN LATERAL (
            SELECT {COLUMNS} FROM inquiries i WHERE i.connection = asked.connection
                AND i.service = asked.service AND i.request_id = asked.request_id LIMIT 1
        ) i ON true
        LEFT JOIN LATERAL (
            SELECT called_on, connection AS call_connection, service AS call_service, external_id,
                   request_id AS call_request_id FROM bank_calls
            WHERE called_on = asked.called_on AND connection = asked.call_connection
                AND service = asked.call_service AND external_id = asked.external_id LIMIT 1
        ) c ON true
        WHERE i.request_id IS NOT NULL OR c.external_id IS NOT NULL
        """,
        *arrays((*question.name, *_sent(question.call)) for question in questions),
    )
    replies = [INQUIRIES.read(row) for row in rows if row["request_id"] is not None]
    calls = [
        KnownCall(
            CallName(row["call_connection"], row["call_service"], row["called_on"], row["external_id"]),
            row["call_request_id"],
        )
        for row in rows
        if row["external_id"] is not None
    ]
    return {reply.name: reply for reply in replies}, {call.name: call for call in calls}


async def forget(tx: Tx, before: datetime, most: int) -> int:
    """Deletes up to `most` answers to mere inquiries that were given before an instant, and returns how many. Those to payments stay."""
    done = await tx.execute(
        f"""
        DELETE FROM inquiries
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM inquiries WHERE service = '{INQUIRY}' AND amount >= 0 AND answered_at < $1 LIMIT $2
                               FOR UPDATE SKIP LOCKED))
        """,
        before,
        most,
    )
    return int(done.split()[-1])


def _sent(call: CallName | None) -> tuple[object, ...]:
    """The name of a request as the query takes it; NULLs, which are like no row, where the bank gives it none."""
    return (None,) * 4 if call is None else (call.called_on, call.connection, call.service, call.external_id)
