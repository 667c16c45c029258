-- Days that close (docs/decisions/0075): what banks' statements and partners' lists say, what differs from the ledger, and what came
-- of each day that was compared. Nothing here moves money.

-- What was read, from a file or from the bank itself: one row for each account in it, or for a partner's list (account '').
CREATE TABLE statement_imports (
    connection  text NOT NULL,
    -- Of the file's bytes: the same file a second time changes nothing. Of what is fetched, its account and period.
    hash        text NOT NULL,
    account     text NOT NULL,
    kind        text NOT NULL,
    file_name   text NOT NULL,
    -- The days of which nothing is missing in it; none where the only day in it was not over.
    first_on    date,
    last_on     date,
    lines       integer NOT NULL,
    new_lines   integer NOT NULL,
    imported_at timestamptz NOT NULL,
    CHECK ((first_on IS NULL) = (last_on IS NULL) AND first_on <= last_on),
    PRIMARY KEY (connection, hash, account)
);
CREATE INDEX statement_imports_newest ON statement_imports (imported_at);

-- Each line of a statement once, under the key by which it is known again in another file. The day stands before the key, since days
-- are read; it is a part of the key.
CREATE TABLE statement_lines (
    connection    text NOT NULL,
    booked_on     date NOT NULL,
    key           text NOT NULL,
    account       text NOT NULL,
    amount        bigint NOT NULL CHECK (amount > 0),
    direction     text NOT NULL CHECK (direction IN ('credit', 'debit')),
    text          text NOT NULL,
    position      integer NOT NULL,
    reference     text NOT NULL,
    booked_at     timestamptz,
    value_on      date,
    balance_after bigint,
    pending       boolean NOT NULL,
    branch        text NOT NULL,
    PRIMARY KEY (connection, booked_on, key)
);
-- The next statement of the account replaces them.
CREATE INDEX statement_lines_pending ON statement_lines (connection, account, booked_on) WHERE pending;

CREATE TABLE partner_list_lines (
    connection text NOT NULL,
    listed_on  date NOT NULL,
    key        text NOT NULL,
    reference  text NOT NULL,
    type       text NOT NULL CHECK (type IN ('payment', 'payout', 'refund', 'cancel', 'returned', 'correction', 'deduction')),
    gross      bigint NOT NULL,
    fee        bigint NOT NULL,
    net        bigint NOT NULL,
    sign       smallint NOT NULL CHECK (sign IN (1, -1)),
    original   text NOT NULL,
    number     text NOT NULL,
    batch      text NOT NULL,
    position   integer NOT NULL,
    PRIMARY KEY (connection, listed_on, key)
);

-- The operator's: many are about money that is nobody's, so they are keyed by connection and day.
CREATE TABLE findings (
    connection  text NOT NULL,
    happened_on date NOT NULL,
    key         text NOT NULL,
    -- What people call it by.
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind        text NOT NULL,
    owner       text NOT NULL CHECK (owner IN ('operator', 'merchant')),
    merchant_id uuid,
    -- Both sides of it, and the amounts that differ.
    sides       json NOT NULL,
    ours        bigint,
    theirs      bigint,
    state       text NOT NULL CHECK (state IN ('open', 'noted', 'closed')),
    -- Why it is closed: comparing again did not find it, or a person said so.
    closed_as   text CHECK (closed_as IN ('gone', 'settled')),
    note        text NOT NULL,
    found_at    timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    closed_at   timestamptz,
    CHECK ((state = 'closed') = (closed_as IS NOT NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (state <> 'noted' OR note <> ''),
    PRIMARY KEY (connection, happened_on, key)
);
-- What is still to be looked at is little, and looked for.
CREATE INDEX findings_left ON findings (happened_on, number) WHERE state <> 'closed';
CREATE INDEX findings_by_day ON findings (happened_on, number);

CREATE TABLE reconciled_days (
    connection  text NOT NULL,
    happened_on date NOT NULL,
    -- How much there was of each side on the day, and how much of it explains each other.
    movements   integer NOT NULL,
    lines       integer NOT NULL,
    listed      integer NOT NULL,
    matched     integer NOT NULL,
    findings    integer NOT NULL,
    compared_at timestamptz NOT NULL,
    PRIMARY KEY (connection, happened_on)
);

-- Our side of a day, over all merchants. The conditions keep these indexes from being used for anything else.
CREATE INDEX reports_by_day ON reports (connection, paid_at);
CREATE INDEX payouts_sent ON payouts (connection, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX payouts_returned ON payouts (connection, returned_at) WHERE returned_at IS NOT NULL;
CREATE INDEX reversals_reversed ON reversals (connection, received_at) WHERE outcome = 'reversed';

CREATE TYPE statement_line_row AS (
    connection text, booked_on date, key text, account text, amount bigint, direction text, text text, position integer,
    reference text, booked_at timestamptz, value_on date, balance_after bigint, pending boolean, branch text
);
CREATE TYPE partner_list_line_row AS (
    connection text, listed_on date, key text, reference text, type text, gross bigint, fee bigint, net bigint, sign smallint,
    original text, number text, batch text, position integer
);
CREATE TYPE finding_row AS (
    connection text, happened_on date, key text, kind text, owner text, merchant_id uuid, sides json, ours bigint, theirs bigint,
    state text, closed_as text, note text, found_at timestamptz, updated_at timestamptz, closed_at timestamptz
);
