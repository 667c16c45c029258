"""Reading what moved a merchant's balances."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from gerbang.db import Tx
from gerbang.domain.balance_history import ASIDE, Account, Asked, Movement, names_of

WITHIN = """
    t.merchant_id = $1 AND t.at >= $2 AND t.at < $3 AND t.reason <> ALL($5::text[])
    AND (t.debit = ANY((SELECT numbers FROM own)::integer[]) OR t.credit = ANY((SELECT numbers FROM own)::integer[]))
    AND ($6::uuid IS NULL OR t.cause_id = $6 OR t.payment_id = $6)
"""
"""Accounts go by their names, which are looked up every time: their numbers belong to one database."""
OWN = "WITH own AS MATERIALIZED (SELECT array_agg(id) AS numbers FROM accounts WHERE name = ANY($4::text[]))"
PAGE = f"""
{OWN}, shown AS MATERIALIZED (
    SELECT t.id, t.at, t.reason, t.amount, t.merchant_id, t.payment_id, t.report_id, t.cause_id,
           t.credit = ANY((SELECT numbers FROM own)::integer[]) AS comes_in
    FROM transfers t WHERE {WITHIN} AND t.id < $9 ORDER BY t.at DESC, t.id DESC OFFSET $7 LIMIT $8
)
SELECT s.*, p.reference AS payout, p.kind, p.amount AS paid_out, p.fee AS payout_fee, p.destination ->> 'bank_code' AS bank,
       b.lines, w.reference AS withdrawal, i.fee AS inquiry_fee, c.payment_reference, c.channel, c.fee AS charge_fee, c.settled_at
FROM shown s
LEFT JOIN LATERAL (SELECT reference, kind, amount, fee, destination, cause_id FROM payouts
                   WHERE merchant_id = s.merchant_id AND id = s.cause_id LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT lines FROM bulk_payouts WHERE merchant_id = s.merchant_id AND id = p.cause_id LIMIT 1) b ON true
LEFT JOIN LATERAL (SELECT reference FROM withdrawals WHERE merchant_id = s.merchant_id AND id = s.cause_id LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT fee FROM account_inquiries WHERE merchant_id = s.merchant_id AND id = s.cause_id LIMIT 1) i ON true
LEFT JOIN LATERAL (SELECT charge_id FROM reports WHERE merchant_id = s.merchant_id AND id = s.report_id LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT payment_reference, channel, fee, settled_at FROM charges
                   WHERE merchant_id = s.merchant_id AND id = r.charge_id LIMIT 1) c ON true
ORDER BY s.at DESC, s.id DESC
"""
COUNT = f"{OWN} SELECT count(*) FROM transfers t WHERE {WITHIN}"
LAST = 2**63 - 1


def _asked(merchant_id: UUID, asked: Asked) -> Sequence[object]:
    names = names_of(merchant_id, asked.account)
    return merchant_id, asked.since, asked.until, names, list(ASIDE), asked.thing_id


async def page(tx: Tx, merchant_id: UUID, asked: Asked, *, below: int | None, skip: int, most: int) -> list[Movement]:
    """Movements, the newest first: `most` of those with a number below one, behind the first `skip` of them."""
    rows = await tx.fetch(PAGE, *_asked(merchant_id, asked), skip, most, LAST if below is None else below)
    return [_movement(row, asked.account) for row in rows]


async def count(tx: Tx, merchant_id: UUID, asked: Asked) -> int:
    """How many movements there are."""
    return int(await tx.fetchval(COUNT, *_asked(merchant_id, asked)))


def _movement(row: asyncpg.Record, account: Account) -> Movement:
    sign = 1 if row["comes_in"] else -1
    amount, fee = sign * row["amount"], 0
    if row["reason"] in ("payout_reserved", "payout_released"):
        amount, fee = sign * row["paid_out"], -sign * row["payout_fee"]
    elif row["reason"] == "money_in" and row["charge_fee"] is not None:
        fee = row["charge_fee"]
    elif row["reason"] == "inquiry_fee":
        amount = -(row["inquiry_fee"] or row["amount"])
    settled_at = row["settled_at"] if row["reason"] == "money_in" else row["at"]
    return Movement(
        number=row["id"],
        at=row["at"],
        account=account,
        reason=row["reason"],
        amount=amount,
        fee=fee,
        reference=row["payout"] or row["withdrawal"] or row["payment_reference"] or "",
        thing_id=row["payment_id"] or row["cause_id"],
        kind="bulk" if (row["lines"] or 0) > 1 else row["kind"] or "",
        channel=row["channel"] or row["bank"] or "",
        settled_at=settled_at,
        is_settled=settled_at is not None,
    )
