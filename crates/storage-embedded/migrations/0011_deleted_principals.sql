-- Principals that were deleted, and since when what was issued to them is void: the newest deletion of each name. Forgotten once
-- nothing that was issued before can be valid any more.
CREATE TABLE deleted_principals (
    tenant      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    valid_after INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX deleted_principals_by_time ON deleted_principals (valid_after);
