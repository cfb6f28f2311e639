-- Code in a table of its own, and its size beside the document: lists of versions do not touch code.
CREATE TABLE version_code (
    tenant TEXT NOT NULL,
    id     TEXT NOT NULL,
    number INTEGER NOT NULL,
    code   TEXT NOT NULL,
    PRIMARY KEY (tenant, id, number),
    FOREIGN KEY (tenant, id, number) REFERENCES versions (tenant, id, number)
) STRICT;

INSERT INTO version_code (tenant, id, number, code) SELECT tenant, id, number, code FROM versions;

ALTER TABLE versions ADD COLUMN code_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE versions SET code_bytes = length(CAST(code AS BLOB));
ALTER TABLE versions DROP COLUMN code;
