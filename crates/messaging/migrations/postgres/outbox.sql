-- Events of this service on their way to the broker. Written in the transaction that makes them true.
CREATE TABLE outbox (
    seq           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of publishing within one aggregate
    id            uuid        NOT NULL UNIQUE,
    type          text        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    occurred_at   timestamptz NOT NULL,
    aggregate_key text        NOT NULL,
    traceparent   text,
    payload       text        NOT NULL,                                 -- a JSON object
    appended_at   timestamptz NOT NULL,
    attempts      integer     NOT NULL DEFAULT 0,
    claimed_until timestamptz NOT NULL,                                 -- nobody else publishes it before this
    sent_at       timestamptz                                           -- when the broker confirmed it
);

-- Which event of an aggregate is next.
CREATE INDEX outbox_unsent ON outbox (aggregate_key, seq) WHERE sent_at IS NULL;

-- The oldest first.
CREATE INDEX outbox_queue ON outbox (seq) WHERE sent_at IS NULL;

-- For the purge.
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
