"""Many payments at once, of one merchant that has most of them and of others, made by PostgreSQL itself in a few seconds.

They are made of what a day of the merchant has left in the database: payments, charges and events of every kind there are.
"""

from uuid import UUID

from gerbang.db import Tx

LATER = "30 days"
"""Nothing of the crowd falls due before that."""
OTHERS = 10
"""Every tenth payment is another merchant's."""

CROWD = f"""
CREATE TEMP TABLE crowd AS
SELECT n, at, (hex || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS payment_id,
       (hex || '70018000' || lpad(to_hex(n), 12, '0'))::uuid AS charge_id,
       CASE WHEN n % {OTHERS} = 3 THEN md5((n % 900)::text)::uuid ELSE $1 END AS merchant_id, (n / 10) % 20 AS lot,
       n <= 0.9 * $2 AS old, now - at AS age
FROM (SELECT n, at, now, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS hex
      FROM (SELECT n, now, now - interval '30 days' * (1 - n / ($2 + 1.0)) AS at
            FROM generate_series(1, $2::integer) n, (SELECT min(created_at) AS now FROM payments) day) made) named;
"""
"""In twenty lots: what each becomes is below."""
STATES = """
CASE WHEN lot < 12 THEN 'paid' WHEN lot < 14 THEN 'awaiting' WHEN lot = 14 THEN 'needs_method'
     WHEN lot = 15 THEN 'cancelled' WHEN lot = 16 THEN 'failed' WHEN lot = 17 THEN 'expired' ELSE 'active' END
"""
PARTS = f"""
INSERT INTO settlements
SELECT md5('crowd')::uuid, merchant_id, date '2000-01-01', 1, 1, 1, now(), now() FROM (SELECT DISTINCT merchant_id FROM crowd) c;

INSERT INTO payments (id, merchant_id, reference, kind, amount, currency, state, created_at, updated_at, expires_at, paid_at,
                      cancelled_at, cancellation_reason, descriptor, method, details, product, scope)
SELECT payment_id, c.merchant_id, 'crowd-' || n, CASE WHEN lot < 18 THEN 'one_time' ELSE 'static' END,
       CASE WHEN lot < 18 THEN 2000000 END, 'IDR', {STATES}, at, at,
       CASE WHEN lot IN (12, 13, 14) THEN at + age + interval '{LATER}' WHEN lot < 18 THEN at + interval '1 hour' END,
       CASE WHEN lot < 12 THEN at END, CASE WHEN lot IN (15, 16) THEN at END,
       CASE lot WHEN 15 THEN 'REQUESTED_BY_CUSTOMER' END, '',
       CASE WHEN lot < 18 THEN one.method ELSE many.method END, one.details, one.product,
       CASE WHEN lot < 18 THEN '' ELSE many.scope END
FROM crowd c, (SELECT * FROM payments WHERE merchant_id = $1 AND state = 'paid' AND product LIKE 'v4%' LIMIT 1) one,
     (SELECT * FROM payments WHERE merchant_id = $1 AND scope = 'virtual_account' LIMIT 1) many
WHERE lot > 0;

INSERT INTO charges (id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor, created_at,
                     updated_at, paid_at, static, settles_at, settled_at, settlement_id)
SELECT c.charge_id, CASE WHEN lot = 0 THEN code.id ELSE c.payment_id END, c.merchant_id, 'crowd-' || n, 2000000,
       CASE WHEN lot < 12 THEN 'succeeded' WHEN lot = 16 THEN 'failed' ELSE 'waiting' END, one.channel, one.instructions, '', at, at,
       CASE WHEN lot < 12 THEN at END, lot = 0, CASE WHEN lot < 12 THEN at + age + interval '{LATER}' END,
       CASE WHEN lot < 12 AND old THEN at END, CASE WHEN lot < 12 AND old THEN md5('crowd')::uuid END
FROM crowd c, (SELECT * FROM charges WHERE merchant_id = $1 AND channel = 'virtual_account' LIMIT 1) one,
     (SELECT id FROM payments WHERE merchant_id = $1 AND scope = 'virtual_account' AND reference = 'counter 1') code
WHERE lot NOT IN (14, 18, 19) AND (lot > 0 OR c.merchant_id = $1);

INSERT INTO paycodes (connection, channel, number, merchant_id, payment_id, charge_id, static, held, free_at, created_at)
SELECT 'simulator', 'virtual_account', '8808' || lpad(n::text, 12, '0'), merchant_id, payment_id, charge_id, lot > 17,
       lot IN (12, 13, 18, 19), CASE WHEN lot < 18 THEN at + age + interval '{LATER}' END, at FROM crowd WHERE lot NOT IN (0, 14);

INSERT INTO idempotency_keys SELECT merchant_id, 'crowd-' || n, '', '', at + age + interval '{LATER}' FROM crowd;
INSERT INTO customers SELECT merchant_id, 'crowd-' || n, n || '@crowd.example', '{{}}', at, at FROM crowd;
INSERT INTO reports SELECT payment_id, 'simulator', 'payment', 'crowd-' || n, 1, 'virtual_account', n, 2000000,
                           CASE WHEN lot = 11 THEN 'late' ELSE 'booked' END, merchant_id, payment_id, charge_id, at, at
FROM crowd WHERE lot < 12;
INSERT INTO report_names SELECT 'simulator', 'payment', 'crowd-' || n, 1, merchant_id, payment_id FROM crowd WHERE lot < 12;
INSERT INTO transfers (debit, credit, amount, reason, merchant_id, payment_id, at, cause_id)
SELECT debit, credit, 100, 'crowd', c.merchant_id, payment_id, at, charge_id
FROM crowd c, (SELECT debit, credit FROM transfers LIMIT 1) t WHERE lot < 12;
INSERT INTO payouts (id, merchant_id, product, reference, connection, amount, fee, vat, state, destination, created_at, updated_at,
                     sent_at, ended_at, bank_reference, bank_account_name)
SELECT payment_id, c.merchant_id, o.product, 'crowd-' || n, o.connection, 100, 1, 0,
       CASE lot WHEN 0 THEN 'processing' ELSE 'completed' END, o.destination, at, at, at, CASE WHEN lot > 0 THEN at END, '', ''
FROM crowd c, (SELECT * FROM payouts LIMIT 1) o WHERE lot < 4;
INSERT INTO partner_requests (id, merchant_id, connection, operation, asked, state, created_at, updated_at, partner_reference,
                              reason, tries, next_at)
SELECT payment_id, merchant_id, 'simulator', 'send', '{{"type":"send"}}', CASE lot WHEN 0 THEN 'processing' ELSE 'done' END,
       at, at, '', '', 0, CASE WHEN lot = 0 THEN at + age + interval '{LATER}' END
FROM crowd WHERE lot < 4;

INSERT INTO events SELECT $1, counted.events + n, 'payment.paid', at, payment_id, charge_id
FROM crowd, (SELECT events FROM counters WHERE merchant_id = $1) counted;
INSERT INTO deliveries
SELECT payment_id, $1, counted.events + n, spot.id, CASE lot WHEN 1 THEN 'parked' WHEN 2 THEN 'given_up' WHEN 3 THEN 'waiting' ELSE 'delivered' END,
       CASE WHEN lot = 3 THEN at + age + interval '{LATER}' END, 1, 0, NULL, '', at
FROM crowd, (SELECT events FROM counters WHERE merchant_id = $1) counted, (SELECT id FROM endpoints WHERE merchant_id = $1 LIMIT 1) spot;
INSERT INTO tries SELECT $1, payment_id, 1, at, 200, 0, '', '' FROM crowd WHERE lot < 3;
UPDATE counters SET events = events + (SELECT count(*) FROM crowd), payments = payments + (SELECT count(*) FROM crowd WHERE lot > 0)
WHERE merchant_id = $1;
DROP TABLE crowd;
"""


async def gather(connection: Tx, merchant_id: UUID, count: int) -> None:
    """Writes a crowd of so many payments into a database in which the merchant has lived through a day."""
    said = CROWD + PARTS
    await connection.execute(said.replace("$1", f"'{merchant_id}'::uuid").replace("$2", str(count)))
