-- Many payouts that are ordered by one request, questions about accounts, and money that a merchant takes out itself.

-- A line of a bulk payout may wait for its money to be reserved (`approved`), and may fail before that ever was: it was never sent.
ALTER TABLE payouts
    DROP CONSTRAINT payouts_state_check,
    DROP CONSTRAINT payouts_check2,
    ADD CONSTRAINT payouts_state_check CHECK (state IN ('approved', 'pending', 'processing', 'completed', 'failed')),
    ADD CONSTRAINT payouts_sent_check
        CHECK (CASE WHEN state IN ('approved', 'pending') THEN sent_at IS NULL
                    WHEN state IN ('processing', 'completed') THEN sent_at IS NOT NULL ELSE true END);

-- The lines of a bulk payout are read in the order of their making.
DROP INDEX payouts_of_cause;
CREATE INDEX payouts_of_cause ON payouts (merchant_id, cause_id, id) WHERE cause_id IS NOT NULL;

-- The order of many payouts; its lines are rows of payouts with its id as their cause.
CREATE TABLE bulk_payouts (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    product     text NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled')),
    lines       integer NOT NULL CHECK (lines > 0),
    open_lines  integer NOT NULL CHECK (open_lines BETWEEN 0 AND lines),
    -- What its open lines take from the merchant's balance while it waits for that.
    needed      bigint NOT NULL CHECK (needed >= 0),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    -- When the balance is looked at again; NULL where it need not be.
    next_at     timestamptz,
    PRIMARY KEY (merchant_id, id),
    CHECK (state = 'waiting' OR next_at IS NULL),
    CHECK ((state IN ('done', 'cancelled')) = (open_lines = 0))
);
CREATE INDEX bulk_payouts_due ON bulk_payouts (next_at) WHERE next_at IS NOT NULL;
CREATE TYPE bulk_payout_row AS (
    id uuid, merchant_id uuid, product text, state text, lines integer, open_lines integer, needed bigint,
    created_at timestamptz, updated_at timestamptz, next_at timestamptz
);

-- What a merchant asked of an account before it pays to it, and what the bank said.
CREATE TABLE account_inquiries (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    destination json NOT NULL,
    state       text NOT NULL CHECK (state IN ('pending', 'valid', 'warning', 'invalid')),
    bank_name   text NOT NULL,
    reason      text NOT NULL,
    fee         bigint NOT NULL CHECK (fee >= 0),
    vat         bigint NOT NULL CHECK (vat BETWEEN 0 AND fee),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE TYPE account_inquiry_row AS (
    id uuid, merchant_id uuid, destination json, state text, bank_name text, reason text, fee bigint, vat bigint,
    created_at timestamptz, updated_at timestamptz
);

-- Money that a merchant takes out: to its own bank account, by a payout of the same id, or to its balance for payouts.
CREATE TABLE withdrawals (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    reference   text NOT NULL,
    way         text NOT NULL CHECK (way IN ('bank', 'balance')),
    balance     text NOT NULL CHECK (balance IN ('available', 'payouts')),
    whole       boolean NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    description text,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX withdrawals_reference ON withdrawals (reference, merchant_id);
CREATE TYPE withdrawal_row AS (
    id uuid, merchant_id uuid, reference text, way text, balance text, whole boolean, amount bigint, description text,
    created_at timestamptz
);

-- A bulk payout makes a thousand requests due at once: what is not money is found beside them.
CREATE INDEX partner_requests_due_otherwise ON partner_requests (connection, next_at)
    WHERE next_at IS NOT NULL AND operation <> 'send';

-- What moved a merchant's balances in a span of time.
CREATE INDEX transfers_of_merchant ON transfers (merchant_id, at, id);
