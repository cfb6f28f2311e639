-- Code policies: one document a tenant.
CREATE TABLE code_policies (
    tenant   TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
