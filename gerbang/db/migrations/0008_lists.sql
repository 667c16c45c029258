-- Whatever is asked for is found by an index of its own, however many rows the table and the merchant have.

-- Numbers to let go are few among those that are held; a summary by free_at led through all that were ever free.
DROP INDEX paycodes_to_free;
CREATE INDEX paycodes_to_free ON paycodes (free_at) WHERE held AND free_at IS NOT NULL;
CREATE INDEX payments_cancelled ON payments (merchant_id, id)
    WHERE kind = 'single' AND state = 'cancelled' AND cancellation_reason <> 'CHARGE_FAILED';
CREATE INDEX charges_on_code_paid ON charges (payment_id, id) WHERE standing AND settled_at IS NULL;
CREATE INDEX charges_on_code_settled ON charges (payment_id, id) WHERE standing AND settled_at IS NOT NULL;
-- Those of all states are those of each.
CREATE INDEX deliveries_by_state ON deliveries (merchant_id, state, sequence, id);
DROP INDEX deliveries_of_merchant;

-- How far a merchant has come in the pages of a list, so that whichever process is asked for the next one goes on there.
-- Worth nothing after a crash, so it is not logged: nobody who reads a list waits for the disk or for a standby.
CREATE UNLOGGED TABLE walks (
    merchant_id uuid NOT NULL,
    list        bytea NOT NULL,
    begins      json NOT NULL,
    turned_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, list)
);
