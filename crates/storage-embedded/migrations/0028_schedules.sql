-- Schedules of tenants. `next` is when one is due, and nothing where it starts nothing; `params` are sealed by the tenant's key and stand
-- last: what is before them is read without the pages that long ones take.
CREATE TABLE schedules (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    owner    TEXT NOT NULL,
    next     INTEGER,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    params   BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_by_owner ON schedules (tenant, owner, id);
CREATE INDEX schedules_due ON schedules (next, tenant, id) WHERE next IS NOT NULL;
