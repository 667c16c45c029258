-- What banks call the requests by which they ask us: an id that they use once a day for each service. A repeated one is answered
-- as before, and one that comes with another question is refused. The day stands first, since whole days are forgotten.
CREATE TABLE bank_calls (
    called_on   date NOT NULL,
    connection  text NOT NULL,
    service     text NOT NULL,
    external_id text NOT NULL,
    request_id  text NOT NULL,
    PRIMARY KEY (called_on, connection, service, external_id)
);
CREATE TYPE bank_call_row AS (
    called_on date, connection text, service text, external_id text, request_id text
);
