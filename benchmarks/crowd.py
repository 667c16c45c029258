"""Fills a database with millions of payments by SQL: one large merchant has nearly all of them, many others the rest.

The tables are filled as by a restore: rows first, then indexes. They are not analysed (ANALYZE) at the end.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from benchmarks.rows import Connection
from gerbang.db._rows import text
from gerbang.db.ledger import STRIPES
from gerbang.domain.customers import Customer
from gerbang.domain.merchants import NumberRange
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Details, Method
from gerbang.domain.payouts import Destination

DAYS = 30
"""The payments were created evenly over so many days, up to now."""
OTHERS = 299
"""The number of other merchants, which together have every tenth payment."""
COUNTER = "counter 1"
"""The reference of the static paycode of the large merchant that has many arrivals."""
OUTAGE = timedelta(hours=3)
"""A tenth of all payments expires within this time from now, so that a later instant finds them not yet ended."""
FULL = NumberRange(prefix="99001", digits=11, last=9_999)
"""A range of which every number is held for a long time."""
DUE = NumberRange(prefix="99002", digits=11, last=9_999)
"""A range of which every number is held and may be released."""
NUMBER = "000000000000"
"""The placeholder of a row's number in templates."""

CROWD = f"""
CREATE UNLOGGED TABLE crowd AS
SELECT n, at, n <= 0.9 * $count AS old, (n / 10) % 100 AS lot, o.merchant_id, o.endpoint_id,
       (hex || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS payment_id,
       (hex || '70018000' || lpad(to_hex(n), 12, '0'))::uuid AS charge_id,
       (hex || '70028000' || lpad(to_hex(n), 12, '0'))::uuid AS arrival_id
FROM (SELECT n, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS hex,
             CASE WHEN n % 10 = 3 THEN 1 + (n / 1000) % {OTHERS} ELSE 0 END AS place
      FROM (SELECT n, $now - interval '{DAYS} days' * (1 - n / ($count + 1.0)) AS at
            FROM generate_series(1, $count) n) made) named
JOIN crowd_owners o USING (place) ORDER BY n
"""
"""The payments are in a hundred lots, each of ten consecutive ones; the state of each lot is below."""
OWNERS = f"""
CREATE UNLOGGED TABLE crowd_owners AS
SELECT n AS place, CASE n WHEN 0 THEN $merchant ELSE md5('owner ' || n)::uuid END AS merchant_id,
       CASE n WHEN 0 THEN (SELECT id FROM endpoints WHERE merchant_id = $merchant) ELSE md5('spot ' || n)::uuid END AS endpoint_id
FROM generate_series(0, {OTHERS}) n;
INSERT INTO merchants SELECT o.merchant_id, m.number + 1000 + place, m.name, m.short_name, m.email, m.agreement, m.created_at
FROM crowd_owners o, merchants m WHERE place > 0 AND m.id = $merchant;
INSERT INTO counters SELECT merchant_id FROM crowd_owners WHERE place > 0;
INSERT INTO endpoints (id, merchant_id, product, url, kinds, api_key, signing_secret, created_at)
SELECT o.endpoint_id, o.merchant_id, e.product, e.url, e.kinds, e.api_key, e.signing_secret, e.created_at
FROM crowd_owners o, endpoints e WHERE place > 0 AND e.merchant_id = $merchant;
INSERT INTO accounts (name, stripe, currency) SELECT 'bank/simulator', n, 'IDR' FROM generate_series(0, {STRIPES - 1}) n;
INSERT INTO accounts (name, currency) SELECT 'merchant/' || $merchant || '/pending', 'IDR';
"""
STATES = """
CASE WHEN lot < 58 THEN 'paid' WHEN lot < 71 THEN 'awaiting' WHEN lot = 71 THEN 'needs_method' WHEN lot = 72 THEN 'opening'
     WHEN lot < 91 THEN 'expired' WHEN lot < 95 THEN 'cancelled' WHEN lot = 95 THEN 'failed' WHEN lot = 96 THEN 'needs_confirmation' ELSE 'active' END
"""
ENDS = """
CASE WHEN lot BETWEEN 58 AND 67 THEN CASE WHEN n % 5000 = 585 THEN $now - interval '1 minute'
                                          ELSE $now + interval '1 hour' + n % 3600 * interval '1 second' END
     WHEN lot BETWEEN 68 AND 72 OR lot = 96 THEN $now + interval '30 days' WHEN lot < 97 THEN at + interval '1 hour' END
"""
PAYMENTS = f"""
INSERT INTO payments (id, merchant_id, reference, kind, amount, currency, state, created_at, updated_at, expires_at, paid_at,
                      cancelled_at, cancellation_reason, descriptor, method, details, product, scope)
SELECT payment_id, merchant_id, 'order-' || n, CASE WHEN lot < 97 THEN 'one_time' ELSE 'static' END,
       CASE WHEN lot < 97 THEN 2000000 END, 'IDR', {STATES}, at, at, {ENDS}, CASE WHEN lot < 58 THEN at END,
       CASE WHEN lot BETWEEN 91 AND 95 THEN at END,
       CASE WHEN lot BETWEEN 91 AND 94 THEN 'REQUESTED_BY_CUSTOMER' END, '',
       CASE WHEN lot NOT IN (71, 96) THEN $method END::json, $details, CASE WHEN n % 2 = 0 THEN 'payment' ELSE 'v4-payments' END,
       CASE WHEN lot < 97 THEN '' ELSE 'virtual_account' END
FROM crowd ORDER BY n;
INSERT INTO payments (id, merchant_id, reference, kind, currency, state, created_at, updated_at, descriptor, method, details,
                      product, scope)
SELECT md5('counter')::uuid, $merchant, '{COUNTER}', 'static', 'IDR', 'active', $now, $now, '', $method, $details,
       'v4-payments', 'virtual_account';
INSERT INTO settlements
SELECT DISTINCT ON (merchant_id, at::date) md5(merchant_id::text || at::date)::uuid, merchant_id, at::date, 1, 1, 1, at, at FROM crowd;
"""
CHARGES = """
INSERT INTO charges (id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor, created_at,
                     updated_at, paid_at, settles_at, settled_at, settlement_id)
SELECT charge_id, payment_id, merchant_id, 'order-' || n, 2000000,
       CASE WHEN lot < 58 THEN 'succeeded' WHEN lot = 95 THEN 'failed' ELSE 'waiting' END, 'virtual_account',
       replace($instructions, '$number', lpad(n::text, 12, '0'))::json, '', at, at, CASE WHEN lot < 58 THEN at END,
       CASE WHEN lot < 58 THEN CASE WHEN lot = 56 THEN $now - interval '1 hour' ELSE $now + interval '1 day' END END,
       CASE WHEN lot < 58 AND old THEN at END, CASE WHEN lot < 58 AND old THEN md5(merchant_id::text || at::date)::uuid END
FROM crowd WHERE lot < 97 AND lot NOT IN (71, 96) ORDER BY n;
INSERT INTO charges (id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor, created_at,
                     updated_at, paid_at, static, settles_at, settled_at, settlement_id)
SELECT arrival_id, md5('counter')::uuid, merchant_id, 'counter 1', 2000000, 'succeeded', 'virtual_account',
       replace($instructions, '$number', lpad(n::text, 12, '0'))::json, '', at, at, at, true, $now + interval '1 day',
       CASE WHEN old THEN at END, CASE WHEN old THEN md5(merchant_id::text || at::date)::uuid END
FROM crowd WHERE lot < 10 AND merchant_id = $merchant ORDER BY n;
"""
CODES = f"""
INSERT INTO paycodes (connection, channel, number, merchant_id, payment_id, charge_id, static, held, free_at, created_at)
SELECT 'simulator', 'virtual_account', '98001' || lpad(n::text, 11, '0'), merchant_id, payment_id, CASE WHEN lot < 97 THEN charge_id END,
       lot > 96, lot BETWEEN 57 AND 70 OR lot > 96 OR n > 0.97 * $count,
       CASE WHEN lot > 96 THEN NULL WHEN n > 0.97 * $count THEN $now + interval '1 day' WHEN lot < 58 THEN at + interval '1 day'
            WHEN lot < 72 THEN $now + interval '31 days' ELSE at + interval '25 hours' END, at
FROM crowd WHERE lot NOT IN (71, 72, 96) ORDER BY n;
INSERT INTO paycodes (connection, channel, number, merchant_id, payment_id, static, free_at, created_at)
SELECT 'simulator', 'virtual_account', range.prefix || lpad(n::text, 11, '0'), $merchant, md5('counter')::uuid, false, range.free_at, $now
FROM (VALUES ('{FULL.prefix}', $now + interval '9 days'), ('{DUE.prefix}', $now - interval '1 day')) AS range(prefix, free_at),
     generate_series(0, {FULL.end}) n;
"""
EVENTS = """
INSERT INTO events (merchant_id, sequence, kind, at, payment_id, charge_id)
SELECT merchant_id, n, 'payment.paid', at, payment_id, charge_id FROM crowd ORDER BY n;
INSERT INTO deliveries (id, merchant_id, sequence, endpoint_id, state, next_at, tries, retries_from, body, created_at)
SELECT payment_id, merchant_id, n, endpoint_id,
       CASE WHEN lot < 50 THEN 'delivered' WHEN lot = 50 THEN 'parked' WHEN lot = 51 THEN 'given_up' ELSE 'waiting' END,
       CASE WHEN lot > 51 THEN $now - interval '1 day' + n * 7 % 172800 * interval '1 second' END, (lot < 52)::integer, 0, '{}', at
FROM crowd WHERE lot < 56 ORDER BY n;
INSERT INTO tries SELECT merchant_id, payment_id, 1, at, 200, 0, '', '' FROM crowd WHERE lot BETWEEN 40 AND 51 ORDER BY n;
UPDATE counters t SET events = c.last, payments = c.count
FROM (SELECT merchant_id, max(n) AS last, count(*) AS count FROM crowd GROUP BY 1) c WHERE c.merchant_id = t.merchant_id;
"""
MONEY = """
INSERT INTO reports (id, connection, service, reference, occurrence, channel, number, amount, outcome, merchant_id, payment_id, charge_id, paid_at, received_at)
SELECT payment_id, 'simulator', 'payment', 'money-' || n, 1, 'virtual_account', '98001' || lpad(n::text, 11, '0'), 2000000,
       CASE WHEN lot < 58 THEN 'booked' ELSE 'late' END, merchant_id, payment_id, CASE WHEN lot < 58 THEN charge_id END, at, at
FROM crowd WHERE lot < 59 ORDER BY n;
INSERT INTO report_names SELECT 'simulator', 'payment', 'money-' || n, 1, merchant_id, payment_id FROM crowd WHERE lot < 59;
INSERT INTO transfers (debit, credit, amount, reason, merchant_id, payment_id, report_id, at, cause_id)
SELECT debit.id, credit.id, 2000000, 'money_in', c.merchant_id, payment_id, payment_id, at, charge_id
FROM crowd c, accounts debit, accounts credit
WHERE lot < 58 AND debit.name = 'bank/simulator' AND debit.stripe = 0 AND credit.name = 'merchant/' || $merchant || '/pending' ORDER BY n;
INSERT INTO payouts (id, merchant_id, product, reference, connection, amount, fee, vat, state, destination, created_at, updated_at,
                     sent_at, ended_at, bank_reference, bank_account_name)
SELECT payment_id, merchant_id, 'v4-disbursements', 'payout-' || n, 'simulator', 100, 1, 0,
       CASE WHEN n % 1000 = 5 THEN 'processing' ELSE 'completed' END, $destination, at, at, at,
       CASE WHEN n % 1000 <> 5 THEN at END, '', ''
FROM crowd WHERE n % 10 = 5 ORDER BY n;
INSERT INTO partner_requests (id, merchant_id, connection, operation, asked, state, created_at, updated_at, partner_reference,
                              reason, tries, next_at)
SELECT payment_id, merchant_id, 'simulator', 'send', '{"type":"send"}',
       CASE WHEN n % 1000 = 5 THEN 'processing' ELSE 'done' END, at, at, '', '', 0,
       CASE WHEN n % 1000 = 5 THEN $now - interval '1 day' + n * 7 % 172800 * interval '1 second' END
FROM crowd WHERE n % 10 = 5 ORDER BY n;
"""
REST = """
INSERT INTO customers SELECT merchant_id, 'buyer-' || n, n || '@shop.example', $customer, at, at FROM crowd WHERE n % 10 = 1 ORDER BY n;
INSERT INTO idempotency_keys SELECT merchant_id, 'key-' || n, '', '', at + interval '28 days' FROM crowd WHERE n % 10 = 1 ORDER BY n;
INSERT INTO inbox (merchant_id, received_at, path, headers, body)
SELECT $merchant, $now, '', '{}', convert_to(repeat('x', 2000), 'UTF8') FROM generate_series(1, 1000);
DROP TABLE crowd, crowd_owners;
"""
PARTS = {
    "the merchants": OWNERS,
    "owners and instants": CROWD,
    "payments": PAYMENTS,
    "charges": CHARGES,
    "numbers": CODES,
    "events": EVENTS,
    "money": MONEY,
    "the rest": REST,
}
INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS sql FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
"""The indexes that belong to no constraint: pg_restore creates them after the rows."""
WITHOUT_AUTOVACUUM = """
DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
    END LOOP;
END $$
"""


