-- One row for each utility that was copied from another: what lists of proposals go through.
CREATE TABLE utility_copies (
    tenant TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES utilities (tenant, id)
) STRICT, WITHOUT ROWID;
