-- Audit logs. Records are only added; `record` holds the canonical bytes that the tree is built over, the columns beside it are
-- what lists select and order by.
CREATE TABLE audit_records (
    tenant   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    resource TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    record   BLOB NOT NULL,
    PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_records_by_time ON audit_records (tenant, time, sequence);
CREATE INDEX audit_records_by_actor ON audit_records (tenant, actor, time, sequence);
CREATE INDEX audit_records_by_resource ON audit_records (tenant, resource, time, sequence);

-- How many records each log has, and how many of them a checkpoint covers.
CREATE TABLE audit_logs (
    tenant  TEXT NOT NULL PRIMARY KEY,
    records INTEGER NOT NULL,
    sealed  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_logs_unsealed ON audit_logs (tenant) WHERE records > sealed;

-- Intents that have no outcome yet, by what they share with it.
CREATE TABLE audit_intents (
    call     TEXT NOT NULL PRIMARY KEY,
    tenant   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    instance TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_intents_by_instance ON audit_intents (instance);

-- Hashes of the tree, up to 256 in a row; a row only grows.
CREATE TABLE audit_tiles (
    tenant   TEXT NOT NULL,
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hashes   BLOB NOT NULL,
    PRIMARY KEY (tenant, level, position)
) STRICT;

CREATE TABLE audit_checkpoints (
    tenant TEXT NOT NULL,
    size   INTEGER NOT NULL,
    time   INTEGER NOT NULL,
    note   TEXT NOT NULL,
    PRIMARY KEY (tenant, size)
) STRICT, WITHOUT ROWID;
