-- Credentials, sessions and signing keys. The same tables as for SQLite, with the types Postgres has for them.

-- One row per e-mail address. A registration claims the address here first (pending), then has the profile created
-- in the user service, then is active. A row whose profile has to go first is abandoned: it can neither sign in nor
-- be completed, only be cleared away, so that clearing never races a registration.
CREATE TABLE credentials (
    user_id UUID NOT NULL PRIMARY KEY,
    -- Stored in lower case, so that the constraint holds without regard to case on every database.
    email TEXT NOT NULL UNIQUE,
    -- PHC string: algorithm and cost travel with each hash.
    password_hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'abandoned')),
    -- The role the profile is created with. Roles live in the user service; this one keeps a stranger's registration
    -- from completing, or taking over, a pending admin.
    initial_role TEXT NOT NULL CHECK (initial_role IN ('user', 'admin')),
    created_at TIMESTAMPTZ NOT NULL,
    -- Last claim or change. Written on every registration, also of a known address: the same work either way.
    updated_at TIMESTAMPTZ NOT NULL
);

-- The sweeper looks at unfinished rows only; there are few.
CREATE INDEX credentials_unfinished ON credentials (updated_at) WHERE state <> 'active';

-- A family is a session: all refresh tokens that descend from one login.
CREATE TABLE refresh_families (
    family_id UUID NOT NULL PRIMARY KEY,
    -- Deleting the credentials ends every session in the same statement.
    user_id UUID NOT NULL REFERENCES credentials (user_id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    -- Last rotation. Writing it first makes rotations of one family queue up on this row.
    renewed_at TIMESTAMPTZ NOT NULL,
    -- Absolute end; no refresh moves it.
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);

CREATE INDEX refresh_families_user ON refresh_families (user_id);
CREATE INDEX refresh_families_expiry ON refresh_families (expires_at);

-- Spent tokens stay until they expire: that is how a second use is noticed.
CREATE TABLE refresh_tokens (
    -- SHA-256 of the token. It has 256 random bits, so a slow hash or a salt would add nothing.
    token_hash BYTEA NOT NULL PRIMARY KEY,
    family_id UUID NOT NULL REFERENCES refresh_families (family_id) ON DELETE CASCADE,
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Ed25519 keys that sign access tokens.
CREATE TABLE signing_keys (
    -- RFC 7638 thumbprint of the public key.
    kid TEXT NOT NULL PRIMARY KEY,
    -- The private key: 32 bytes.
    seed BYTEA NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('next', 'current', 'retired')),
    -- When it entered the phase.
    phase_since TIMESTAMPTZ NOT NULL
);

-- At most one next and one current key, however many replicas start at the same time.
CREATE UNIQUE INDEX signing_keys_phase ON signing_keys (phase) WHERE phase <> 'retired';
