//! Copies and proposals, and the requests about them.

use api_proto::zona::utility::v1 as pb;
use domain::Result;
use domain::name::{PrincipalName, UtilityId, UtilityName};
use domain::revision::Etag;
use domain::utility::{Acceptance, Call, Comparison, CopyDraft, Lineage, Part, Proposal};

use crate::convert::{Violations, WireViolations as _, count, request_key, time};

/// Reads CopyUtility.
pub(crate) fn read_copy(mut body: pb::CopyUtilityRequest, caller: &PrincipalName) -> Result<CopyDraft> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("CopyUtility", caller, &request_id, &body, &mut violations);
    let id = violations.take(UtilityId::parse("utility_id", &body.utility_id))?;
    let source = violations.take(UtilityName::parse("source", &body.source))?;
    let version = violations.version_number("source_version", body.source_version);
    let call = Call { request, violations: violations.into_inner(), ..Call::default() };
    Ok(CopyDraft { id, source, version, call })
}

/// Reads AcceptProposal.
pub(crate) fn read_acceptance(mut body: pb::AcceptProposalRequest, caller: &PrincipalName) -> Acceptance {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("AcceptProposal", caller, &request_id, &body, &mut violations);
    let source_version = seen(body.source_version, &mut violations);
    let mut keep = Vec::new();
    for (index, name) in body.keep_fields.iter().enumerate() {
        match Part::parse(name) {
            Some(part) => keep.push(part),
            None => {
                let known = "must be parameters, limits, runtime, isolation or fresh_processes";
                violations.push(format!("keep_fields[{index}]"), "UNKNOWN_FIELD", known);
            }
        }
    }
    let call = Call { etag: Etag::new(body.etag), request, violations: violations.into_inner(), ..Call::default() };
    Acceptance { source_version, code: body.code.map(String::into_bytes), keep, message: body.message, call }
}

/// Reads DismissProposal: the version of the source that was seen, and how it is asked for.
pub(crate) fn read_dismissal(mut body: pb::DismissProposalRequest, caller: &PrincipalName) -> (u32, Call) {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("DismissProposal", caller, &request_id, &body, &mut violations);
    let seen = seen(body.source_version, &mut violations);
    (seen, Call { etag: Etag::new(body.etag), request, violations: violations.into_inner(), ..Call::default() })
}

fn seen(number: i32, violations: &mut Violations) -> u32 {
    if number == 0 {
        violations.push("source_version", "MISSING", "must be that of the proposal");
    }
    violations.version_number("source_version", number).unwrap_or_default()
}

/// Where a copy comes from.
pub(crate) fn lineage_to_wire(lineage: &Lineage) -> pb::CopySource {
    pb::CopySource {
        source: lineage.source.to_string(),
        version: count(lineage.version),
        content_hash: lineage.content_hash.to_string(),
        copied_by: lineage.by.to_string(),
        copy_time: Some(time::timestamp(lineage.time)),
    }
}

/// A proposal in a list: without texts.
pub(crate) fn listed(proposal: &Proposal) -> pb::Proposal {
    pb::Proposal {
        utility: proposal.utility.to_string(),
        source: proposal.source.to_string(),
        base_version: count(proposal.base_version),
        source_version: count(proposal.source_version),
        source_content_hash: proposal.source_content_hash.to_string(),
        etag: proposal.etag.as_str().to_owned(),
        dismissed: proposal.dismissed,
        ..Default::default()
    }
}

/// A proposal with its texts.
pub(crate) fn compared(comparison: Comparison) -> pb::Proposal {
    let Comparison { proposal, source_diff, local_diff, changed_fields, merge, conflicting } = comparison;
    let too_long = merge.is_none();
    let (merged_code, conflicts) = merge.map_or_else(Default::default, |merge| (merge.text, merge.conflicts));
    let conflict = |at: domain::utility::Conflict| pb::MergeConflict { first_line: count(at.first_line), last_line: count(at.last_line) };
    pb::Proposal {
        source_diff,
        local_diff,
        changed_fields: changed_fields.into_iter().map(str::to_owned).collect(),
        merged_code,
        conflicts: conflicts.into_iter().map(conflict).collect(),
        conflicting_fields: conflicting.into_iter().map(|part| part.as_str().to_owned()).collect(),
        too_long,
        ..listed(&proposal)
    }
}
