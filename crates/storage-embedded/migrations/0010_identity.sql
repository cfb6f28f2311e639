-- Users and service accounts, what was issued to them, and the code for the first super administrator.
--
-- Of passwords, keys and tokens there are only hashes here. Keys and sessions are found by their id alone where one is shown,
-- before it is known who calls; hence the unique indexes.

CREATE TABLE principals (
    tenant   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    ruling   INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX principals_ruling ON principals (tenant) WHERE ruling = 1;

CREATE TABLE api_keys (
    tenant    TEXT NOT NULL,
    account   TEXT NOT NULL,
    id        TEXT NOT NULL,
    revision  INTEGER NOT NULL,
    last_used INTEGER,
    document  TEXT NOT NULL,
    PRIMARY KEY (tenant, account, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

CREATE TABLE sessions (
    tenant     TEXT NOT NULL,
    principal  TEXT NOT NULL,
    id         TEXT NOT NULL,
    expires    INTEGER NOT NULL,
    revoked    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    document   TEXT NOT NULL,
    PRIMARY KEY (tenant, principal, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_by_end ON sessions (expires);

-- At most one row.
CREATE TABLE bootstrap (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    code TEXT NOT NULL
) STRICT;
