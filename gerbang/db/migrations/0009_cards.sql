-- Cards that customers may pay by again, and the keys that cards are read and stored with. Numbers are sealed (gerbang.vault); what
-- stands beside them may be known.
CREATE TABLE vault_keys (
    number     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- `read`: the RSA key that merchants encrypt cards for. `store`: the key that numbers are sealed with.
    purpose    text NOT NULL CHECK (purpose IN ('read', 'store')),
    -- Sealed with the installation's secret key.
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE stored_cards (
    merchant_id  uuid NOT NULL,
    token        text NOT NULL,
    customer_id  text NOT NULL,
    charge_id    uuid NOT NULL,
    key_number   integer NOT NULL,
    -- Empty once nobody may pay by it any more.
    sealed       bytea NOT NULL,
    brand        text NOT NULL,
    first8       text NOT NULL,
    last4        text NOT NULL,
    expiry_month smallint NOT NULL,
    expiry_year  smallint NOT NULL,
    fingerprint  text NOT NULL,
    holder       text NOT NULL,
    state        text NOT NULL CHECK (state IN ('pending', 'active', 'inactive')),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, token),
    CHECK ((state = 'inactive') = (sealed = ''))
);
CREATE INDEX stored_cards_of_customer ON stored_cards (customer_id, merchant_id) WHERE state = 'active';
CREATE INDEX stored_cards_of_charge ON stored_cards (charge_id) WHERE state = 'pending';
CREATE INDEX stored_cards_by_key ON stored_cards (key_number) WHERE sealed <> '';
CREATE TYPE stored_card_row AS (
    merchant_id uuid, token text, customer_id text, charge_id uuid, key_number integer, sealed bytea, brand text, first8 text,
    last4 text, expiry_month smallint, expiry_year smallint, fingerprint text, holder text, state text, created_at timestamptz,
    updated_at timestamptz
);

-- What is taken of one card in parts comes in several reports.
DROP INDEX reports_charge_booked;
CREATE UNIQUE INDEX reports_charge_booked ON reports (merchant_id, charge_id) WHERE outcome = 'booked' AND service <> 'capture';
CREATE INDEX reports_captured ON reports (merchant_id, charge_id) WHERE outcome = 'booked' AND service = 'capture';
