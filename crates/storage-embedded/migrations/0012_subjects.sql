-- Keys that seal what is personal, each wrapped by a key that is not here: one of each tenant (`subject` is empty), and one of each
-- person, which an erasure destroys.
CREATE TABLE data_keys (
    tenant  TEXT NOT NULL,
    subject TEXT NOT NULL,
    kek     TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (tenant, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX data_keys_by_kek ON data_keys (kek);

-- People whom something is kept of, under an id that says nothing. `digest` is of the user's name, by the tenant's key; `name` is the
-- name, sealed by the person's own key, and gone once the person was erased; `erasing` is the name, sealed by the tenant's key, until
-- nothing is left to erase.
CREATE TABLE subjects (
    tenant TEXT NOT NULL,
    id     TEXT NOT NULL,
    digest BLOB NOT NULL,
    name   BLOB,
    erased INTEGER,
    erasing BLOB,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX subjects_by_digest ON subjects (tenant, digest);
CREATE INDEX subjects_erasing ON subjects (tenant) WHERE erasing IS NOT NULL;

-- Whether what was stored before in plain text has been sealed.
INSERT INTO totals (name, value) VALUES ('personal_sealed', 0);
