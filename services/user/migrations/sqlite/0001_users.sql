-- Profiles and roles.
CREATE TABLE users (
    id         BLOB NOT NULL PRIMARY KEY, -- 16 bytes of a UUID chosen by the creator, so that creating is idempotent
    email      TEXT NOT NULL UNIQUE,      -- stored in lower case, so plain equality is the right comparison
    name       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    created_at TEXT NOT NULL,             -- RFC 3339 in UTC, which sorts as text in the order of time
    updated_at TEXT NOT NULL
) STRICT;

-- Lists are paged by this key; creation times alone are not unique.
CREATE INDEX users_by_creation ON users (created_at, id);

-- Counting the admins must not walk through all users.
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

-- One row that every transaction which may take an admin away updates first. It makes them queue, so that two
-- of them cannot both see the other's admin and leave none. `passages` only gives the update something to do.
CREATE TABLE admin_guard (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    passages INTEGER NOT NULL
) STRICT;

INSERT INTO admin_guard (id, passages) VALUES (1, 0);
