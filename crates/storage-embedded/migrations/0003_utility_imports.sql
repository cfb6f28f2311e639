-- One row for each module that the current version of a utility imports: what lists of vulnerable utilities filter by.
CREATE TABLE utility_imports (
    tenant TEXT NOT NULL,
    module TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (tenant, module, id),
    FOREIGN KEY (tenant, id) REFERENCES utilities (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX utility_imports_of_utility ON utility_imports (tenant, id);
