-- Of a tenant that cannot be read everything is held, as it may say so; and it is no error for those who ask which tenants are.
ALTER TABLE tenants DROP COLUMN held;
ALTER TABLE tenants ADD COLUMN held INTEGER
    AS (CASE WHEN json_valid(document) THEN coalesce(json_extract(document, '$.legal_hold'), 0) ELSE 1 END) VIRTUAL;
