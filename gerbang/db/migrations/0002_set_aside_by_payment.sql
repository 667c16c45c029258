-- The payer's page shows money that arrived for a payment without being owed, so it is found by payment too.

CREATE INDEX reports_set_aside_of_payment ON reports (payment_id) WHERE outcome <> 'booked';
