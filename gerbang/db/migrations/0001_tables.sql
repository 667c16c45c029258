-- All tables: merchants and their keys, payments and what they are paid through, the ledger, events and callbacks.
--
-- What a merchant owns is keyed by the merchant and an id that carries its time; what a partner names is keyed by the
-- partner's name of it, in narrow tables where rows are many (paycodes, report_names).
--
-- Plans are kept from when the tables were empty, and all indexes cost the same. So what is looked for by a merchant and an id
-- finds only the primary key: other indexes begin with something else, or have a condition that only their lists name. Of
-- two that can be used PostgreSQL takes the one that was made last, which is not the primary key, after a restore neither.

-- What this database belongs to: the mode of its gateway, and the secret key that its secrets are sealed with.
CREATE TABLE installation (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode        text NOT NULL CHECK (mode IN ('sandbox', 'live')),
    -- Derived from the secret key, which cannot be found from it.
    fingerprint text NOT NULL
);

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
CREATE TABLE counters (
    merchant_id uuid PRIMARY KEY,
    events      bigint NOT NULL DEFAULT 0,
    payments    bigint NOT NULL DEFAULT 0
);
-- The platform has counters too, for events of no merchant: money to a number that nobody was given.
INSERT INTO counters (merchant_id) VALUES ('00000000-0000-0000-0000-000000000000');

-- Keys that merchants sign in with. Only a hash of the secret is kept; it has 256 random bits, so a plain hash is enough.
CREATE TABLE credentials (
    key         text PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    dialect     text NOT NULL,
    secret_hash bytea NOT NULL,
    created_at  timestamptz NOT NULL
);

-- Where callbacks go: one URL for each merchant and product. The secrets are sealed with the installation's key.
CREATE TABLE endpoints (
    id             uuid NOT NULL,
    merchant_id    uuid NOT NULL REFERENCES merchants,
    product        text NOT NULL,
    url            text NOT NULL,
    kinds          text[] NOT NULL,
    api_key        bytea NOT NULL,
    signing_secret bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    -- A user name and password for the endpoint's server (HTTP Basic), sealed. The URL has none, so it can be shown.
    credentials    bytea,
    PRIMARY KEY (merchant_id, id),
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
    id                  uuid NOT NULL,
    merchant_id         uuid NOT NULL,
    product             text NOT NULL,
    -- The series in which a reference is unique: payments, links and static codes may share their names.
    scope               text NOT NULL,
    reference           text NOT NULL,
    kind                text NOT NULL CHECK (kind IN ('one_time', 'static')),
    amount              bigint CHECK (amount > 0),
    currency            text NOT NULL,
    state               text NOT NULL CHECK (state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'active',
                                                       'paid', 'cancelled', 'failed', 'expired', 'inactive')),
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
    CHECK (kind = 'static' OR amount IS NOT NULL),
    CHECK (state <> 'paid' OR paid_at IS NOT NULL),
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX payments_reference ON payments (reference, scope, merchant_id);
-- The link to a payer's page names the payment alone, as the vendor's does.
CREATE INDEX payments_of_pages ON payments (id);
-- Lists are read by id, which is in the order of time: all one-time payments, and those of one state.
CREATE INDEX payments_one_time ON payments (merchant_id, id) WHERE kind = 'one_time';
CREATE INDEX payments_static ON payments (merchant_id, id) WHERE kind = 'static';
CREATE INDEX payments_by_state ON payments (merchant_id, state, id) WHERE kind = 'one_time' AND state <> 'paid';
CREATE INDEX payments_to_expire ON payments (expires_at)
    WHERE state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'active');

CREATE TABLE settlements (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    -- The day in Jakarta on which its money became available. What comes later that day is added.
    settled_on  date NOT NULL,
    charges     bigint NOT NULL,
    gross       numeric NOT NULL,
    fees        numeric NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    UNIQUE (merchant_id, settled_on)
);
ALTER TABLE settlements ADD PRIMARY KEY (merchant_id, id);

