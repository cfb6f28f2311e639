-- Revisions of what the platform shall be. `is_reached` is whether it ever was so; `document` and `manifest` are sealed by the key of
-- the tenant `system`. The manifest stands last: what is before it is read without the pages that a long one takes.
CREATE TABLE platform_revisions (
    number     INTEGER PRIMARY KEY,
    is_reached INTEGER NOT NULL,
    document   BLOB NOT NULL,
    manifest   BLOB NOT NULL
) STRICT;
CREATE INDEX platform_revisions_by_reached ON platform_revisions (is_reached, number);
