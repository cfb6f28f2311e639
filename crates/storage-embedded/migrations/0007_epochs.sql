-- How often the utilities of a tenant have changed: what copies elsewhere are compared by.
CREATE TABLE epochs (
    tenant TEXT NOT NULL PRIMARY KEY,
    epoch  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
