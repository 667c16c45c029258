-- Callbacks that nobody has taken are few among all, and operators look for them and send them again.
CREATE INDEX deliveries_undelivered ON deliveries (merchant_id, sequence, id) WHERE state IN ('parked', 'given_up');

-- A user name and password that an endpoint's server wants (HTTP Basic), sealed. Its URL has none, so it can be shown.
ALTER TABLE endpoints ADD COLUMN credentials bytea;
