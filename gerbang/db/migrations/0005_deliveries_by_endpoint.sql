-- Callbacks are claimed endpoint by endpoint: an index that can be walked from one endpoint to the next.

-- The index by time alone led through the whole queue of an endpoint that is down before it came to anybody else's news.
-- A process of the previous release that still runs finds its work without it too, only slower.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, next_at) WHERE state = 'waiting';
