-- Who holds what until when: each server holds one lease, and names its fence (holder and token) in every execution that it runs.
CREATE TABLE leases (
    name    TEXT NOT NULL PRIMARY KEY,
    holder  TEXT NOT NULL,
    token   INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_by_expiry ON leases (expires);

-- The token of the last acquisition.
INSERT INTO totals (name, value) VALUES ('lease_token', 0);

-- The token of an execution's fence; its holder is `instance`. No lease has the token 0 of those that were stored before.
ALTER TABLE executions ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
-- Whether somebody asked it to stop: no part of the document, as it is not its holder who writes it.
ALTER TABLE executions ADD COLUMN stop_asked INTEGER NOT NULL DEFAULT 0;

CREATE INDEX executions_to_stop ON executions (instance) WHERE unfinished = 1 AND stop_asked = 1;
