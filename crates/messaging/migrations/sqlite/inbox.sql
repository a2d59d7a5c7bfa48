-- Messages whose effect this service has had, so that a repetition has none.
CREATE TABLE inbox (
    consumer   TEXT NOT NULL,
    message_id BLOB NOT NULL, -- 16 bytes of the event's UUID
    handled_at TEXT NOT NULL, -- RFC 3339 in UTC
    PRIMARY KEY (consumer, message_id)
) STRICT;

-- For the purge.
CREATE INDEX inbox_handled ON inbox (handled_at);
