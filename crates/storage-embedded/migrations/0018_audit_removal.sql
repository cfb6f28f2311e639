-- The oldest records of a log are removed when their time is over; what is before `first_kept` is not there for anybody.
ALTER TABLE audit_logs ADD COLUMN first_kept INTEGER NOT NULL DEFAULT 0;

CREATE INDEX audit_checkpoints_by_time ON audit_checkpoints (tenant, time, size);
CREATE INDEX audit_intents_by_place ON audit_intents (tenant, sequence);
