-- Profiles and roles.
CREATE TABLE users (
    id         uuid        NOT NULL PRIMARY KEY, -- chosen by the creator, so that creating is idempotent
    email      text        NOT NULL UNIQUE,      -- stored in lower case, so plain equality is the right comparison
    name       text        NOT NULL,
    role       text        NOT NULL CHECK (role IN ('user', 'admin')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Lists are paged by this key; creation times alone are not unique.
CREATE INDEX users_by_creation ON users (created_at, id);

-- Counting the admins must not walk through all users.
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

-- One row that every transaction which may take an admin away updates first. It makes them queue, so that two
-- of them cannot both see the other's admin and leave none. `passages` only gives the update something to do.
CREATE TABLE admin_guard (
    id       integer NOT NULL PRIMARY KEY CHECK (id = 1),
    passages bigint  NOT NULL
);

INSERT INTO admin_guard (id, passages) VALUES (1, 0);
