-- The catalogue and a record of what has been seeded into it.
CREATE TABLE products (
    id          UUID        PRIMARY KEY,
    sku         TEXT        NOT NULL UNIQUE,
    name        TEXT        NOT NULL,
    -- The name in lower case: lists are sorted by it. Lower-cased by the service, because the databases do not agree
    -- on what lower case is beyond ASCII. Both compare it byte by byte, so lists have the same order on both.
    name_key    TEXT        COLLATE "C" NOT NULL,
    description TEXT        NOT NULL,
    -- Name and description in lower case, for LIKE. No index serves "contains"; a scan does for catalogues of this
    -- size, and lists without words do not touch it. (pg_trgm would serve it, but needs rights on the database.)
    search_text TEXT        NOT NULL,
    category    TEXT        NOT NULL,
    -- Never negative: the first page of a list by price starts after -1. Amounts of different currencies are compared
    -- as they stand.
    price_minor BIGINT      NOT NULL CHECK (price_minor >= 0),
    currency    TEXT        NOT NULL,
    stock       INTEGER     NOT NULL CHECK (stock >= 0),
    version     BIGINT      NOT NULL CHECK (version >= 1),
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);

-- One index per sort order, with the id as tie-breaker: a page is a range of it, however deep it is.
CREATE INDEX products_by_name ON products (name_key, id);
-- Read backwards for descending prices.
CREATE INDEX products_by_price ON products (price_minor, id);
-- Read backwards for the newest first.
CREATE INDEX products_by_age ON products (created_at, id);

-- A row says that a set of products has been put in once; deleted ones must not come back at the next start.
CREATE TABLE catalogue_seeds (
    name      TEXT        PRIMARY KEY,
    seeded_at TIMESTAMPTZ NOT NULL
);