def _values(merchant_id: UUID, count: int, now: datetime) -> dict[str, str]:
    """The values of the placeholders in the statements, as SQL."""
    method = Method(
        channel="virtual_account",
        option="BRI",
        payer_name="Budi",
        instructions=Instructions(number=NUMBER, name="Budi", connection="simulator"),
    )
    return {
        "$merchant": f"'{merchant_id}'::uuid",
        "$count": f"{count}::integer",
        "$now": f"timestamptz '{now.isoformat()}'",
        "$number": NUMBER,
        "$method": f"'{text(method)}'::json",
        "$details": f"'{text(Details(description='Kopi Gayo 250 g'))}'::json",
        "$instructions": f"'{text(Instructions(number=NUMBER, name='Budi', option='BRI', connection='simulator'))}'",
        "$destination": f"'{text(Destination('bank_transfer', '014', '1234567890', 'Budi'))}'::json",
        "$customer": f"'{text(Customer(given_name='Budi'))}'::json",
    }


async def gather(db: Connection, merchant_id: UUID, count: int, say: Callable[[str], None]) -> datetime:
    """Writes `count` payments of a merchant and of others with all their rows, and returns the instant of the newest.

    The merchant must have one endpoint and nothing else.
    """
    now = datetime.now(UTC)
    values = _values(merchant_id, count, now)
    await db.execute(WITHOUT_AUTOVACUUM)
    indexes = [(row["name"], row["sql"]) for row in await db.fetch(INDEXES)]
    # Foreign keys would be checked row by row; these rows are consistent.
    await db.execute(
        "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'"
    )
    for name, _ in indexes:
        await db.execute(f"DROP INDEX {name}")
    for part, sql in PARTS.items():
        began = time.monotonic()
        await db.execute(re.sub("|".join(map(re.escape, values)), lambda name: values[name[0]], sql))
        say(f"{part}: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    for _, sql in indexes:
        await db.execute(sql)
    say(f"indexes: {time.monotonic() - began:.0f} s")
    await db.execute("RESET session_replication_role")
    return now
