-- Shares: grants to another tenant, `shared_with`, which holds them once it has accepted.
ALTER TABLE grants ADD COLUMN shared_with TEXT;
ALTER TABLE grants ADD COLUMN accepted INTEGER NOT NULL DEFAULT FALSE;

CREATE INDEX grants_given ON grants (tenant, utility, shared_with) WHERE shared_with IS NOT NULL;
CREATE INDEX grants_received ON grants (shared_with, tenant, utility) WHERE shared_with IS NOT NULL;
