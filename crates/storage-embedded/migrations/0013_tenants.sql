-- Tenants. `number` is the id by which other systems know one; it is never given twice. `state` is also in the document.
CREATE TABLE tenants (
    number   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    code     TEXT NOT NULL UNIQUE,
    state    TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- Whoever has something here has been a tenant all along.
INSERT INTO tenants (code, state, revision, document)
SELECT tenant, 'active', 1, json_object(
    'display_name', tenant,
    'state', 'active',
    'created', CAST(unixepoch('subsec') * 1000 AS INTEGER),
    'updated', CAST(unixepoch('subsec') * 1000 AS INTEGER),
    'revision', 1
)
FROM (
    SELECT tenant FROM utilities
    UNION SELECT tenant FROM executions
    UNION SELECT tenant FROM code_policies
    UNION SELECT tenant FROM grants
    UNION SELECT tenant FROM principals
    UNION SELECT tenant FROM audit_logs
)
ORDER BY tenant;