CREATE TABLE charges (
    id                uuid NOT NULL,
    payment_id        uuid NOT NULL,
    merchant_id       uuid NOT NULL,
    payment_reference text NOT NULL,
    amount            bigint NOT NULL CHECK (amount > 0),
    state             text NOT NULL CHECK (state IN ('waiting', 'succeeded', 'failed', 'expired')),
    channel           text NOT NULL,
    -- What the buyer is shown in order to pay.
    instructions      json NOT NULL,
    descriptor        text NOT NULL,
    fee               bigint NOT NULL DEFAULT 0,
    -- The part of the fee that is tax.
    vat               bigint NOT NULL DEFAULT 0,
    -- Whether it is one arrival of money on a static paycode.
    static            boolean NOT NULL DEFAULT false,
    failure           text CHECK (failure IN ('expired', 'declined', 'abandoned')),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    expires_at        timestamptz,
    paid_at           timestamptz,
    -- When its money becomes the merchant's to withdraw.
    settles_at        timestamptz,
    settled_at        timestamptz,
    settlement_id     uuid,
    PRIMARY KEY (merchant_id, id),
    FOREIGN KEY (merchant_id, payment_id) REFERENCES payments,
    FOREIGN KEY (merchant_id, settlement_id) REFERENCES settlements,
    CHECK (state <> 'succeeded' OR (paid_at IS NOT NULL AND settles_at IS NOT NULL)),
    CHECK (settled_at IS NULL OR (state = 'succeeded' AND settlement_id IS NOT NULL))
);
CREATE INDEX charges_of_payment ON charges (payment_id, id);
CREATE INDEX charges_to_settle ON charges (settles_at) WHERE settled_at IS NULL AND settles_at IS NOT NULL;
CREATE INDEX charges_of_settlement ON charges (settlement_id, id) WHERE settlement_id IS NOT NULL;
-- Arrivals on static paycodes are payments of their own to the second dialect, and listed with the others.
CREATE INDEX charges_static ON charges (merchant_id, id) WHERE static;
CREATE INDEX charges_static_paid ON charges (merchant_id, id) WHERE static AND settled_at IS NULL;
CREATE INDEX charges_static_settled ON charges (merchant_id, id) WHERE static AND settled_at IS NOT NULL;
CREATE INDEX charges_on_code_paid ON charges (payment_id, id) WHERE static AND settled_at IS NULL;
CREATE INDEX charges_on_code_settled ON charges (payment_id, id) WHERE static AND settled_at IS NOT NULL;
CREATE INDEX charges_paid ON charges (merchant_id, payment_id)
    WHERE state = 'succeeded' AND settled_at IS NULL AND NOT static;
CREATE INDEX charges_settled ON charges (merchant_id, payment_id) WHERE settled_at IS NOT NULL AND NOT static;
-- The reference that the second dialect makes for an arrival ends like the arrival's id.
CREATE INDEX charges_static_by_tail ON charges (merchant_id, right(id::text, 10)) WHERE static;

CREATE TABLE paycodes (
    -- By which its money comes: two banks may have the same number.
    connection  text NOT NULL,
    channel     text NOT NULL,
    number      text NOT NULL COLLATE "C",
    merchant_id uuid NOT NULL,
    payment_id  uuid NOT NULL,
    charge_id   uuid,
    static      boolean NOT NULL,
    held        boolean NOT NULL DEFAULT true,
    free_at     timestamptz,
    created_at  timestamptz NOT NULL
);
-- A number belongs to one payment at a time, whoever the merchant is. This is what makes collisions impossible.
CREATE UNIQUE INDEX paycodes_held ON paycodes (connection, channel, number) WHERE held;
-- Money to a number that nobody holds any more is still reported to whoever had it last.
CREATE INDEX paycodes_past ON paycodes (connection, channel, number, created_at) WHERE NOT held;
CREATE INDEX paycodes_to_free ON paycodes (free_at) WHERE held AND free_at IS NOT NULL;
CREATE INDEX paycodes_static ON paycodes (merchant_id, channel) WHERE static AND held;

