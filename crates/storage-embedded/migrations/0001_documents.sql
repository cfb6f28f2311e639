-- Utilities, versions, executions, their output and answered requests.
--
-- Each table is a collection of documents whose key is led by the tenant; the columns beside `document` are what queries need.
-- Times are milliseconds since the Unix epoch. A list is served by merging the streams of its partitions (`deleted` and `kind`
-- of utilities, `state` of executions), so each list index ends in exactly one order.

CREATE TABLE utilities (
    tenant         TEXT NOT NULL,
    id             TEXT NOT NULL,
    kind           TEXT NOT NULL,
    owner          TEXT NOT NULL,
    deleted        INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    latest_version INTEGER NOT NULL,
    document       TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX utilities_by_id ON utilities (tenant, deleted, kind, id);
CREATE INDEX utilities_by_created ON utilities (tenant, deleted, kind, created DESC, id);
CREATE INDEX utilities_by_updated ON utilities (tenant, deleted, kind, updated DESC, id);
CREATE INDEX utilities_by_owner_and_id ON utilities (tenant, owner, deleted, kind, id);
CREATE INDEX utilities_by_owner_and_created ON utilities (tenant, owner, deleted, kind, created DESC, id);
CREATE INDEX utilities_by_owner_and_updated ON utilities (tenant, owner, deleted, kind, updated DESC, id);

-- One row for each tag of each utility, with a copy of what lists filter and order by.
CREATE TABLE utility_tags (
    tenant  TEXT NOT NULL,
    tag     TEXT NOT NULL,
    id      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    owner   TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (tenant, tag, id),
    FOREIGN KEY (tenant, id) REFERENCES utilities (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX utility_tags_of_utility ON utility_tags (tenant, id);
CREATE INDEX utility_tags_by_id ON utility_tags (tenant, tag, deleted, kind, id, owner);
CREATE INDEX utility_tags_by_created ON utility_tags (tenant, tag, deleted, kind, created DESC, id, owner);
CREATE INDEX utility_tags_by_updated ON utility_tags (tenant, tag, deleted, kind, updated DESC, id, owner);

-- Keeps its row id: code makes rows too large to cluster.
CREATE TABLE versions (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    number   INTEGER NOT NULL,
    document TEXT NOT NULL,
    code     TEXT NOT NULL,
    PRIMARY KEY (tenant, id, number),
    FOREIGN KEY (tenant, id) REFERENCES utilities (tenant, id)
) STRICT;

CREATE TABLE executions (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    utility    TEXT NOT NULL,
    caller     TEXT NOT NULL,
    state      TEXT NOT NULL,
    created    INTEGER NOT NULL,
    ended      INTEGER,
    unfinished INTEGER NOT NULL,
    instance   TEXT NOT NULL,
    document   TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX executions_by_state ON executions (tenant, state, created DESC, id DESC);
CREATE INDEX executions_by_utility ON executions (tenant, utility, state, created DESC, id DESC, caller);
CREATE INDEX executions_by_caller ON executions (tenant, caller, state, created DESC, id DESC);
CREATE INDEX executions_unfinished ON executions (instance) WHERE unfinished = 1;
CREATE INDEX executions_by_end ON executions (ended) WHERE unfinished = 0;

-- Batches of events in the framing of `executions/frame.rs`; `output_bytes` counts the output in them.
CREATE TABLE output (
    tenant         TEXT NOT NULL,
    execution      TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence  INTEGER NOT NULL,
    output_bytes   INTEGER NOT NULL,
    events         BLOB NOT NULL,
    PRIMARY KEY (tenant, execution, first_sequence),
    FOREIGN KEY (tenant, execution) REFERENCES executions (tenant, id)
) STRICT;

-- Requests that were answered: `answer` is the utility's document as first answered, or the execution's id.
CREATE TABLE requests (
    tenant   TEXT NOT NULL,
    caller   TEXT NOT NULL,
    method   TEXT NOT NULL,
    id       TEXT NOT NULL,
    body     TEXT NOT NULL,
    answered INTEGER NOT NULL,
    resource TEXT NOT NULL,
    answer   TEXT,
    PRIMARY KEY (tenant, caller, method, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (answered);

-- Running sums that retention would otherwise have to scan for.
CREATE TABLE totals (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO totals (name, value) VALUES ('output_bytes', 0);
