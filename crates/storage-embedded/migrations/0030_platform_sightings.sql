-- How services and integrations were when that was told last, so that each change is told once, whichever server sees it.
CREATE TABLE platform_sightings (
    subject      TEXT PRIMARY KEY,
    state        TEXT NOT NULL,
    has_given_up INTEGER NOT NULL,
    revision     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