CREATE TABLE idempotency_keys (
    merchant_id uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    -- None while a partner is asked, by the request of this id.
    answer      bytea,
    expires_at  timestamptz NOT NULL,
    request_id  uuid,
    CHECK (answer IS NOT NULL OR request_id IS NOT NULL),
    PRIMARY KEY (merchant_id, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys USING brin (expires_at);

-- What partners said of money that arrived.
CREATE TABLE reports (
    id          uuid NOT NULL,
    connection  text NOT NULL,
    service     text NOT NULL,
    reference   text NOT NULL,
    -- Counts the money that the partner gave one reference to: only the first can be booked.
    occurrence  integer NOT NULL,
    channel     text NOT NULL,
    number      text NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    outcome     text NOT NULL CHECK (outcome IN ('booked', 'late', 'double', 'overpaid', 'underpaid', 'unknown_number')),
    merchant_id uuid NOT NULL,
    payment_id  uuid,
    charge_id   uuid,
    paid_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    CHECK (outcome <> 'booked' OR (charge_id IS NOT NULL AND occurrence = 1)),
    PRIMARY KEY (merchant_id, id)
);
-- One SINGLE payment is paid by one report; a second one can only be held in suspense.
CREATE UNIQUE INDEX reports_charge_booked ON reports (merchant_id, charge_id) WHERE outcome = 'booked';
CREATE INDEX reports_in_suspense ON reports (merchant_id, received_at) WHERE outcome <> 'booked';
-- The payer's page shows money that arrived for a payment without being owed.
CREATE INDEX reports_in_suspense_of_payment ON reports (payment_id) WHERE outcome <> 'booked';

-- The identity of money, over all merchants: however often it is reported, it is one report.
CREATE TABLE report_names (
    connection  text NOT NULL,
    service     text NOT NULL,
    reference   text NOT NULL,
    occurrence  integer NOT NULL CHECK (occurrence > 0),
    merchant_id uuid NOT NULL,
    report_id   uuid NOT NULL,
    PRIMARY KEY (connection, service, reference, occurrence)
);

-- Money that partners took back after it had arrived.
CREATE TABLE reversals (
    id               uuid NOT NULL,
    merchant_id      uuid NOT NULL,
    connection       text NOT NULL,
    service          text NOT NULL,
    reference        text NOT NULL,
    original_service text NOT NULL,
    original         text NOT NULL,
    amount           bigint NOT NULL CHECK (amount > 0),
    outcome          text NOT NULL CHECK (outcome IN ('reversed', 'reversed_before', 'unknown_money')),
    report_id        uuid,
    received_at      timestamptz NOT NULL,
    CHECK ((outcome = 'reversed') = (report_id IS NOT NULL)),
    PRIMARY KEY (connection, service, reference, original_service, original, amount)
);
-- A bank may take money back before it has reported it.
CREATE INDEX reversals_unknown ON reversals (received_at) WHERE outcome = 'unknown_money';
-- Money goes back once.
CREATE UNIQUE INDEX reversals_of_report ON reversals (report_id, merchant_id) WHERE report_id IS NOT NULL;

-- What banks asked before they gave us the money, and what they were answered: a repeat gets the same answer.
CREATE TABLE inquiries (
    connection  text NOT NULL,
    service     text NOT NULL,
    request_id  text NOT NULL,
    channel     text NOT NULL,
    number      text NOT NULL,
    amount      bigint NOT NULL CHECK (amount >= 0),
    reference   text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('payable', 'accepted', 'refused')),
    reason      text CHECK (reason IN ('unknown_number', 'not_active', 'expired', 'ended', 'paid', 'wrong_amount',
                                       'reference_used')),
    merchant_id uuid,
    payment_id  uuid,
    report_id   uuid,
    owed        bigint,
    payer_name  text NOT NULL,
    answered_at timestamptz NOT NULL,
    -- Money that is accepted is booked, and of money that is refused there is none.
    CHECK ((verdict = 'accepted') = (report_id IS NOT NULL)),
    CHECK ((verdict = 'refused') = (reason IS NOT NULL)),
    CHECK (verdict = 'refused' OR (merchant_id IS NOT NULL AND payment_id IS NOT NULL)),
    PRIMARY KEY (connection, service, request_id)
);

CREATE TABLE accounts (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    -- The platform's accounts take part in every merchant's transfers: each is kept in several rows, so that these need
    -- not wait for each other. Their sum is its balance. A merchant's account is one row, 0.
    stripe   smallint NOT NULL DEFAULT 0,
    currency text NOT NULL,
    balance  numeric NOT NULL DEFAULT 0,
    UNIQUE (name, stripe)
);

-- The ledger. Rows are written once and never changed; a mistake is put right by another transfer.
CREATE TABLE transfers (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    debit       integer NOT NULL REFERENCES accounts,
    credit      integer NOT NULL REFERENCES accounts,
    amount      bigint NOT NULL CHECK (amount > 0),
    reason      text NOT NULL,
    merchant_id uuid NOT NULL,
    payment_id  uuid,
    report_id   uuid,
    -- The charge that was settled, or the payout.
    cause_id    uuid,
    at          timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK (debit <> credit)
);
-- A charge is settled once and a payout is paid once, whatever happens: one cause moves money once for each reason.
CREATE UNIQUE INDEX transfers_once ON transfers (merchant_id, cause_id, reason) WHERE cause_id IS NOT NULL;

-- Money sent out on a merchant's behalf, taken from what is settled.
CREATE TABLE payouts (
    id                uuid NOT NULL,
    merchant_id       uuid NOT NULL,
    product           text NOT NULL,
    reference         text NOT NULL,
    connection        text NOT NULL,
    amount            bigint NOT NULL CHECK (amount > 0),
    fee               bigint NOT NULL CHECK (fee >= 0),
    vat               bigint NOT NULL CHECK (vat BETWEEN 0 AND fee),
    state             text NOT NULL CHECK (state IN ('pending', 'processing', 'completed', 'failed')),
    destination       json NOT NULL,
    description       text,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    sent_at           timestamptz,
    ended_at          timestamptz,
    bank_reference    text NOT NULL,
    bank_account_name text NOT NULL,
    failure_reason    text,
    returned_at       timestamptz,
    PRIMARY KEY (merchant_id, id),
    CHECK (returned_at IS NULL OR state = 'failed'),
    CHECK ((state = 'pending') = (sent_at IS NULL)),
    CHECK ((state IN ('completed', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_reason IS NOT NULL))
);
-- Lists go by the time of making; the id orders what was made in one instant.
-- All amounts are above zero: the condition keeps these indexes from being used for anything but lists.
CREATE INDEX payouts_of_merchant ON payouts (merchant_id, created_at, id) WHERE amount > 0;
CREATE INDEX payouts_by_state ON payouts (merchant_id, state, created_at, id) WHERE amount > 0;
-- A repeated request is the same payout. This is what makes paying twice impossible.
CREATE UNIQUE INDEX payouts_reference ON payouts (reference, merchant_id);

-- What banks and acquirers are asked: written down before they are called, and until they have answered.
CREATE TABLE partner_requests (
    -- The reference under which the partner knows it: the id of the charge, the static payment or the payout.
    id                uuid PRIMARY KEY,
    merchant_id       uuid NOT NULL,
    connection        text NOT NULL,
    operation         text NOT NULL CHECK (operation IN ('open', 'close', 'send')),
    asked             json NOT NULL,
    state             text NOT NULL CHECK (state IN ('pending', 'processing', 'done', 'declined')),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    partner_reference text NOT NULL,
    reason            text NOT NULL,
    tries             integer NOT NULL,
    -- When the partner must be called: to be given what it may not have yet, or to be asked how it ended.
    next_at           timestamptz,
    CHECK ((state IN ('pending', 'processing')) = (next_at IS NOT NULL))
);
CREATE INDEX partner_requests_due ON partner_requests (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX partner_requests_due_at ON partner_requests (connection, next_at) WHERE next_at IS NOT NULL;

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
    id           uuid NOT NULL,
    merchant_id  uuid NOT NULL,
    sequence     bigint NOT NULL,
    endpoint_id  uuid NOT NULL,
    state        text NOT NULL CHECK (state IN ('waiting', 'delivered', 'parked', 'given_up')),
    next_at      timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    -- How many tries there were before it was sent again by hand: the retry schedule counts from there.
    retries_from integer NOT NULL DEFAULT 0,
    -- Since when a process has been sending it, by the machine's clock, whatever a sandbox's shows.
    in_hand_since timestamptz,
    body         bytea,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id),
    FOREIGN KEY (merchant_id, endpoint_id) REFERENCES endpoints,
    FOREIGN KEY (merchant_id, sequence) REFERENCES events,
    CHECK ((state = 'waiting') = (next_at IS NOT NULL))
);
-- Claimed endpoint by endpoint, so that the queue of one that is down is not walked through to come to another's.
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, next_at) WHERE state = 'waiting';
-- All numbers of events are above zero: the condition keeps this index from being used for anything but lists.
CREATE INDEX deliveries_by_state ON deliveries (merchant_id, state, sequence, id) WHERE sequence > 0;
-- Callbacks that nobody has taken are few among all, and operators look for them and send them again.
CREATE INDEX deliveries_undelivered ON deliveries (merchant_id, sequence, id) WHERE state IN ('parked', 'given_up');

CREATE TABLE tries (
    merchant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    status      integer,
    seconds     real NOT NULL,
    error       text NOT NULL,
    answer      text NOT NULL,
    PRIMARY KEY (merchant_id, delivery_id, number),
    FOREIGN KEY (merchant_id, delivery_id) REFERENCES deliveries ON DELETE CASCADE
);

-- The sandbox: how far its clock has been moved, and the callbacks that its inbox has received.
CREATE TABLE sandbox_clock (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    offset_seconds double precision NOT NULL
);

CREATE TABLE inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    merchant_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    path        text NOT NULL,
    headers     json NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

-- How far a merchant has come in the pages of a list, so that whichever process is asked for the next one goes on there.
-- Worth nothing after a crash, so it is not logged: nobody who reads a list waits for the disk or for a standby.
CREATE UNLOGGED TABLE page_positions (
    merchant_id uuid NOT NULL,
    list        bytea NOT NULL,
    begins      json NOT NULL,
    read_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, list)
);
