-- Named secrets of tenants. `value` is sealed by the tenant's key; `used` is when an execution was handed it last. The value stands last:
-- what is before it is read without the pages that a long one takes.
CREATE TABLE secrets (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    used     INTEGER,
    document TEXT NOT NULL,
    value    BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
