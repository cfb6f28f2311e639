//! What can be done to an audit log. It is written by what happens, and by nobody's asking.

use crate::access::actions;
use crate::name::TenantName;

actions! {
    /// List records.
    ListAuditRecords(TenantName) = "audit.list", Administer, "audit";
    /// Read a checkpoint.
    GetCheckpoint(TenantName) = "audit.getCheckpoint", Administer, "audit";
    /// Have proven that a record is in the log.
    GetInclusionProof(TenantName) = "audit.getInclusionProof", Administer, "audit";
    /// Have proven that the log has only grown.
    GetConsistencyProof(TenantName) = "audit.getConsistencyProof", Administer, "audit";
    /// Follow records.
    WatchAuditRecords(TenantName) = "audit.watch", Administer, "audit";
    /// Count what happened in a time.
    BuildAuditReport(TenantName) = "audit.report", Administer, "audit";
    /// Add what a witness says of a checkpoint.
    AddCosignatures(TenantName) = "audit.cosign", Administer, "audit";
    /// Take records, checkpoints and public keys away.
    ExportAuditRecords(TenantName) = "audit.export", Administer, "audit";
}
