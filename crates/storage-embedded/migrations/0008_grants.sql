-- Grants: who else may use a utility. `expires` and `grantee` are also in the document.
CREATE TABLE grants (
    tenant   TEXT NOT NULL,
    utility  TEXT NOT NULL,
    grantee  TEXT NOT NULL,
    expires  INTEGER,
    document TEXT NOT NULL,
    PRIMARY KEY (tenant, utility, grantee)
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_by_grantee ON grants (tenant, grantee);
