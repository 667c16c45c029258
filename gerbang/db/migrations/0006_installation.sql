-- What a database is the memory of: its mode, and the secret key that it is sealed with. Nothing said so before, and a
-- process that was told another one went to work on it, until a secret could not be read.

CREATE TABLE installation (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode        text NOT NULL CHECK (mode IN ('sandbox', 'live')),
    -- Derived from the secret key, which cannot be found from it.
    fingerprint text NOT NULL
);
