-- Money that buyers get back: by the way it came, or by a transfer to an account of theirs.
CREATE TABLE refunds (
    -- Also that of the request by which its channel is asked.
    id             uuid NOT NULL,
    merchant_id    uuid NOT NULL REFERENCES merchants,
    product        text NOT NULL,
    reference      text NOT NULL,
    payment_id     uuid NOT NULL,
    -- What is refunded of it, or the money that was not owed and goes back out of suspense.
    charge_id      uuid,
    amount         bigint NOT NULL CHECK (amount > 0),
    -- Whether all that was left was asked for.
    whole          boolean NOT NULL,
    -- What could be refunded of the charge when it was asked for.
    captured       bigint NOT NULL CHECK (captured >= amount),
    fee            bigint NOT NULL CHECK (fee >= 0),
    vat            bigint NOT NULL CHECK (vat BETWEEN 0 AND fee),
    state          text NOT NULL CHECK (state IN ('pending', 'waiting_transfer', 'succeeded', 'failed', 'cancelled')),
    method         text NOT NULL CHECK (method IN ('auto', 'transfer_only')),
    reason         text NOT NULL
        CHECK (reason IN ('suspect_fraudulent', 'duplicate', 'requested_by_customer', 'cancellation', 'others')),
    connection     text NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    way            text CHECK (way IN ('channel', 'account')),
    destination    json,
    statement_text text NOT NULL,
    description    text,
    metadata       json NOT NULL,
    -- When its charge is settled; NULL where that had happened before.
    settles_at     timestamptz,
    ended_at       timestamptz,
    failure_reason text,
    returned_at    timestamptz,
    report_id      uuid,
    PRIMARY KEY (merchant_id, id),
    CHECK ((charge_id IS NULL) <> (report_id IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_reason IS NOT NULL)),
    CHECK (returned_at IS NULL OR state = 'failed'),
    CHECK (state <> 'succeeded' OR way IS NOT NULL)
);
-- A repeated request is the same refund.
CREATE UNIQUE INDEX refunds_reference ON refunds (reference, merchant_id);
CREATE INDEX refunds_of_charge ON refunds (charge_id, id);
-- Lists are of what merchants have asked for.
CREATE INDEX refunds_of_merchant ON refunds (merchant_id, id) WHERE report_id IS NULL;
CREATE INDEX refunds_of_payment ON refunds (payment_id, id);
-- Money goes back out of suspense once.
CREATE UNIQUE INDEX refunds_of_report ON refunds (report_id, merchant_id) WHERE report_id IS NOT NULL;
-- Those whose charge may not be settled yet: there are few.
CREATE INDEX refunds_unsettled ON refunds (merchant_id, settles_at) WHERE settles_at IS NOT NULL;
-- Those that an operator may have to look at.
CREATE INDEX refunds_under_way ON refunds (created_at, id) WHERE ended_at IS NULL;

CREATE TYPE refund_row AS (
    id uuid, merchant_id uuid, product text, reference text, payment_id uuid, charge_id uuid, amount bigint, whole boolean,
    captured bigint, fee bigint, vat bigint, state text, method text, reason text, connection text, created_at timestamptz,
    updated_at timestamptz, way text, destination json, statement_text text, description text, metadata json,
    settles_at timestamptz, ended_at timestamptz, failure_reason text, returned_at timestamptz, report_id uuid
);
