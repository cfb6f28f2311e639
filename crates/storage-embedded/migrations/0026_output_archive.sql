-- Output that is kept outside of the database, in pieces: which object holds which events of an execution, and what opens it, sealed by the
-- key of the tenant. `output_bytes` counts what went from `output`, in the first piece of an execution. The reference stands last.
CREATE TABLE output_archive (
    tenant         TEXT NOT NULL,
    execution      TEXT NOT NULL,
    last_sequence  INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    object         TEXT NOT NULL,
    output_bytes   INTEGER NOT NULL,
    reference      BLOB NOT NULL,
    PRIMARY KEY (tenant, execution, last_sequence)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX output_archive_by_object ON output_archive (tenant, object);

-- 1 where the execution has ended and its output is to be archived.
ALTER TABLE executions ADD COLUMN to_archive INTEGER NOT NULL DEFAULT 0;

CREATE INDEX executions_to_archive ON executions (tenant, id) WHERE to_archive = 1;
