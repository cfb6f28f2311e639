//! Grants, and the requests that give and take them.

use api_proto::zona::access::v1 as pb;
use domain::access::{Access, Grant, GrantDraft, Grantee, Permit, actions};
use domain::request::RequestKey;
use domain::{Result, Violation};

use crate::convert::{Violations, WireViolations as _, request_key, time};

/// Reads GrantAccess.
pub(crate) fn read_grant(
    mut body: pb::GrantAccessRequest,
    permit: &Permit<actions::GrantAccess>,
) -> Result<(GrantDraft, Option<RequestKey>)> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("GrantAccess", permit.principal(), &request_id, &body, &mut violations);
    let draft = GrantDraft {
        grantee: violations.take(Grantee::parse("grantee", &permit.target().tenant, &body.grantee))?,
        access: read_access(body.access, &mut violations),
        reason: body.reason,
        expires: time::read_bound("expire_time", body.expire_time, &mut violations),
        violations: violations.into_inner(),
    };
    Ok((draft, request))
}

/// Reads RevokeAccess: whose grant it is about, what is wrong with the request, and the request to remember.
pub(crate) fn read_revocation(
    mut body: pb::RevokeAccessRequest,
    permit: &Permit<actions::RevokeAccess>,
) -> Result<(Option<Grantee>, Vec<Violation>, Option<RequestKey>)> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("RevokeAccess", permit.principal(), &request_id, &body, &mut violations);
    let grantee = violations.take(Grantee::parse("grantee", &permit.target().tenant, &body.grantee))?;
    Ok((grantee, violations.into_inner(), request))
}

/// A grant.
pub(crate) fn to_wire(grant: &Grant) -> pb::Grant {
    pb::Grant {
        utility: grant.utility.to_string(),
        grantee: grant.grantee.to_string(),
        access: access_to_wire(grant.access).into(),
        reason: grant.reason.clone(),
        expire_time: grant.expires.map(time::timestamp),
        granted_by: grant.granted_by.to_string(),
        create_time: Some(time::timestamp(grant.created)),
    }
}

fn read_access(number: i32, violations: &mut Violations) -> Option<Access> {
    if pb::Access::try_from(number).is_ok_and(|access| access == pb::Access::Unspecified) {
        violations.push("access", "MISSING", "must say what is granted");
    }
    match violations.known::<pb::Access>("access", number) {
        pb::Access::Unspecified => None,
        pb::Access::Read => Some(Access::Read),
        pb::Access::Execute => Some(Access::Execute),
        pb::Access::Manage => Some(Access::Manage),
    }
}

/// How much is granted.
pub(crate) fn access_to_wire(access: Access) -> pb::Access {
    match access {
        Access::Read => pb::Access::Read,
        Access::Execute => pb::Access::Execute,
        Access::Manage => pb::Access::Manage,
    }
}
