-- Payments of several products on one account, and paid money that becomes the merchant's to withdraw.

ALTER TABLE payments
    ADD COLUMN product text NOT NULL DEFAULT 'payment',
    -- The series in which a reference is unique: payments, links and standing paycodes may share their names.
    ADD COLUMN scope text NOT NULL DEFAULT '',
    DROP CONSTRAINT payments_merchant_id_reference_key,
    ADD UNIQUE (merchant_id, scope, reference);
-- Lists are walked by id: all one-time payments, those of one state, and the few that were declined.
DROP INDEX payments_of_merchant;
CREATE INDEX payments_single ON payments (merchant_id, id) WHERE kind = 'single';
CREATE INDEX payments_multiple ON payments (merchant_id, id) WHERE kind = 'multiple';
CREATE INDEX payments_by_state ON payments (merchant_id, state, id) WHERE kind = 'single' AND state <> 'paid';
CREATE INDEX payments_declined ON payments (merchant_id, id)
    WHERE kind = 'single' AND state = 'cancelled' AND cancellation_reason = 'CHARGE_FAILED';

CREATE TABLE settlements (
    id          uuid PRIMARY KEY,
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

ALTER TABLE charges
    ADD COLUMN vat bigint NOT NULL DEFAULT 0,
    ADD COLUMN standing boolean NOT NULL DEFAULT false,
    ADD COLUMN settles_at timestamptz,
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settlement_id uuid REFERENCES settlements,
    ADD CHECK (settled_at IS NULL OR (state = 'succeeded' AND settlement_id IS NOT NULL));
CREATE INDEX charges_to_settle ON charges (settles_at) WHERE settled_at IS NULL AND settles_at IS NOT NULL;
CREATE INDEX charges_of_settlement ON charges (settlement_id, id) WHERE settlement_id IS NOT NULL;
-- Arrivals on standing paycodes are payments of their own to the second dialect, and listed with the others.
CREATE INDEX charges_standing ON charges (merchant_id, id) WHERE standing;
CREATE INDEX charges_standing_paid ON charges (merchant_id, id) WHERE standing AND settled_at IS NULL;
CREATE INDEX charges_standing_settled ON charges (merchant_id, id) WHERE standing AND settled_at IS NOT NULL;
CREATE INDEX charges_paid ON charges (merchant_id, payment_id)
    WHERE state = 'succeeded' AND settled_at IS NULL AND NOT standing;
CREATE INDEX charges_settled ON charges (merchant_id, payment_id) WHERE settled_at IS NOT NULL AND NOT standing;
-- The reference that the second dialect makes for an arrival ends like the arrival's id.
CREATE INDEX charges_standing_by_tail ON charges (merchant_id, right(id::text, 10)) WHERE standing;

-- A charge is settled once and a payout is paid once, whatever happens: one cause moves money once for each reason.
ALTER TABLE transfers ADD COLUMN cause_id uuid;
CREATE UNIQUE INDEX transfers_once ON transfers (cause_id, reason) WHERE cause_id IS NOT NULL;

-- What was paid before there was settlement is settled at once.
-- Its fee was taken when it arrived: that is given back, and taken again when it is settled.
UPDATE charges c SET standing = true FROM payments p WHERE p.id = c.payment_id AND p.kind = 'multiple';
UPDATE charges c SET settles_at = c.paid_at, vat = coalesce(t.vat, 0)
FROM reports r
LEFT JOIN (SELECT report_id, sum(amount) AS vat FROM transfers WHERE reason = 'vat' GROUP BY report_id) t
       ON t.report_id = r.id
WHERE r.charge_id = c.id AND r.outcome = 'booked' AND c.state = 'succeeded';
UPDATE charges SET settles_at = paid_at WHERE state = 'succeeded' AND settles_at IS NULL;
-- A process of an older version that still runs cannot book money any more: its fee would be taken twice.
ALTER TABLE charges ADD CHECK (state <> 'succeeded' OR settles_at IS NOT NULL);
WITH returned AS (
    INSERT INTO transfers (debit, credit, amount, reason, merchant_id, payment_id, report_id, at)
    SELECT credit, debit, amount, reason || '_returned', merchant_id, payment_id, report_id, at
    FROM transfers WHERE reason IN ('fee', 'vat')
    RETURNING debit, credit, amount
)
UPDATE accounts a SET balance = a.balance + n.change
FROM (
    SELECT account, sum(change) AS change
    FROM (SELECT debit AS account, amount AS change FROM returned UNION ALL SELECT credit, -amount FROM returned) lines
    GROUP BY account
) n
WHERE n.account = a.id;

-- News is told from what was true then, and that was of the one product that there was. As text, since jsonb refuses some.
UPDATE events SET snapshot = regexp_replace(snapshot::text, '^\{\s*"payment"\s*:\s*\{', '{"payment":{"product":"payment",')::json
WHERE snapshot IS NOT NULL;
