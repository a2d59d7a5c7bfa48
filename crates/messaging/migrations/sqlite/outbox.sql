-- Events of this service on their way to the broker. Written in the transaction that makes them true.
CREATE TABLE outbox (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- order of publishing within one aggregate
    id            BLOB    NOT NULL UNIQUE,                    -- 16 bytes of the event's UUID
    type          TEXT    NOT NULL,
    version       INTEGER NOT NULL CHECK (version > 0),
    occurred_at   TEXT    NOT NULL,                           -- RFC 3339 in UTC, as all times here
    aggregate_key TEXT    NOT NULL,
    traceparent   TEXT,
    payload       TEXT    NOT NULL,                           -- a JSON object
    appended_at   TEXT    NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    claimed_until TEXT    NOT NULL,                           -- nobody else publishes it before this
    sent_at       TEXT                                        -- when the broker confirmed it
) STRICT;

-- Which event of an aggregate is next.
CREATE INDEX outbox_unsent ON outbox (aggregate_key, seq) WHERE sent_at IS NULL;

-- The oldest first.
CREATE INDEX outbox_queue ON outbox (seq) WHERE sent_at IS NULL;

-- For the purge.
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
