-- Buyers whose bank or wallet asks them something, money that a partner holds for us until it is captured, and payouts that are
-- more than an order of a merchant: a refund's transfer, a withdrawal, a line of many.
ALTER TABLE payments
    DROP CONSTRAINT payments_state_check,
    ADD CONSTRAINT payments_state_check
        CHECK (state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'authenticating', 'processing', 'active',
                         'paid', 'cancelled', 'failed', 'expired', 'inactive'));
DROP INDEX payments_to_expire;
CREATE INDEX payments_to_expire ON payments (expires_at)
    WHERE state IN ('needs_method', 'needs_confirmation', 'opening', 'awaiting', 'authenticating', 'active');

ALTER TABLE charges
    DROP CONSTRAINT charges_state_check,
    DROP CONSTRAINT charges_failure_check,
    -- What may be known of the card that pays it.
    ADD COLUMN card     json,
    -- What was taken of the money that its partner holds; NULL where it was all paid at once.
    ADD COLUMN captured bigint CHECK (captured BETWEEN 0 AND amount),
    ADD CONSTRAINT charges_state_check
        CHECK (state IN ('waiting', 'authenticating', 'processing', 'authorized', 'succeeded', 'failed', 'expired')),
    ADD CONSTRAINT charges_failure_check
        CHECK (failure IN ('expired', 'declined', 'abandoned', 'refused', 'card_expired', 'wrong_cvc', 'invalid_account',
                           'not_authenticated', 'suspected_fraud', 'blocked', 'blocked_by_risk', 'needs_review',
                           'insufficient_funds', 'unavailable'));
CREATE TYPE charge_row_2 AS (
    id uuid, payment_id uuid, merchant_id uuid, payment_reference text, amount bigint, state text, channel text,
    instructions json, descriptor text, fee bigint, vat bigint, static boolean, failure text, created_at timestamptz,
    updated_at timestamptz, expires_at timestamptz, paid_at timestamptz, card json, captured bigint, settles_at timestamptz,
    settled_at timestamptz, settlement_id uuid
);

ALTER TABLE payouts
    ADD COLUMN kind     text NOT NULL DEFAULT 'payout' CHECK (kind IN ('payout', 'refund', 'withdrawal')),
    -- Which of the merchant's balances it is taken from: what was settled, or what was paid in for payouts.
    ADD COLUMN source   text NOT NULL DEFAULT 'available' CHECK (source IN ('available', 'payouts')),
    -- The refund that it carries out, the withdrawal, or the order of many payouts that it is a line of.
    ADD COLUMN cause_id uuid;
DROP INDEX payouts_reference;
-- A repeated request is the same payout. This is what makes paying twice impossible.
CREATE UNIQUE INDEX payouts_reference ON payouts (reference, merchant_id, kind);
CREATE INDEX payouts_of_cause ON payouts (cause_id, id) WHERE cause_id IS NOT NULL;
-- Lists are of payouts alone.
DROP INDEX payouts_of_merchant;
DROP INDEX payouts_by_state;
CREATE INDEX payouts_of_merchant ON payouts (merchant_id, created_at, id) WHERE kind = 'payout';
CREATE INDEX payouts_by_state ON payouts (merchant_id, state, created_at, id) WHERE kind = 'payout';
CREATE TYPE payout_row_2 AS (
    id uuid, merchant_id uuid, product text, reference text, connection text, amount bigint, fee bigint, vat bigint,
    state text, destination json, description text, created_at timestamptz, updated_at timestamptz,
    kind text, source text, cause_id uuid, sent_at timestamptz, ended_at timestamptz, bank_reference text,
    bank_account_name text, failure_reason text, returned_at timestamptz
);

ALTER TABLE partner_requests
    DROP CONSTRAINT partner_requests_operation_check,
    ADD CONSTRAINT partner_requests_operation_check
        CHECK (operation IN ('open', 'close', 'send', 'authorize', 'capture', 'void', 'refund'));

-- A merchant that another one acts for.
ALTER TABLE merchants ADD COLUMN parent_id uuid REFERENCES merchants;
CREATE INDEX merchants_of_parent ON merchants (parent_id, id) WHERE parent_id IS NOT NULL;
