-- Named secrets of tenants. `value` is sealed by the tenant's key; `used` is when an execution was handed it last.
CREATE TABLE secrets (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    value    BLOB NOT NULL,
    used     INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
