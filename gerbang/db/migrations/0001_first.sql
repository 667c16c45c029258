-- The whole of the first house: merchants and their keys, payments and what they are paid through, the books, the news.

CREATE TABLE merchants (
    id          uuid PRIMARY KEY,
    number      integer NOT NULL UNIQUE,
    name        text NOT NULL,
    short_name  text NOT NULL,
    email       text NOT NULL,
    agreement   json NOT NULL,
    created_at  timestamptz NOT NULL
);

-- Gap-free counters of a merchant. One row each, locked last in every transaction.
CREATE TABLE tallies (
    merchant_id uuid PRIMARY KEY,
    events      bigint NOT NULL DEFAULT 0,
    payments    bigint NOT NULL DEFAULT 0
);
-- The house itself has tallies too, for news that concerns no merchant: money to a number that is nobody's.
INSERT INTO tallies (merchant_id) VALUES ('00000000-0000-0000-0000-000000000000');

-- Keys that merchants sign in with. Only a hash of the secret is kept; it has 256 random bits, so a plain hash is enough.
CREATE TABLE credentials (
    key         text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    dialect     text NOT NULL,
    secret_hash bytea NOT NULL,
    created_at  timestamptz NOT NULL
);

-- Where callbacks go: one URL for each merchant and product. The two secrets are sealed with the house's key.
CREATE TABLE endpoints (
    id             uuid PRIMARY KEY,
    merchant_id    uuid NOT NULL REFERENCES merchants,
    product        text NOT NULL,
    url            text NOT NULL,
    kinds          text[] NOT NULL,
    api_key        bytea NOT NULL,
    signing_secret bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    UNIQUE (merchant_id, product)
);

CREATE TABLE customers (
    merchant_id uuid NOT NULL,
    id          text NOT NULL,
    email       text,
    data        json NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id),
    -- The e-mail address is the identity of a customer.
    UNIQUE (merchant_id, email)
);

-- Echo columns are json, not jsonb: a merchant gets its metadata back in its own order and spelling.
CREATE TABLE payments (
    id                  uuid PRIMARY KEY,
    merchant_id         uuid NOT NULL,
    reference           text NOT NULL,
    kind                text NOT NULL CHECK (kind IN ('single', 'multiple')),
    amount              bigint CHECK (amount > 0),
    currency            text NOT NULL,
    state               text NOT NULL CHECK (state IN ('needs_method', 'needs_confirmation', 'awaiting', 'active',
                                                       'processing', 'paid', 'cancelled', 'expired', 'inactive')),
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    expires_at          timestamptz,
    paid_at             timestamptz,
    cancelled_at        timestamptz,
    cancellation_reason text,
    descriptor          text NOT NULL,
    customer_id         text,
    method              json,
    details             json NOT NULL,
    CHECK (kind = 'multiple' OR amount IS NOT NULL),
    CHECK (state <> 'paid' OR paid_at IS NOT NULL),
    UNIQUE (merchant_id, reference)
);
-- Ids are in order of time, so this lists a merchant's payments newest first.
CREATE INDEX payments_of_merchant ON payments (merchant_id, id);
CREATE INDEX payments_to_expire ON payments (expires_at)
    WHERE state IN ('needs_method', 'needs_confirmation', 'awaiting', 'active');

CREATE TABLE charges (
    id                uuid PRIMARY KEY,
    payment_id        uuid NOT NULL REFERENCES payments,
    merchant_id       uuid NOT NULL,
    payment_reference text NOT NULL,
    amount            bigint NOT NULL CHECK (amount > 0),
    state             text NOT NULL CHECK (state IN ('waiting', 'authenticating', 'processing', 'awaiting_capture',
                                                     'succeeded', 'failed', 'expired')),
    channel           text NOT NULL,
    block             json NOT NULL,
    descriptor        text NOT NULL,
    fee               bigint NOT NULL DEFAULT 0,
    failure_code      text,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    expires_at        timestamptz,
    paid_at           timestamptz,
    CHECK (state <> 'succeeded' OR paid_at IS NOT NULL)
);
CREATE INDEX charges_of_payment ON charges (payment_id, id);

