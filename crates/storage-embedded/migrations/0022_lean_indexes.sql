-- Fewer pages that change with each execution and each record. An execution stands in the indexes of lists once it has ended; until then
-- in one that is always small.

DROP INDEX executions_by_state;
DROP INDEX executions_by_utility;
DROP INDEX executions_by_caller;
DROP INDEX executions_unfinished;

CREATE INDEX executions_by_state ON executions (tenant, state, created DESC, id DESC) WHERE unfinished = 0;
CREATE INDEX executions_by_utility ON executions (tenant, utility, state, created DESC, id DESC, caller) WHERE unfinished = 0;
CREATE INDEX executions_by_caller ON executions (tenant, caller, state, created DESC, id DESC) WHERE unfinished = 0;
CREATE INDEX executions_live ON executions (tenant, state, created DESC, id DESC, utility, caller) WHERE unfinished = 1;

-- Holds what is under way, and nothing for long.
DROP INDEX audit_intents_by_instance;
DROP INDEX audit_intents_by_place;

-- One row for each tenant, read as a whole once in a round of checkpoints.
DROP INDEX audit_logs_unsealed;
