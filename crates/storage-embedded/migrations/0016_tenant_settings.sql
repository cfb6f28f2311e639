-- What retention of one tenant looks for, and that of all beside tenants of which nothing goes.
CREATE INDEX executions_by_tenant_and_end ON executions (tenant, ended) WHERE unfinished = 0;
CREATE INDEX utilities_deleted ON utilities (tenant, updated) WHERE deleted = 1;
DROP INDEX executions_by_end;
CREATE INDEX executions_by_end ON executions (ended, tenant) WHERE unfinished = 0;

-- How much output each tenant has, in place of the sum over all.
CREATE TABLE output_totals (
    tenant TEXT NOT NULL PRIMARY KEY,
    bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO output_totals (tenant, bytes) SELECT tenant, sum(output_bytes) FROM output GROUP BY tenant;
DELETE FROM totals WHERE name = 'output_bytes';

-- The password of a tenant's database, sealed by the tenant's key; and whether a legal hold keeps everything, as the document says.
ALTER TABLE tenants ADD COLUMN db_password BLOB;
ALTER TABLE tenants ADD COLUMN held INTEGER AS (coalesce(json_extract(document, '$.legal_hold'), 0)) VIRTUAL;
