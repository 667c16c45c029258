"""What must never be found in a database, whatever happened: each rule is one query that reads its tables once."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gerbang.db import Tx

SECONDS_MAX = 24 * 3600.0
EXAMPLES_MAX = 5

LEDGER = {
    "the whole ledger is not zero": """
        SELECT sum(balance)::text FROM accounts HAVING sum(balance) <> 0""",
    "an account's balance is not what its transfers add up to": """
        SELECT a.name FROM accounts a LEFT JOIN (
            SELECT account, sum(change) AS total
            FROM (SELECT debit AS account, amount AS change FROM transfers
                  UNION ALL SELECT credit, -amount FROM transfers) lines
            GROUP BY account
        ) t ON t.account = a.id
        WHERE a.balance <> coalesce(t.total, 0)""",
    "money went to or from an account that is not its merchant's, or not the one that its reason says": """
        SELECT t.id::text FROM transfers t JOIN accounts d ON d.id = t.debit JOIN accounts c ON c.id = t.credit
        CROSS JOIN LATERAL (SELECT 'merchant/' || t.merchant_id || '/') AS m(own)
        WHERE (d.name LIKE 'merchant/%' AND NOT starts_with(d.name, own))
           OR (c.name LIKE 'merchant/%' AND NOT starts_with(c.name, own))
           OR NOT CASE t.reason
                WHEN 'money_in' THEN d.name LIKE 'bank/%' AND c.name = own || 'pending'
                WHEN 'in_suspense' THEN d.name LIKE 'bank/%' AND c.name = CASE t.merchant_id
                    WHEN '00000000-0000-0000-0000-000000000000' THEN 'platform/suspense' ELSE own || 'suspense' END
                WHEN 'settled' THEN d.name = own || 'pending' AND c.name = own || 'available'
                WHEN 'fee' THEN d.name LIKE 'merchant/%' AND c.name = 'platform/fees'
                WHEN 'vat' THEN d.name LIKE 'merchant/%' AND c.name = 'platform/vat'
                WHEN 'payout_reserved' THEN d.name IN (own || 'available', own || 'payouts') AND c.name = own || 'reserved'
                WHEN 'payout_returned' THEN d.name LIKE 'bank/%' AND c.name IN (own || 'available', own || 'payouts')
                WHEN 'payout_released' THEN d.name = own || 'reserved' AND c.name IN (own || 'available', own || 'payouts')
                WHEN 'starting_payouts' THEN d.name LIKE 'bank/%' AND c.name = own || 'payouts'
                WHEN 'withdrawn' THEN d.name = own || 'available' AND c.name = own || 'payouts'
                WHEN 'inquiry_fee' THEN d.name = own || 'payouts' AND c.name = 'platform/fees'
                WHEN 'inquiry_vat' THEN d.name = own || 'payouts' AND c.name = 'platform/vat'
                WHEN 'starting_balance' THEN d.name LIKE 'bank/%' AND c.name = own || 'available'
                WHEN 'reversed' THEN c.name LIKE 'bank/%' AND
                    d.name IN (own || 'available', own || 'suspense', 'platform/suspense')
                WHEN 'payout' THEN d.name = own || 'reserved' AND c.name LIKE 'bank/%'
                WHEN 'refund_reserved' THEN d.name IN (own || 'available', own || 'suspense') AND c.name = own || 'reserved'
                WHEN 'refund_released' THEN d.name = own || 'reserved' AND c.name IN (own || 'available', own || 'suspense')
                WHEN 'accepted' THEN d.name = own || 'suspense' AND c.name = own || 'available'
                WHEN 'refunded' THEN d.name = own || 'reserved' AND c.name LIKE 'bank/%'
                WHEN 'refund_returned' THEN d.name LIKE 'bank/%' AND c.name IN (own || 'available', own || 'suspense')
                ELSE true END""",
}
"""The accounts and their transfers by themselves."""
MONEY = {
    "money that a bank reported is in the ledger not at all, twice, or otherwise than reported": """
        SELECT r.connection || ' ' || r.reference FROM reports r LEFT JOIN (
            SELECT t.report_id, count(*) AS times, min(t.amount) AS amount, min(t.reason) AS reason,
                   min(t.merchant_id::text) AS merchant_id, min(d.name) AS account
            FROM transfers t JOIN accounts d ON d.id = t.debit WHERE t.reason IN ('money_in', 'in_suspense') GROUP BY t.report_id
        ) t ON t.report_id = r.id
        WHERE (t.times, t.amount, t.reason, t.merchant_id, t.account) IS DISTINCT FROM
              (1::bigint, r.amount, CASE r.outcome WHEN 'booked' THEN 'money_in' ELSE 'in_suspense' END,
               r.merchant_id::text, 'bank/' || r.connection)""",
    "money is in the ledger that no bank reported": """
        SELECT t.id::text FROM transfers t LEFT JOIN reports r ON r.id = t.report_id
        WHERE t.reason IN ('money_in', 'in_suspense') AND r.id IS NULL""",
    "money has no name of its own, or another's": """
        SELECT coalesce(r.id, n.report_id)::text FROM reports r FULL JOIN report_names n
            ON (n.merchant_id, n.report_id) = (r.merchant_id, r.id)
        WHERE (n.connection, n.service, n.reference, n.occurrence)
              IS DISTINCT FROM (r.connection, r.service, r.reference, r.occurrence)""",
    "money went back not at all, twice, or otherwise than its bank said": """
        SELECT coalesce(v.reference, t.report_id::text) FROM (SELECT * FROM reversals WHERE outcome = 'reversed') v FULL JOIN (
            SELECT t.report_id, count(*) AS times, min(t.amount) AS amount, min(t.merchant_id::text) AS merchant_id,
                   min(c.name) AS account
            FROM transfers t JOIN accounts c ON c.id = t.credit WHERE t.reason = 'reversed' GROUP BY t.report_id
        ) t ON t.report_id = v.report_id
        WHERE (t.times, t.amount, t.merchant_id, t.account) IS DISTINCT FROM
              (1::bigint, v.amount, v.merchant_id::text, 'bank/' || v.connection)""",
    "money was accepted from a bank and not booked, or otherwise than it asked": """
        SELECT i.connection || ' ' || i.request_id FROM inquiries i LEFT JOIN reports r
            ON (r.merchant_id, r.id) = (i.merchant_id, i.report_id)
        WHERE i.verdict = 'accepted'
          AND (r.outcome, r.connection, r.service, r.reference, r.channel, r.number, r.amount, r.payment_id) IS DISTINCT FROM
              ('booked', i.connection, i.service, i.reference, i.channel, i.number, i.amount, i.payment_id)""",
    "something of a payment belongs to another merchant": """
        SELECT p.id::text FROM (
            SELECT payment_id, merchant_id FROM charges UNION ALL SELECT payment_id, merchant_id FROM paycodes
            UNION ALL SELECT payment_id, merchant_id FROM reports UNION ALL SELECT payment_id, merchant_id FROM transfers
            UNION ALL SELECT payment_id, merchant_id FROM events
        ) part JOIN payments p ON p.id = part.payment_id WHERE part.merchant_id <> p.merchant_id""",
    "a payment is paid without its money, or has money and is not paid": """
        SELECT p.id::text FROM payments p LEFT JOIN (
            SELECT payment_id, count(DISTINCT charge_id) AS times, sum(amount) AS amount FROM reports WHERE outcome = 'booked'
            GROUP BY payment_id
        ) r ON r.payment_id = p.id LEFT JOIN (
            SELECT payment_id, count(*) AS times, sum(coalesce(captured, amount)) AS amount,
                   count(*) FILTER (WHERE state = 'succeeded') AS paid
            FROM charges WHERE state = 'succeeded' OR captured > 0 GROUP BY payment_id
        ) c ON c.payment_id = p.id
        WHERE (coalesce(r.times, 0), coalesce(r.amount, 0)) <> (coalesce(c.times, 0), coalesce(c.amount, 0))
           OR (p.kind = 'one_time' AND coalesce(c.paid, 0) <> (p.state = 'paid')::integer)""",
    "a charge is settled not at all, twice, or otherwise than with its amount and its fee": """
        SELECT c.id::text FROM charges c LEFT JOIN (
            SELECT cause_id, sum(amount) FILTER (WHERE reason = 'settled') AS gross,
                   sum(amount) FILTER (WHERE reason = 'fee') AS fee, sum(amount) FILTER (WHERE reason = 'vat') AS vat
            FROM transfers WHERE cause_id IS NOT NULL GROUP BY cause_id
        ) t ON t.cause_id = c.id CROSS JOIN LATERAL (SELECT (c.settled_at IS NOT NULL)::integer) AS is_settled(times)
        WHERE (coalesce(t.gross, 0), coalesce(t.fee, 0), coalesce(t.vat, 0))
              <> (times * coalesce(c.captured, c.amount), times * (c.fee - c.vat), times * c.vat)
           OR (c.settled_at IS NULL) <> (c.settlement_id IS NULL) OR (c.state = 'succeeded') <> (c.settles_at IS NOT NULL)""",
    "a settlement is not what its charges add up to": """
        SELECT s.id::text FROM settlements s LEFT JOIN (
            SELECT settlement_id, merchant_id, count(*) AS charges, sum(coalesce(captured, amount)) AS gross, sum(fee) AS fees,
                   min((settled_at AT TIME ZONE 'Asia/Jakarta')::date) AS first_on,
                   max((settled_at AT TIME ZONE 'Asia/Jakarta')::date) AS last_on
            FROM charges WHERE settlement_id IS NOT NULL GROUP BY settlement_id, merchant_id
        ) c ON c.settlement_id = s.id
        WHERE (s.charges, s.gross, s.fees, s.merchant_id, s.settled_on, s.settled_on)
              IS DISTINCT FROM (c.charges, c.gross, c.fees, c.merchant_id, c.first_on, c.last_on)""",
    "a merchant's pending balance is not what was paid and not settled": """
        SELECT m.id::text FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/pending' LEFT JOIN (
            SELECT merchant_id, sum(coalesce(captured, amount)) AS amount FROM charges
            WHERE state IN ('authorized', 'succeeded') AND settled_at IS NULL GROUP BY merchant_id
        ) c ON c.merchant_id = m.id
        WHERE coalesce(a.balance, 0) <> -coalesce(c.amount, 0)""",
    "a merchant's available balance is not what was settled or credited, less what was paid out, taken out or refunded": """
        SELECT m.id::text FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/available' LEFT JOIN (
            SELECT merchant_id, sum(gross - fees) AS net FROM settlements GROUP BY merchant_id
        ) s ON s.merchant_id = m.id LEFT JOIN (
            SELECT merchant_id, sum(gone) AS gone FROM (
                SELECT merchant_id, amount + fee AS gone FROM payouts
                WHERE kind <> 'refund' AND source = 'available' AND (state NOT IN ('approved', 'failed') OR returned_at IS NOT NULL)
                UNION ALL SELECT merchant_id, amount + fee FROM refunds
                WHERE report_id IS NULL AND (state NOT IN ('failed', 'cancelled') OR returned_at IS NOT NULL)
            ) each GROUP BY merchant_id
        ) o ON o.merchant_id = m.id LEFT JOIN (
            SELECT credit, sum(amount) AS amount FROM transfers WHERE reason NOT IN ('settled', 'payout_released', 'refund_released')
            GROUP BY credit
        ) t ON t.credit = a.id LEFT JOIN (
            SELECT debit, sum(amount) AS amount FROM transfers WHERE reason IN ('reversed', 'withdrawn') GROUP BY debit
        ) b ON b.debit = a.id
        WHERE coalesce(a.balance, 0) <>
              coalesce(o.gone, 0) + coalesce(b.amount, 0) - coalesce(s.net, 0) - coalesce(t.amount, 0)""",
    "a merchant's balance for payouts is not what was paid in for them, less what was paid out": """
        SELECT m.id::text FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/payouts' LEFT JOIN (
            SELECT merchant_id, sum(amount + fee) AS gone FROM payouts
            WHERE source = 'payouts' AND (state NOT IN ('approved', 'failed') OR returned_at IS NOT NULL)
            GROUP BY merchant_id
        ) o ON o.merchant_id = m.id LEFT JOIN (
            SELECT credit, sum(amount) AS amount FROM transfers WHERE reason <> 'payout_released' GROUP BY credit
        ) t ON t.credit = a.id LEFT JOIN (
            SELECT debit, sum(amount) AS amount FROM transfers WHERE reason <> 'payout_reserved' GROUP BY debit
        ) b ON b.debit = a.id
        WHERE coalesce(a.balance, 0) <> coalesce(o.gone, 0) + coalesce(b.amount, 0) - coalesce(t.amount, 0)""",
    "what a merchant has reserved is not what is on its way": """
        SELECT m.id::text FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/reserved' LEFT JOIN (
            SELECT merchant_id, sum(amount) AS amount FROM (
                SELECT merchant_id, amount + fee AS amount FROM payouts
                WHERE kind <> 'refund' AND state IN ('pending', 'processing')
                UNION ALL SELECT merchant_id, amount + fee FROM refunds WHERE ended_at IS NULL
            ) each GROUP BY merchant_id
        ) o ON o.merchant_id = m.id
        WHERE coalesce(a.balance, 0) <> -coalesce(o.amount, 0)""",
    # A line of a bulk payout that is approved, or failed before it ever was sent, has nothing reserved.
    "a payout's money was moved not at all, twice, or otherwise than its state says": """
        SELECT p.id::text FROM payouts p LEFT JOIN (
            SELECT cause_id, sum(amount) FILTER (WHERE reason = 'payout_reserved') AS reserved,
                   sum(amount) FILTER (WHERE reason = 'payout_released') AS released,
                   sum(amount) FILTER (WHERE reason IN ('payout', 'fee', 'vat')) AS gone,
                   sum(amount) FILTER (WHERE reason = 'payout') AS paid,
                   sum(amount) FILTER (WHERE reason = 'payout_returned') AS returned
            FROM transfers WHERE cause_id IS NOT NULL GROUP BY cause_id
        ) t ON t.cause_id = p.id CROSS JOIN LATERAL (
            SELECT CASE WHEN p.state = 'approved' OR (p.state = 'failed' AND p.sent_at IS NULL) THEN 0 ELSE 1 END
        ) AS was_reserved(times)
        WHERE CASE p.kind WHEN 'refund' THEN t.cause_id IS NOT NULL ELSE
              (coalesce(t.reserved, 0), coalesce(t.released, 0), coalesce(t.gone, 0), coalesce(t.paid, 0), coalesce(t.returned, 0))
              <> (times * (p.amount + p.fee),
                  CASE WHEN p.state = 'failed' AND p.returned_at IS NULL THEN times * (p.amount + p.fee) ELSE 0 END,
                  CASE WHEN p.state = 'completed' OR p.returned_at IS NOT NULL THEN p.amount + p.fee ELSE 0 END,
                  CASE WHEN p.state = 'completed' OR p.returned_at IS NOT NULL THEN p.amount ELSE 0 END,
                  CASE WHEN p.returned_at IS NOT NULL THEN p.amount ELSE 0 END) END""",
    "a refund's money was moved not at all, twice, or otherwise than its state says": """
        SELECT r.id::text FROM refunds r LEFT JOIN (
            SELECT cause_id, sum(amount) FILTER (WHERE reason = 'refund_reserved') AS reserved,
                   sum(amount) FILTER (WHERE reason = 'refund_released') AS released,
                   sum(amount) FILTER (WHERE reason IN ('refunded', 'fee', 'vat')) AS gone,
                   sum(amount) FILTER (WHERE reason = 'refunded') AS refunded,
                   sum(amount) FILTER (WHERE reason = 'refund_returned') AS returned
            FROM transfers WHERE cause_id IS NOT NULL GROUP BY cause_id
        ) t ON t.cause_id = r.id
        CROSS JOIN LATERAL (SELECT (r.state = 'succeeded' OR r.returned_at IS NOT NULL)::integer AS went,
                                   (r.state IN ('failed', 'cancelled') AND r.returned_at IS NULL)::integer AS undone) had
        WHERE (coalesce(t.reserved, 0), coalesce(t.released, 0), coalesce(t.gone, 0), coalesce(t.refunded, 0), coalesce(t.returned, 0))
              <> (r.amount + r.fee, undone * (r.amount + r.fee), went * (r.amount + r.fee), went * r.amount,
                  CASE WHEN r.returned_at IS NOT NULL THEN r.amount ELSE 0 END)""",
    "more of a charge was refunded than was taken, or something that was not": """
        SELECT r.charge_id::text FROM (
            SELECT charge_id, sum(amount) AS amount FROM refunds WHERE state NOT IN ('failed', 'cancelled') AND report_id IS NULL
            GROUP BY charge_id
        ) r LEFT JOIN charges c ON c.id = r.charge_id
        WHERE c.state IS DISTINCT FROM 'succeeded' OR r.amount > coalesce(c.captured, c.amount)
        UNION ALL
        SELECT r.id::text FROM refunds r LEFT JOIN charges c ON c.id = r.charge_id
        WHERE r.report_id IS NULL AND (c.merchant_id, c.payment_id) IS DISTINCT FROM (r.merchant_id, r.payment_id)""",
    "what a merchant has in suspense is not the money that was not owed and is still there": """
        SELECT m.id::text FROM merchants m LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/suspense' LEFT JOIN (
            SELECT merchant_id, sum(amount) AS amount FROM (
                SELECT merchant_id, amount FROM reports WHERE outcome <> 'booked'
                UNION ALL SELECT t.merchant_id, -t.amount FROM transfers t JOIN accounts d ON d.id = t.debit
                    WHERE t.reason = 'reversed' AND d.name LIKE 'merchant/%/suspense'
                UNION ALL SELECT merchant_id, -amount FROM transfers WHERE reason = 'accepted'
                UNION ALL SELECT merchant_id, -amount FROM refunds
                    WHERE report_id IS NOT NULL AND state NOT IN ('failed', 'cancelled')
            ) each GROUP BY merchant_id
        ) held ON held.merchant_id = m.id
        WHERE coalesce(a.balance, 0) <> -coalesce(held.amount, 0)""",
    "money that was not owed was credited or sent back, and was owed, or was another's": """
        SELECT t.id::text FROM transfers t LEFT JOIN reports r ON (r.merchant_id, r.id) = (t.merchant_id, t.report_id)
        WHERE t.reason = 'accepted' AND (r.outcome = 'booked' OR t.amount IS DISTINCT FROM r.amount)
        UNION ALL
        SELECT f.id::text FROM refunds f LEFT JOIN reports r ON (r.merchant_id, r.id) = (f.merchant_id, f.report_id)
        WHERE f.report_id IS NOT NULL AND (r.outcome = 'booked' OR f.amount IS DISTINCT FROM r.amount)""",
    "a refund's transfer is not what its refund says": """
        SELECT coalesce(r.id, p.id)::text FROM (SELECT * FROM refunds WHERE way = 'account') r
        FULL JOIN (SELECT * FROM payouts WHERE kind = 'refund') p ON p.cause_id = r.id
        WHERE (r.merchant_id, r.amount, CASE r.state WHEN 'succeeded' THEN 'completed' WHEN 'failed' THEN 'failed' ELSE 'open' END)
              IS DISTINCT FROM
              (p.merchant_id, p.amount, CASE WHEN p.state IN ('pending', 'processing') THEN 'open' ELSE p.state END)""",
    "a bulk payout does not say what its lines do": """
        SELECT b.id::text FROM bulk_payouts b LEFT JOIN (
            SELECT cause_id, count(*) AS lines, count(*) FILTER (WHERE ended_at IS NULL) AS open_lines,
                   count(*) FILTER (WHERE state = 'approved') AS approved
            FROM payouts WHERE kind = 'payout' AND cause_id IS NOT NULL GROUP BY cause_id
        ) p ON p.cause_id = b.id
        WHERE (p.lines, p.open_lines, p.approved) IS DISTINCT FROM
              (b.lines::bigint, b.open_lines::bigint, CASE WHEN b.state = 'waiting' THEN b.open_lines ELSE 0 END::bigint)""",
    "a withdrawal has not moved its money": """
        SELECT w.id::text FROM withdrawals w LEFT JOIN payouts p ON (p.merchant_id, p.id) = (w.merchant_id, w.id)
        LEFT JOIN transfers t ON (t.merchant_id, t.cause_id, t.reason) = (w.merchant_id, w.id, 'withdrawn')
        WHERE CASE w.way WHEN 'bank' THEN (p.kind, p.amount, p.source) IS DISTINCT FROM ('withdrawal', w.amount, w.balance)
                         ELSE t.amount IS DISTINCT FROM w.amount END""",
    "a payment, a payout or a refund waits for a partner that nobody asks, or the other way round": """
        SELECT p.id::text FROM payouts p LEFT JOIN partner_requests r ON r.id = p.id AND r.next_at IS NOT NULL
        WHERE (p.ended_at IS NULL AND p.state <> 'approved') <> (r.id IS NOT NULL)
        UNION ALL
        SELECT f.id::text FROM refunds f LEFT JOIN partner_requests r ON r.id = f.id AND r.next_at IS NOT NULL
        WHERE (f.ended_at IS NULL AND f.way IS NULL) AND r.id IS NULL
        UNION ALL
        SELECT p.id::text FROM payments p LEFT JOIN (
            SELECT (asked ->> 'payment_id')::uuid AS payment_id FROM partner_requests
            WHERE operation = 'open' AND next_at IS NOT NULL
        ) r ON r.payment_id = p.id
        WHERE p.state = 'opening' AND (p.expires_at IS NULL OR p.expires_at > $1) AND r.payment_id IS NULL""",
    "a code that was left before its end is open at its partner": """
        SELECT r.id::text FROM partner_requests r JOIN charges c ON (c.merchant_id, c.id) = (r.merchant_id, r.id)
        LEFT JOIN (SELECT (asked ->> 'opening_id')::uuid AS opening_id FROM partner_requests WHERE operation = 'close') x
            ON x.opening_id = r.id
        WHERE r.operation = 'open' AND r.state = 'done' AND c.state IN ('failed', 'expired') AND x.opening_id IS NULL""",
    "a transfer for a charge, a payout or a refund that there is not": """
        SELECT t.id::text FROM transfers t LEFT JOIN charges c ON c.id = t.cause_id LEFT JOIN payouts p ON p.id = t.cause_id
        LEFT JOIN refunds r ON r.id = t.cause_id
        LEFT JOIN withdrawals w ON w.id = t.cause_id LEFT JOIN account_inquiries i ON i.id = t.cause_id
        WHERE t.cause_id IS NOT NULL AND t.reason NOT IN ('starting_balance', 'starting_payouts', 'accepted')
          AND coalesce(c.merchant_id, p.merchant_id, r.merchant_id, w.merchant_id, i.merchant_id)
              IS DISTINCT FROM t.merchant_id""",
}
NUMBERS = {
    "a payment that waits to be paid has no number": """
        SELECT p.id::text FROM payments p LEFT JOIN (SELECT DISTINCT payment_id FROM paycodes WHERE held) n
            ON n.payment_id = p.id
        LEFT JOIN (SELECT DISTINCT payment_id FROM charges WHERE state IN ('waiting', 'authenticating') AND expires_at <= $1) lapsed
            ON lapsed.payment_id = p.id
        WHERE p.state IN ('awaiting', 'authenticating', 'active') AND (p.expires_at IS NULL OR p.expires_at > $1)
          AND n.payment_id IS NULL AND lapsed.payment_id IS NULL""",
    "a number is held by two": """
        SELECT channel || ' ' || number FROM paycodes WHERE held GROUP BY connection, channel, number HAVING count(*) > 1""",
}
EVENTS = {
    "a merchant's events have a gap, or were not counted": """
        SELECT t.merchant_id::text FROM counters t LEFT JOIN (
            SELECT merchant_id, count(*) AS count, min(sequence) AS first, max(sequence) AS last FROM events
            GROUP BY merchant_id
        ) e USING (merchant_id)
        WHERE (coalesce(e.count, 0), coalesce(e.first, 1), coalesce(e.last, 0)) <> (t.events, 1, t.events)""",
    "a merchant's payments were not counted": """
        SELECT t.merchant_id::text FROM counters t LEFT JOIN (
            SELECT merchant_id, count(*) AS count FROM payments GROUP BY merchant_id
        ) p USING (merchant_id) WHERE coalesce(p.count, 0) <> t.payments""",
    "something happened to a payment without its one event": """
        SELECT p.id::text FROM payments p LEFT JOIN (
            SELECT payment_id, count(*) FILTER (WHERE kind = 'payment.created') AS created,
                   count(*) FILTER (WHERE kind IN ('payment.paid', 'charge.succeeded')) AS paid,
                   count(*) FILTER (WHERE kind = 'payment.cancelled') AS cancelled,
                   count(*) FILTER (WHERE kind = 'payment.failed') AS failed,
                   count(*) FILTER (WHERE kind = 'payment.expired') AS expired,
                   count(*) FILTER (WHERE kind = 'money.in_suspense') AS in_suspense
            FROM events WHERE payment_id IS NOT NULL GROUP BY payment_id
        ) e ON e.payment_id = p.id LEFT JOIN (
            SELECT payment_id, count(*) FILTER (WHERE outcome = 'booked' AND service <> 'capture') AS booked,
                   count(*) FILTER (WHERE service = 'capture') AS captured,
                   count(*) FILTER (WHERE outcome <> 'booked') AS in_suspense
            FROM reports GROUP BY payment_id
        ) r ON r.payment_id = p.id
        WHERE (e.created, e.paid, e.cancelled, e.failed, e.in_suspense) IS DISTINCT FROM
              (1::bigint, coalesce(r.booked, 0) + coalesce(r.captured > 0 AND p.state = 'paid', false)::integer, (p.state = 'cancelled')::integer::bigint,
               (p.state = 'failed')::integer::bigint, coalesce(r.in_suspense, 0))
           -- What had expired is paid when its bank reports late money that came in time.
           OR (e.expired <> (p.state IN ('expired', 'inactive'))::integer AND NOT (p.state = 'paid' AND e.expired = 1))""",
    "money was reported without its one event": """
        SELECT r.connection || ' ' || r.reference FROM reports r LEFT JOIN (
            SELECT charge_id, count(*) AS times FROM events WHERE kind IN ('payment.paid', 'charge.succeeded')
            GROUP BY charge_id
        ) b ON b.charge_id = r.charge_id LEFT JOIN (
            SELECT snapshot -> 'report' ->> 'id' AS report_id, count(*) AS times FROM events
            WHERE kind = 'money.in_suspense' GROUP BY 1
        ) s ON s.report_id = r.id::text
        WHERE r.payment_id IS NOT NULL AND r.service <> 'capture'
          AND coalesce(CASE r.outcome WHEN 'booked' THEN b.times ELSE s.times END, 0) <> 1""",
    "a charge was settled without its one event": """
        SELECT c.id::text FROM charges c LEFT JOIN (
            SELECT charge_id, count(*) AS times FROM events WHERE kind = 'charge.settled' GROUP BY charge_id
        ) e ON e.charge_id = c.id WHERE coalesce(e.times, 0) <> (c.settled_at IS NOT NULL)::integer""",
    "payouts of a merchant have ended without an event each": """
        SELECT coalesce(p.merchant_id, e.merchant_id)::text FROM (
            SELECT merchant_id, kind, count(*) AS times FROM (
                SELECT merchant_id, kind || '.' || state AS kind FROM payouts WHERE ended_at IS NOT NULL
                UNION ALL SELECT merchant_id, kind || '.completed' FROM payouts WHERE returned_at IS NOT NULL
                UNION ALL SELECT merchant_id, 'withdrawal.completed' FROM withdrawals WHERE way = 'balance'
            ) ended WHERE kind ~ '^(payout|withdrawal)' GROUP BY merchant_id, kind
        ) p FULL JOIN (
            SELECT merchant_id, kind, count(*) AS times FROM events
            WHERE kind IN ('payout.completed', 'payout.failed', 'withdrawal.completed', 'withdrawal.failed')
            GROUP BY merchant_id, kind
        ) e USING (merchant_id, kind) WHERE p.times IS DISTINCT FROM e.times""",
    "a refund has begun or ended without an event each": """
        SELECT coalesce(r.merchant_id, e.merchant_id)::text FROM (
            SELECT merchant_id, kind, count(*) AS times FROM (
                SELECT merchant_id, 'refund.pending' AS kind FROM refunds WHERE report_id IS NULL
                UNION ALL SELECT merchant_id, 'refund.' || state FROM refunds WHERE ended_at IS NOT NULL AND report_id IS NULL
                UNION ALL SELECT merchant_id, 'refund.succeeded' FROM refunds WHERE returned_at IS NOT NULL AND report_id IS NULL
            ) had GROUP BY merchant_id, kind
        ) r FULL JOIN (
            SELECT merchant_id, kind, count(*) AS times FROM events
            WHERE kind IN ('refund.pending', 'refund.succeeded', 'refund.failed', 'refund.cancelled') GROUP BY merchant_id, kind
        ) e USING (merchant_id, kind) WHERE r.times IS DISTINCT FROM e.times""",
}
RULES = LEDGER | MONEY | NUMBERS | EVENTS
"""What must be true of every database at every instant."""
_LATE = "(SELECT max(at) FROM events) - interval '10 minutes'"
"""What was due before this was passed over: something happened ten minutes later. A copy stands still with its events."""
LATE = {
    "a payment could not be ended: its time has been over for ten minutes": f"""
        SELECT id::text FROM payments
        WHERE state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'authenticating', 'active') AND expires_at < {_LATE}""",
    # What fails to be settled is put off by an hour, to an instant that no schedule has: they have whole minutes.
    "money could not be settled: it has been due for ten minutes, or was put off": f"""
        SELECT id::text FROM charges WHERE settled_at IS NULL AND (settles_at < {_LATE}
            OR (settles_at > paid_at AND settles_at > date_trunc('minute', settles_at)))""",
    "a partner could not be asked, or has not taken what it was asked, for ten minutes": f"""
        SELECT id::text FROM partner_requests WHERE next_at < {_LATE} OR (state = 'pending' AND tries > 0 AND created_at < {_LATE})
            OR (state = 'sending' AND sending_at < {_LATE})""",
}
"""What workers have not done in time: what fails alone is left out, so that nothing waits for it but its merchant."""


class Finding(msgspec.Struct, frozen=True):
    """What was found of one thing that must never be: how often, and a few of them by id, name or reference."""

    rule: str
    count: int
    examples: list[str]


async def hold_still(tx: Tx) -> None:
    """Makes a transaction, as the first thing in it, see one instant of the database, and change nothing."""
    await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    # Each table is read whole, once.
    await tx.execute("SELECT set_config('enable_seqscan', 'on', true), set_config('work_mem', '64MB', true)")


async def findings(tx: Tx, now: datetime, rules: Mapping[str, str] = RULES) -> list[Finding]:
    """What was found of each rule; in a good database all counts are zero."""
    found: list[Finding] = []
    for rule, query in rules.items():
        row = await tx.fetchrow(
            f"""
            SELECT count(*) AS count, (array_agg(what))[:{EXAMPLES_MAX}] AS examples
            FROM ({query}) found(what) WHERE $1::timestamptz IS NOT NULL
            """,
            now,
            timeout=SECONDS_MAX,
        )
        assert row is not None
        found.append(Finding(rule, row["count"], row["examples"] or []))
    return found
