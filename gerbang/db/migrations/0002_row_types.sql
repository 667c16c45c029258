-- What statements are given many of at once: the types of the items of their parameters. A type is never changed, since
-- processes of an older version still send it: a table with a new column gets a new type.
CREATE TYPE owned_id AS (
    merchant_id uuid, id uuid
);
CREATE TYPE asked_names AS (
    merchant_id uuid, scope text, reference text, key text
);
CREATE TYPE report_name AS (
    connection text, service text, reference text
);
CREATE TYPE number_at AS (
    connection text, channel text, number text, at timestamptz
);
CREATE TYPE freed_paycode AS (
    connection text, channel text, number text, payment_id uuid, free_at timestamptz
);
CREATE TYPE settled_charge AS (
    merchant_id uuid, id uuid, settlement_id uuid, settled_at timestamptz
);
CREATE TYPE payment_row AS (
    id uuid, merchant_id uuid, product text, scope text, reference text, kind text, amount bigint, currency text,
    state text, created_at timestamptz, updated_at timestamptz, expires_at timestamptz, paid_at timestamptz,
    cancelled_at timestamptz, cancellation_reason text, descriptor text, customer_id text, method json, details json
);
CREATE TYPE charge_row AS (
    id uuid, payment_id uuid, merchant_id uuid, payment_reference text, amount bigint, state text, channel text,
    instructions json, descriptor text, fee bigint, vat bigint, static boolean, failure text, created_at timestamptz,
    updated_at timestamptz, expires_at timestamptz, paid_at timestamptz, settles_at timestamptz,
    settled_at timestamptz, settlement_id uuid
);
CREATE TYPE paycode_row AS (
    connection text, channel text, number text, merchant_id uuid, payment_id uuid, charge_id uuid, static boolean,
    free_at timestamptz, created_at timestamptz
);
CREATE TYPE idempotency_key_row AS (
    merchant_id uuid, key text, fingerprint bytea, answer bytea, expires_at timestamptz, request_id uuid
);
CREATE TYPE inquiry_row AS (
    connection text, service text, request_id text, channel text, number text, amount bigint, reference text,
    verdict text, reason text, merchant_id uuid, payment_id uuid, report_id uuid, owed bigint, payer_name text,
    answered_at timestamptz
);
CREATE TYPE settlement_row AS (
    id uuid, merchant_id uuid, settled_on date, charges bigint, gross numeric, fees numeric, created_at timestamptz,
    updated_at timestamptz
);
CREATE TYPE payout_row AS (
    id uuid, merchant_id uuid, product text, reference text, connection text, amount bigint, fee bigint, vat bigint,
    state text, destination json, description text, created_at timestamptz, updated_at timestamptz,
    sent_at timestamptz, ended_at timestamptz, bank_reference text, bank_account_name text, failure_reason text,
    returned_at timestamptz
);
CREATE TYPE partner_request_row AS (
    id uuid, merchant_id uuid, connection text, operation text, asked json, state text, created_at timestamptz,
    updated_at timestamptz, partner_reference text, reason text, tries integer, next_at timestamptz
);
CREATE TYPE customer_row AS (
    merchant_id uuid, id text, email text, data json
);
CREATE TYPE report_row AS (
    id uuid, connection text, service text, reference text, occurrence integer, channel text, number text,
    amount bigint, outcome text, merchant_id uuid, payment_id uuid, charge_id uuid, paid_at timestamptz,
    received_at timestamptz
);
CREATE TYPE report_name_row AS (
    connection text, service text, reference text, occurrence integer, merchant_id uuid, report_id uuid
);
-- By how much an account changes.
CREATE TYPE balance_row AS (
    name text, stripe smallint, change numeric
);
-- Debit and credit are places in the list of those accounts.
CREATE TYPE transfer_row AS (
    debit integer, credit integer, amount bigint, reason text, merchant_id uuid, payment_id uuid, report_id uuid,
    cause_id uuid
);
CREATE TYPE counter_row AS (
    merchant_id uuid, events bigint, payments bigint
);
-- The place of an event is counted from the last one of its merchant.
CREATE TYPE event_row AS (
    merchant_id uuid, place bigint, kind text, at timestamptz, payment_id uuid, charge_id uuid, snapshot json
);
CREATE TYPE delivery_row AS (
    id uuid, merchant_id uuid, place bigint, endpoint_id uuid, at timestamptz
);
