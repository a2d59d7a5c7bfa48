-- Messages whose effect this service has had, so that a repetition has none.
CREATE TABLE inbox (
    consumer   text        NOT NULL,
    message_id uuid        NOT NULL,
    handled_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);

-- For the purge.
CREATE INDEX inbox_handled ON inbox (handled_at);
