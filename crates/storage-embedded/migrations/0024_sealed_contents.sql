-- Code, what executions take and give, and their events are sealed by the key of their tenant. `sealed` holds what stood in `code`, and
-- in the part of `document` that callers and code have written; where it is NULL they stand there still. Batches of events in `output`
-- say by their first byte what they are.
ALTER TABLE version_code ADD COLUMN sealed BLOB;
ALTER TABLE executions ADD COLUMN sealed BLOB;

-- Whether what was stored before in plain text has been sealed.
INSERT INTO totals (name, value) VALUES ('contents_sealed', 0);
