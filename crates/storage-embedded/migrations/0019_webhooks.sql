-- Where events are sent to. `secret` and `previous` are sealed by the tenant's key; `reached` is the last event that was looked at,
-- `given_up` how many deliveries in a row nobody took, `missed` how many events were removed before they could be looked at.
CREATE TABLE webhooks (
    tenant         TEXT NOT NULL,
    id             TEXT NOT NULL,
    state          TEXT NOT NULL,
    revision       INTEGER NOT NULL,
    document       TEXT NOT NULL,
    secret         BLOB NOT NULL,
    previous       BLOB,
    previous_until INTEGER,
    reached        INTEGER NOT NULL,
    given_up       INTEGER NOT NULL DEFAULT 0,
    missed         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_active ON webhooks (tenant, id) WHERE state = 'active';

-- Events on their way, and those that were given up, which stay for a time until somebody asks for them: copies, as events are kept for a time.
CREATE TABLE webhook_deliveries (
    tenant   TEXT NOT NULL,
    webhook  TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id       TEXT NOT NULL,
    time     INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    details  TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due      INTEGER NOT NULL,
    given_up INTEGER,
    failure  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, webhook, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (tenant, webhook, due) WHERE given_up IS NULL;
CREATE INDEX webhook_deliveries_given_up ON webhook_deliveries (tenant, webhook, sequence) WHERE given_up IS NOT NULL;
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (given_up) WHERE given_up IS NOT NULL;
