-- Sample items.
CREATE TABLE sample_items (
    id         uuid        NOT NULL PRIMARY KEY, -- chosen by the creator, so that creating is idempotent
    name       text        NOT NULL,
    created_at timestamptz NOT NULL
);
