-- Sample items.
CREATE TABLE sample_items (
    id         BLOB NOT NULL PRIMARY KEY, -- 16 bytes of a UUID chosen by the creator, so that creating is idempotent
    name       TEXT NOT NULL,
    created_at TEXT NOT NULL              -- RFC 3339 in UTC, which sorts as text in the order of time
) STRICT;