CREATE TABLE paycodes (
    channel     text NOT NULL,
    number      text NOT NULL COLLATE "C",
    merchant_id uuid NOT NULL,
    payment_id  uuid NOT NULL,
    charge_id   uuid,
    standing    boolean NOT NULL,
    held        boolean NOT NULL DEFAULT true,
    free_at     timestamptz,
    created_at  timestamptz NOT NULL
);
-- A number belongs to one payment at a time, whoever the merchant is. This is what makes collisions impossible.
CREATE UNIQUE INDEX paycodes_held ON paycodes (channel, number) WHERE held;
-- Money to a number that nobody holds any more is still told to whoever had it last.
CREATE INDEX paycodes_past ON paycodes (channel, number, created_at) WHERE NOT held;
CREATE INDEX paycodes_to_free ON paycodes USING brin (free_at);
CREATE INDEX paycodes_standing ON paycodes (merchant_id, channel) WHERE standing AND held;

CREATE TABLE idempotency_keys (
    merchant_id uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    answer      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys USING brin (expires_at);

-- What banks said. (bank, reference) is the identity of money: it is booked once, however often it is heard.
CREATE TABLE reports (
    id          uuid PRIMARY KEY,
    bank        text NOT NULL,
    reference   text NOT NULL,
    channel     text NOT NULL,
    number      text NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    outcome     text NOT NULL CHECK (outcome IN ('booked', 'late', 'double', 'overpaid', 'underpaid', 'unknown_number')),
    merchant_id uuid NOT NULL,
    payment_id  uuid,
    charge_id   uuid,
    paid_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    CHECK (outcome <> 'booked' OR charge_id IS NOT NULL),
    UNIQUE (bank, reference)
);
-- One SINGLE payment is paid by one report; a second one can only be set aside.
CREATE UNIQUE INDEX reports_charge_booked ON reports (charge_id) WHERE outcome = 'booked';
CREATE INDEX reports_set_aside ON reports (merchant_id, received_at) WHERE outcome <> 'booked';

CREATE TABLE accounts (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    currency text NOT NULL,
    balance  numeric NOT NULL DEFAULT 0
);

-- The ledger. Rows are written once and never changed; a mistake is put right by another transfer.
CREATE TABLE transfers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    debit       integer NOT NULL REFERENCES accounts,
    credit      integer NOT NULL REFERENCES accounts,
    amount      bigint NOT NULL CHECK (amount > 0),
    reason      text NOT NULL,
    merchant_id uuid NOT NULL,
    payment_id  uuid,
    report_id   uuid,
    at          timestamptz NOT NULL,
    CHECK (debit <> credit)
);

CREATE TABLE events (
    merchant_id uuid NOT NULL,
    sequence    bigint NOT NULL,
    kind        text NOT NULL,
    at          timestamptz NOT NULL,
    payment_id  uuid,
    charge_id   uuid,
    snapshot    json,
    PRIMARY KEY (merchant_id, sequence)
);

CREATE TABLE deliveries (
    id           uuid PRIMARY KEY,
    merchant_id  uuid NOT NULL,
    sequence     bigint NOT NULL,
    endpoint_id  uuid NOT NULL REFERENCES endpoints,
    state        text NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked', 'given_up')),
    next_at      timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    ladder_from  integer NOT NULL DEFAULT 0,
    body         bytea,
    created_at   timestamptz NOT NULL,
    FOREIGN KEY (merchant_id, sequence) REFERENCES events,
    CHECK ((state = 'waiting') = (next_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_of_merchant ON deliveries (merchant_id, sequence);

CREATE TABLE tries (
    delivery_id uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    status      integer,
    seconds     real NOT NULL,
    error       text NOT NULL,
    answer      text NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- The sandbox: how far its clock has been moved, and what the built-in receiver has heard.
CREATE TABLE sandbox_clock (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    offset_seconds double precision NOT NULL
);

CREATE TABLE inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    path        text NOT NULL,
    headers     json NOT NULL,
    body        bytea NOT NULL
);
CREATE INDEX inbox_of_merchant ON inbox (merchant_id, id);
