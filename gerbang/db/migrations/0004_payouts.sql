-- Payouts: money sent out on a merchant's behalf, taken from what is settled.

CREATE TABLE payouts (
    id                uuid PRIMARY KEY,
    merchant_id       uuid NOT NULL,
    product           text NOT NULL,
    reference         text NOT NULL,
    bank              text NOT NULL,
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
    -- When the bank must be called: to be given what it may not have yet, or to be asked how it ended.
    next_at           timestamptz,
    CHECK ((state = 'pending') = (sent_at IS NULL)),
    CHECK ((state IN ('completed', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_reason IS NOT NULL)),
    CHECK ((state IN ('pending', 'processing')) = (next_at IS NOT NULL)),
    -- A repeated request is the same payout. This is what makes paying twice impossible.
    UNIQUE (merchant_id, reference)
);
CREATE INDEX payouts_due ON payouts (next_at) WHERE next_at IS NOT NULL;
-- Lists go by the time of making; the id tells apart what was made in one instant.
CREATE INDEX payouts_of_merchant ON payouts (merchant_id, created_at, id);
CREATE INDEX payouts_by_state ON payouts (merchant_id, state, created_at, id);
