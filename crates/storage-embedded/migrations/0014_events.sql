-- What happened, for others: one log a tenant, added to in the commit of each change. Only the beginning of a log is ever removed.
CREATE TABLE events (
    tenant   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id       TEXT NOT NULL,
    time     INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    details  TEXT NOT NULL,
    PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

-- The last place of each log, whatever of it is kept.
CREATE TABLE event_logs (
    tenant TEXT NOT NULL PRIMARY KEY,
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
