-- Payments that their bank has not reported are looked up at the bank: in its list of a day, or one by one.
CREATE TABLE payment_lookups (
    connection   text PRIMARY KEY,
    -- Until then somebody else has it in hand, or nothing is to be done.
    next_at      timestamptz NOT NULL,
    -- Up to where the bank's list was read, and the bank's inquiries were followed; none before the first time.
    looked_until timestamptz
);
-- Where the answer was that a number may be paid, it perhaps was.
CREATE INDEX inquiries_payable ON inquiries (connection, answered_at) WHERE service = 'inquiry' AND verdict = 'payable';
-- Those of mere inquiries are forgotten after some days. The condition on the amount keeps this index from being used for anything else.
CREATE INDEX inquiries_by_age ON inquiries (answered_at) WHERE service = 'inquiry' AND amount >= 0;
-- Money that has no end yet is looked for by operators, the oldest first.
CREATE INDEX partner_requests_money ON partner_requests (created_at, id) WHERE operation = 'send' AND next_at IS NOT NULL;
