//! Audit records, checkpoints and proofs, as they are answered, and the request that lists records.

use api_proto::zona::audit::v1 as pb;
use domain::Result;
use domain::audit::{Actor, AuditQuery, AuditRecord, Checkpoint, Exported, FieldChange, Followed, Form, Outcome, Proven};
use domain::hash::Hash;
use domain::identity::Role;
use domain::name::PrincipalName;

use crate::convert::{Violations, WireViolations as _, size, time};

/// Reads which records ListAuditRecords asks for.
pub(crate) fn read_query(filter: Option<pb::AuditFilter>, violations: &mut Violations) -> Result<AuditQuery> {
    let filter = filter.unwrap_or_default();
    let actor = match filter.actor.as_str() {
        "" => None,
        name => violations.take(PrincipalName::parse("filter.actor", name))?,
    };
    Ok(AuditQuery {
        from: time::read_bound("filter.from", filter.from, violations),
        before: time::read_bound("filter.before", filter.before, violations),
        actor,
        action: Some(filter.action).filter(|action| !action.is_empty()),
        resource: Some(filter.resource).filter(|resource| !resource.is_empty()),
        outcome: read_outcome(violations.known::<pb::AuditOutcome>("filter.outcome", filter.outcome)),
    })
}

/// Reads how many records a checkpoint is to cover at most; 0 is as many as there are.
pub(crate) fn read_size(field: &str, wire: i64, violations: &mut Violations) -> Option<u64> {
    Some(read_place(field, wire, violations)).filter(|size| *size > 0)
}

/// Reads the place of a record, or a number of records.
pub(crate) fn read_place(field: &str, wire: i64, violations: &mut Violations) -> u64 {
    u64::try_from(wire).unwrap_or_else(|_| {
        violations.push(field, "OUT_OF_RANGE", format!("{wire} is negative; records count from 0"));
        0
    })
}

/// A record.
pub(crate) fn record_to_wire(record: &AuditRecord) -> pb::AuditRecord {
    let entry = &record.entry;
    pb::AuditRecord {
        sequence: size(record.sequence),
        time: Some(time::timestamp(entry.time)),
        end_time: entry.until.map(time::timestamp),
        count: size(entry.count),
        instance: entry.instance.to_string(),
        call: entry.call.clone(),
        actor: Some(actor_to_wire(&entry.actor)),
        method: entry.method.clone(),
        action: entry.action.clone(),
        resource: entry.resource.clone(),
        version: crate::convert::count(entry.version.unwrap_or(0)),
        outcome: outcome_to_wire(entry.outcome).into(),
        reason: entry.reason.clone(),
        changes: entry.changes.iter().map(change_to_wire).collect(),
        purpose: entry.purpose.clone(),
        request_id: entry.request_id.clone(),
        trace_id: entry.trace_id.clone(),
    }
}

/// A checkpoint with the key that verifies it.
pub(crate) fn checkpoint_to_wire(checkpoint: Checkpoint, public_key: String) -> pb::Checkpoint {
    let sign_time = Some(time::timestamp(checkpoint.time));
    pb::Checkpoint { note: checkpoint.note, size: size(checkpoint.size), sign_time, public_key }
}

/// That a record is in a log.
pub(crate) fn proven_to_wire(proven: Proven) -> pb::InclusionProof {
    pb::InclusionProof {
        record: proven.record.bytes,
        sequence: size(proven.record.sequence),
        checkpoint: proven.checkpoint.note,
        hashes: hashes_to_wire(&proven.proof),
    }
}

/// Hashes of a proof.
pub(crate) fn hashes_to_wire(hashes: &[Hash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

/// Reads what an export is to hold.
pub(crate) fn read_form(body: &pb::ExportAuditRecordsRequest) -> Form {
    if body.readable { Form::Readable } else { Form::Provable }
}

/// A part of an export.
pub(crate) fn exported_to_wire(form: Form, part: Exported) -> pb::ExportAuditRecordsResponse {
    use pb::export_audit_records_response::Part;
    let part = match part {
        Exported::Header { tenant, origin, key } => {
            let public_keys = if form == Form::Provable { vec![key] } else { Vec::new() };
            Part::Header(pb::ExportHeader { tenant, origin, public_keys })
        }
        Exported::Removed(leaves) => Part::Removed(leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect()),
        Exported::Record(bytes) => Part::Record(bytes),
        Exported::Read(record) => Part::Read(record_to_wire(&record)),
        Exported::Checkpoint(note) => Part::Checkpoint(note),
        Exported::End(records) => Part::End(size(records)),
    };
    pb::ExportAuditRecordsResponse { part: Some(part) }
}

/// A part of a watch.
pub(crate) fn followed_to_wire(followed: Followed) -> pb::WatchAuditRecordsResponse {
    use pb::watch_audit_records_response::Part;
    let part = match followed {
        Followed::Record(record) => Part::Record(record_to_wire(&record)),
        Followed::Reached(sequence) => Part::ReachedSequence(size(sequence)),
    };
    pb::WatchAuditRecordsResponse { part: Some(part) }
}

fn actor_to_wire(actor: &Actor) -> pb::AuditActor {
    pb::AuditActor {
        principal: actor.principal.as_ref().map(ToString::to_string).unwrap_or_default(),
        session: actor.session.clone().unwrap_or_default(),
        api_key: actor.key.clone().unwrap_or_default(),
        address: actor.address.map(|address| address.to_string()).unwrap_or_default(),
        role: actor.role.map_or(pb::ActorRole::Unspecified, actor_role_to_wire).into(),
    }
}

fn change_to_wire(change: &FieldChange) -> pb::AuditFieldChange {
    let text = |hash: Option<Hash>| hash.map(|hash| hash.to_string()).unwrap_or_default();
    pb::AuditFieldChange { field: change.field.clone(), before_sha256: text(change.before), after_sha256: text(change.after) }
}

/// The role of whoever did something.
pub(crate) fn actor_role_to_wire(role: Role) -> pb::ActorRole {
    match role {
        Role::User => pb::ActorRole::User,
        Role::Creator => pb::ActorRole::Creator,
        Role::Admin => pb::ActorRole::Admin,
        Role::SuperAdmin => pb::ActorRole::SuperAdmin,
    }
}

/// What became of a call.
pub(crate) fn outcome_to_wire(outcome: Outcome) -> pb::AuditOutcome {
    match outcome {
        Outcome::Intent => pb::AuditOutcome::Intent,
        Outcome::Allowed => pb::AuditOutcome::Allowed,
        Outcome::Denied => pb::AuditOutcome::Denied,
        Outcome::Failed => pb::AuditOutcome::Failed,
        Outcome::Cancelled => pb::AuditOutcome::Cancelled,
        Outcome::Unknown => pb::AuditOutcome::Unknown,
    }
}

fn read_outcome(wire: pb::AuditOutcome) -> Option<Outcome> {
    match wire {
        pb::AuditOutcome::Unspecified => None,
        pb::AuditOutcome::Intent => Some(Outcome::Intent),
        pb::AuditOutcome::Allowed => Some(Outcome::Allowed),
        pb::AuditOutcome::Denied => Some(Outcome::Denied),
        pb::AuditOutcome::Failed => Some(Outcome::Failed),
        pb::AuditOutcome::Cancelled => Some(Outcome::Cancelled),
        pb::AuditOutcome::Unknown => Some(Outcome::Unknown),
    }
}
