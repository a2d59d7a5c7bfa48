-- Whom mails may go to. A forgotten user stays as an id without address and name, so that what comes late finds out.
CREATE TABLE recipients (
    user_id    BLOB    NOT NULL PRIMARY KEY,
    email      TEXT,
    name       TEXT,
    state      TEXT    NOT NULL CHECK (state IN ('known', 'forgotten')),
    created_at TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    CHECK ((state = 'known') = (email IS NOT NULL)),
    CHECK ((state = 'known') = (name IS NOT NULL))
) STRICT;

-- Mails, waiting and settled. Those to users hold neither address nor name: these are looked up when one is sent.
CREATE TABLE mails (
    id            BLOB    NOT NULL PRIMARY KEY, -- that of the event
    kind          TEXT    NOT NULL,
    user_id       BLOB    REFERENCES recipients (user_id),
    address       TEXT,                      -- of mails to a configured address
    variables     TEXT    NOT NULL,             -- a JSON object of texts
    state         TEXT    NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'cancelled')),
    attempts      INTEGER NOT NULL DEFAULT 0,   -- tells a claim from later ones
    occurred_at   TEXT    NOT NULL,             -- of the event
    queued_at     TEXT    NOT NULL,
    due_at        TEXT    NOT NULL,             -- not tried before this
    claimed_until TEXT    NOT NULL,             -- nobody else tries it before this
    settled_at    TEXT,                      -- when it left the state pending
    last_error    TEXT,                      -- without anything personal
    traceparent   TEXT,                      -- of what caused the event
    CHECK ((user_id IS NULL) <> (address IS NULL)),
    CHECK ((state = 'pending') = (settled_at IS NULL))
) STRICT;

-- The next to send.
CREATE INDEX mails_due ON mails (due_at) WHERE state = 'pending';

-- How old the oldest is.
CREATE INDEX mails_waiting ON mails (queued_at) WHERE state = 'pending';

-- What a deletion cancels.
CREATE INDEX mails_of_user ON mails (user_id) WHERE state = 'pending';

-- For the purge.
CREATE INDEX mails_settled ON mails (settled_at) WHERE settled_at IS NOT NULL;
