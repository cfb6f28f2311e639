//! Collections of executions, leases and requests, of events and of the audit log.

use super::shape::{Collection, Only, by, of_installation, of_tenants, only};

/// Answered requests.
pub(crate) const REQUESTS: Collection = of_tenants("requests", &[by(&["answered"])]);
/// Who holds what until when.
pub(crate) const LEASES: Collection = of_installation("leases", &[by(&["expires"])]);
/// Executions. Those that have ended have the field `ended`.
pub(crate) const EXECUTIONS: Collection = of_tenants(
    "executions",
    &[
        by(&["tenant", "state", "-created", "-id"]),
        by(&["tenant", "utility", "state", "-created", "-id", "caller"]),
        by(&["tenant", "caller", "state", "-created", "-id"]),
        only(&["tenant", "ended"], "ended", Only::Present),
        only(&["tenant", "ended"], "has_output", Only::True),
        only(&["unfinished", "_id"], "unfinished", Only::True),
        only(&["instance", "_id"], "stop_asked", Only::True),
        only(&["ended", "_id"], "ended", Only::Present),
        only(&["tenant", "_id"], "waiting", Only::True),
        only(&["to_archive", "_id"], "to_archive", Only::True),
    ],
);
/// Schedules. Those that are to start something have the field `next`.
pub(crate) const SCHEDULES: Collection = of_tenants(
    "schedules",
    &[by(&["tenant", "id"]), by(&["tenant", "owner", "id"]), only(&["next", "tenant", "id"], "next", Only::Present)],
);
/// How many executions of a tenant wait, where any do.
pub(crate) const WAITING: Collection = of_installation("waiting", &[]);
/// What of the sealed contents of large executions does not stand in their own documents.
pub(crate) const EXECUTION_PARTS: Collection = of_tenants("execution_parts", &[by(&["tenant", "execution"])]);
/// Long work. What has ended has the field `ended`.
pub(crate) const OPERATIONS: Collection = of_tenants(
    "operations",
    &[
        by(&["tenant", "-id"]),
        by(&["tenant", "creator", "-id"]),
        only(&["unfinished", "_id"], "unfinished", Only::True),
        only(&["ended", "_id"], "ended", Only::Present),
    ],
);
/// What is asked of the items of operations that have not ended, in chunks.
pub(crate) const OPERATION_ITEMS: Collection = of_tenants("operation_items", &[by(&["tenant", "operation"])]);
/// What became of them, in chunks.
pub(crate) const OPERATION_OUTCOMES: Collection = of_tenants("operation_outcomes", &[by(&["tenant", "operation"])]);
/// Batches of events of executions.
pub(crate) const OUTPUT: Collection = of_tenants("output", &[by(&["tenant", "execution", "first"])]);
/// Pieces of output that are kept outside of the database.
pub(crate) const OUTPUT_ARCHIVE: Collection =
    of_tenants("output_archive", &[by(&["tenant", "execution", "last"]), by(&["tenant", "object"])]);
/// How much output there is of executions that have ended.
pub(crate) const OUTPUT_TOTALS: Collection = of_tenants("output_totals", &[]);
/// What happened, for others.
pub(crate) const EVENTS: Collection = of_tenants("events", &[by(&["tenant", "sequence"])]);
/// The last place of each log of events.
pub(crate) const EVENT_LOGS: Collection = of_tenants("event_logs", &[]);
/// Audit records.
pub(crate) const AUDIT_RECORDS: Collection = of_tenants(
    "audit_records",
    &[
        by(&["tenant", "sequence"]),
        by(&["tenant", "-time", "-sequence"]),
        by(&["tenant", "actor", "-time", "-sequence"]),
        by(&["tenant", "resource", "-time", "-sequence"]),
    ],
);
/// How many records each audit log has, and how many of them a checkpoint covers.
pub(crate) const AUDIT_LOGS: Collection = of_tenants("audit_logs", &[only(&["tenant"], "unsealed", Only::True)]);
/// Intents that have no outcome yet.
pub(crate) const AUDIT_INTENTS: Collection = of_tenants("audit_intents", &[by(&["tenant", "sequence"])]);
/// Hashes of the trees over audit logs.
pub(crate) const AUDIT_TILES: Collection = of_tenants("audit_tiles", &[]);
/// Signed sizes and roots of these trees.
pub(crate) const AUDIT_CHECKPOINTS: Collection =
    of_tenants("audit_checkpoints", &[by(&["tenant", "size"]), by(&["tenant", "-time", "-size"])]);

/// All of this section.
pub(super) const ALL: &[Collection] = &[
    REQUESTS,
    LEASES,
    EXECUTIONS,
    SCHEDULES,
    WAITING,
    EXECUTION_PARTS,
    OPERATIONS,
    OPERATION_ITEMS,
    OPERATION_OUTCOMES,
    OUTPUT,
    OUTPUT_ARCHIVE,
    OUTPUT_TOTALS,
    EVENTS,
    EVENT_LOGS,
    AUDIT_RECORDS,
    AUDIT_LOGS,
    AUDIT_INTENTS,
    AUDIT_TILES,
    AUDIT_CHECKPOINTS,
];
