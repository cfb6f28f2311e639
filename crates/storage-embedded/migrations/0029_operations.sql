-- Long work. `unfinished` is whether it goes on; `instance` and `token` are the fence under which it does, and `stop_asked` is a wish that
-- anybody may have stored.
CREATE TABLE operations (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    creator    TEXT NOT NULL,
    unfinished INTEGER NOT NULL,
    ended      INTEGER,
    instance   TEXT NOT NULL,
    token      INTEGER NOT NULL,
    stop_asked INTEGER NOT NULL DEFAULT 0,
    document   TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX operations_by_creator ON operations (tenant, creator, id);
CREATE INDEX operations_live ON operations (unfinished, tenant) WHERE unfinished = 1;
CREATE INDEX operations_ended ON operations (ended) WHERE unfinished = 0;

-- What is asked of the items of an operation, in chunks, sealed; it goes when the operation ends.
CREATE TABLE operation_items (
    tenant    TEXT NOT NULL,
    operation TEXT NOT NULL,
    chunk     INTEGER NOT NULL,
    entries   BLOB NOT NULL,
    PRIMARY KEY (tenant, operation, chunk)
) STRICT;

-- What became of them, sealed.
CREATE TABLE operation_outcomes (
    tenant    TEXT NOT NULL,
    operation TEXT NOT NULL,
    chunk     INTEGER NOT NULL,
    outcomes  BLOB NOT NULL,
    PRIMARY KEY (tenant, operation, chunk)
) STRICT, WITHOUT ROWID;
