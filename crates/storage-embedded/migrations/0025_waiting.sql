-- Executions that wait for a server: nobody holds them, and the fence of nobody is in them.
CREATE INDEX executions_waiting ON executions (tenant, id) WHERE unfinished = 1 AND instance = 'nobody';

-- How many of a tenant wait, where any do.
CREATE TABLE waiting (
    tenant TEXT NOT NULL PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
