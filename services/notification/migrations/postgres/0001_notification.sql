-- Whom mails may go to. A forgotten user stays as an id without address and name, so that what comes late finds out.
CREATE TABLE recipients (
    user_id    uuid        NOT NULL PRIMARY KEY,
    email      text,
    name       text,
    state      text        NOT NULL CHECK (state IN ('known', 'forgotten')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((state = 'known') = (email IS NOT NULL)),
    CHECK ((state = 'known') = (name IS NOT NULL))
);

-- Mails, waiting and settled. Those to users hold neither address nor name: these are looked up when one is sent.
CREATE TABLE mails (
    id            uuid        NOT NULL PRIMARY KEY, -- that of the event
    kind          text        NOT NULL,
    user_id       uuid        REFERENCES recipients (user_id),
    address       text,                      -- of mails to a configured address
    variables     text        NOT NULL,             -- a JSON object of texts
    state         text        NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'cancelled')),
    attempts      integer     NOT NULL DEFAULT 0,   -- tells a claim from later ones
    occurred_at   timestamptz NOT NULL,             -- of the event
    queued_at     timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,             -- not tried before this
    claimed_until timestamptz NOT NULL,             -- nobody else tries it before this
    settled_at    timestamptz,                      -- when it left the state pending
    last_error    text,                      -- without anything personal
    traceparent   text,                      -- of what caused the event
    CHECK ((user_id IS NULL) <> (address IS NULL)),
    CHECK ((state = 'pending') = (settled_at IS NULL))
);

-- The next to send.
CREATE INDEX mails_due ON mails (due_at) WHERE state = 'pending';

-- How old the oldest is.
CREATE INDEX mails_waiting ON mails (queued_at) WHERE state = 'pending';

-- What a deletion cancels.
CREATE INDEX mails_of_user ON mails (user_id) WHERE state = 'pending';

-- For the purge.
CREATE INDEX mails_settled ON mails (settled_at) WHERE settled_at IS NOT NULL;
