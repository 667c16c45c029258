"""Rows for tables whose queries are planned: ten thousand of everything, made by PostgreSQL itself."""

SOME_ROWS = """
    INSERT INTO merchants SELECT md5('m' || n)::uuid, n + 1, 'a', 'a', 'a', '{}', $1 FROM generate_series(0, 99) n;
    INSERT INTO endpoints SELECT md5('n' || n)::uuid, md5('m' || n)::uuid, 'payment', 'u', '{}', '', '', $1
        FROM generate_series(0, 99) n;
    INSERT INTO accounts (name, currency) SELECT 'account ' || n, 'IDR' FROM generate_series(1, 100) n;
    INSERT INTO customers SELECT md5('m' || n % 100)::uuid, n, n || '@shop.example', '{}', $1, $1 FROM rows;
    INSERT INTO stored_cards SELECT md5('m' || n % 100)::uuid, n, n, md5('c' || n)::uuid, 1, '\\x00', 'VISA', '44400001', '0001',
                                    9, 2039, 'f', '', (ARRAY['active', 'pending'])[1 + n % 2], at, at FROM rows;
    INSERT INTO payments (id, merchant_id, reference, kind, amount, currency, state, created_at, updated_at, expires_at,
                          paid_at, descriptor, details, product, scope)
        SELECT md5('p' || n)::uuid, md5('m' || n % 100)::uuid, n, (ARRAY['one_time', 'static'])[1 + n % 3 / 2], 100, 'IDR',
               (ARRAY['awaiting', 'paid'])[1 + n % 2], at, at, at, at, '', '{}', (ARRAY['payment', 'v4-payments'])[1 + n % 2],
               (ARRAY['', 'links'])[1 + n % 2] FROM rows;
    INSERT INTO settlements SELECT md5('s' || n)::uuid, md5('m' || n % 100)::uuid, date '2025-03-30' + n / 100, 1, 100, 1, at, at
        FROM rows;
    INSERT INTO charges (id, payment_id, merchant_id, payment_reference, amount, state, channel, instructions, descriptor,
                         created_at, updated_at, paid_at, static, settles_at, settled_at, settlement_id)
        SELECT md5('c' || n)::uuid, md5('p' || n)::uuid, md5('m' || n % 100)::uuid, n, 100,
               (ARRAY['waiting', 'succeeded'])[1 + n % 2], 'qris', '{}', '', at, at, CASE WHEN n % 2 = 1 THEN at END, n % 3 = 2,
               CASE WHEN n % 2 = 1 THEN at END, CASE WHEN n % 4 = 1 THEN at END, CASE WHEN n % 4 = 1 THEN md5('s' || n)::uuid END
        FROM rows;
    INSERT INTO payouts (id, merchant_id, product, reference, connection, amount, fee, vat, state, destination, created_at,
                         updated_at, sent_at, ended_at, bank_reference, bank_account_name, cause_id)
        SELECT md5('o' || n)::uuid, md5('m' || n % 100)::uuid, 'v4-disbursements', n, 'simulator', 100, 1, 0,
               (ARRAY['completed', 'processing'])[1 + n % 2], '{}', at, at, at, CASE WHEN n % 2 = 0 THEN at END, '', '',
               md5('o' || n % 100)::uuid FROM rows;
    INSERT INTO partner_requests (id, merchant_id, connection, operation, asked, state, created_at, updated_at,
                                  partner_reference, reason, tries, next_at)
        SELECT md5('o' || n)::uuid, md5('m' || n % 100)::uuid, 'simulator', 'send', '{}',
               (ARRAY['done', 'processing'])[1 + n % 2], at, at, '', '', 0, CASE WHEN n % 2 = 1 THEN at END FROM rows;
    INSERT INTO refunds (id, merchant_id, product, reference, payment_id, charge_id, amount, whole, captured, fee, vat, state, method,
                         reason, connection, created_at, updated_at, statement_text, metadata, settles_at, ended_at)
        SELECT md5('f' || n)::uuid, md5('m' || n % 100)::uuid, 'refund', n, md5('p' || n)::uuid, md5('c' || n)::uuid, 100, false, 100,
               0, 0, (ARRAY['cancelled', 'pending'])[1 + n % 2], 'auto', 'others', 'simulator', at, at, '', '{}',
               CASE WHEN n % 2 = 1 THEN at END, CASE WHEN n % 2 = 0 THEN at END FROM rows;
    INSERT INTO bulk_payouts SELECT md5('o' || n)::uuid, md5('m' || n % 100)::uuid, 'payout', (ARRAY['done', 'waiting'])[1 + n % 2], 1,
                                    n % 2, 0, at, at, CASE WHEN n % 2 = 1 THEN at END FROM rows;
    INSERT INTO account_inquiries SELECT md5('o' || n)::uuid, md5('m' || n % 100)::uuid, '{}', 'valid', '', '', 0, 0, at, at FROM rows;
    INSERT INTO withdrawals SELECT md5('o' || n)::uuid, md5('m' || n % 100)::uuid, n, 'balance', 'payouts', false, 1, NULL, at FROM rows;
    INSERT INTO paycodes SELECT 'simulator', 'qris', lpad(n::text, 12, '0'), md5('m' || n % 100)::uuid, md5('p' || n)::uuid,
                                md5('c' || n)::uuid, false, n % 2 = 0, at, at FROM rows;
    INSERT INTO idempotency_keys SELECT md5('m' || n % 100)::uuid, n, '', '', at FROM rows;
    INSERT INTO reports SELECT md5('r' || n)::uuid, 'simulator', 'payment', n, 1, 'qris', '', 100, (ARRAY['booked', 'late'])[1 + n % 2],
                               md5('m' || n % 100)::uuid, md5('p' || n)::uuid, md5('c' || n)::uuid, at, at FROM rows;
    INSERT INTO report_names SELECT 'simulator', 'payment', n, 1, md5('m' || n % 100)::uuid, md5('r' || n)::uuid FROM rows;
    INSERT INTO inquiries SELECT 'simulator', 'payment', n, 'qris', '', 100, n, 'accepted', NULL, md5('m' || n % 100)::uuid,
                                 md5('p' || n)::uuid, md5('r' || n)::uuid, 100, '', at FROM rows;
    INSERT INTO reversals SELECT md5('v' || n)::uuid, md5('m' || n % 100)::uuid, 'simulator', 'reversal', n, 'payment', n, 100,
                                 'reversed', md5('r' || n)::uuid, at FROM rows;
    INSERT INTO transfers (debit, credit, amount, reason, merchant_id, at)
        SELECT 1 + n % 99, 2 + n % 99, 100, 'money_in', md5('m' || n % 100)::uuid, at FROM rows;
    INSERT INTO events SELECT md5('m' || n % 100)::uuid, n, 'payment.paid', at FROM rows;
    INSERT INTO deliveries SELECT md5('d' || n)::uuid, md5('m' || n % 100)::uuid, n, md5('n' || n % 100)::uuid,
                                  (ARRAY['waiting', 'parked'])[1 + n % 2], CASE WHEN n % 2 = 0 THEN at END, 0, 0, NULL, '', at
        FROM rows;
    INSERT INTO tries SELECT md5('m' || n % 100)::uuid, md5('d' || n)::uuid, 1, at, 500, 0, '', '' FROM rows;
    INSERT INTO statement_lines SELECT 'simulator', date '2025-03-30' + n / 100, md5('l' || n), '0123456789', 100, 'credit', '', n, '',
                                       at, NULL, n, n % 100 = 0, '' FROM rows;
    INSERT INTO partner_list_lines SELECT 'simulator', date '2025-03-30' + n / 100, md5('l' || n), n, 'payment', 100, 1, 99, 1, '', '',
                                          n / 100, n FROM rows;
    INSERT INTO findings (connection, happened_on, key, kind, owner, sides, state, closed_as, note, found_at, updated_at, closed_at)
        SELECT 'simulator', date '2025-03-30' + n / 100, md5('f' || n), 'missing_there', 'operator', '{}',
               (ARRAY['closed', 'open'])[1 + n % 2], CASE WHEN n % 2 = 0 THEN 'gone' END, '', at, at,
               CASE WHEN n % 2 = 0 THEN at END FROM rows;
    INSERT INTO inbox (merchant_id, received_at, path, headers, body) SELECT md5('m' || n % 100)::uuid, at, '', '{}', '' FROM rows
"""
"""Statements that fill the tables; `rows` are numbers `n` with an instant `at`, and $1 is the first instant."""

VALUES = {
    "uuid": "md5('p7')",
    "text": "'7'",
    "bytea": "''",
    "json": "'{}'",
    "bool": "false",
    "int4": "16",
    "int8": "16",
    "numeric": "16",
    "float4": "16",
    "float8": "16",
    "int2": "0",
    "timestamptz": "'2025-03-30 05:48:20+00'",
    "date": "'2025-03-30'",
}
"""A value of each type, such as the gateway gives."""
