-- Money is sent once (docs/decisions/0071): whoever is about to call the bank writes `sending` first, and from then on the bank is only
-- asked what became of it.
ALTER TABLE partner_requests
    DROP CONSTRAINT partner_requests_state_check,
    DROP CONSTRAINT partner_requests_check,
    -- By which way the money goes, and from which account of ours, as its provider chose before the call.
    ADD COLUMN way        text NOT NULL DEFAULT '',
    ADD COLUMN account    text NOT NULL DEFAULT '',
    ADD COLUMN sending_at timestamptz,
    -- How often the bank has said that it does not know it.
    ADD COLUMN not_found  integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT partner_requests_state_check
        CHECK (state IN ('pending', 'sending', 'processing', 'done', 'declined')),
    ADD CONSTRAINT partner_requests_check
        CHECK ((state IN ('pending', 'sending', 'processing')) = (next_at IS NOT NULL)),
    ADD CONSTRAINT partner_requests_sending_check
        CHECK (state <> 'sending' OR (operation = 'send' AND sending_at IS NOT NULL));

-- Until now a request that was pending may have been sent already.
UPDATE partner_requests SET state = 'sending', sending_at = created_at WHERE operation = 'send' AND state = 'pending';

-- What nobody knows the end of is looked for by operators, and there is little of it.
CREATE INDEX partner_requests_unknown ON partner_requests (sending_at, id)
    WHERE operation = 'send' AND next_at IS NOT NULL AND (state = 'sending' OR not_found > 0);
-- A bank that gives money back names the transfer as it does itself.
CREATE INDEX payouts_by_bank_reference ON payouts (connection, bank_reference) WHERE bank_reference <> '';

CREATE TYPE partner_request_row_2 AS (
    id uuid, merchant_id uuid, connection text, operation text, asked json, state text, created_at timestamptz,
    updated_at timestamptz, partner_reference text, reason text, tries integer, next_at timestamptz, way text, account text,
    sending_at timestamptz, not_found integer
);
