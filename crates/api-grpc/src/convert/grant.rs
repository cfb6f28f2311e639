//! Grants, and the requests that give and take them.

use api_proto::zona::access::v1 as pb;
use domain::access::{Access, Action, Consent, Grant, GrantDraft, Grantee, Permit, ShareDraft, Side, actions};
use domain::name::{TenantId, TenantName, UtilityName};
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

/// Reads OfferShare.
pub(crate) fn read_offer(
    mut body: pb::OfferShareRequest,
    permit: &Permit<actions::OfferShare>,
) -> Result<(GrantDraft, Option<RequestKey>)> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("OfferShare", permit.principal(), &request_id, &body, &mut violations);
    let draft = GrantDraft {
        grantee: violations.take(other_tenant(&permit.target().tenant, &body.tenant))?.map(Grantee::Tenant),
        access: read_access(body.access, &mut violations),
        reason: body.reason,
        expires: time::read_bound("expire_time", body.expire_time, &mut violations),
        violations: violations.into_inner(),
    };
    Ok((draft, request))
}

/// Reads RevokeShare.
pub(crate) fn read_share_revocation(
    mut body: pb::RevokeShareRequest,
    permit: &Permit<actions::RevokeShare>,
) -> Result<ShareDraft<TenantId>> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut body.request_id);
    let request = request_key::read("RevokeShare", permit.principal(), &request_id, &body, &mut violations);
    let named = violations.take(other_tenant(&permit.target().tenant, &body.tenant))?;
    Ok(ShareDraft { named, violations: violations.into_inner(), request })
}

/// Reads what another tenant's offer is answered with: AcceptShare or DeclineShare.
pub(crate) fn read_share_answer<A: Action<Target = TenantName>, B: prost::Message>(
    method: &'static str,
    permit: &Permit<A>,
    (utility, request_id, body): (&str, &str, &B),
) -> Result<ShareDraft<UtilityName>> {
    let mut violations = Violations::default();
    let request = request_key::read(method, permit.principal(), request_id, body, &mut violations);
    let named = violations.take(UtilityName::parse("utility", utility).and_then(|named| of_other(&permit.target().tenant, named)))?;
    Ok(ShareDraft { named, violations: violations.into_inner(), request })
}

/// Reads the side of ListShares.
pub(crate) fn read_side(number: i32, violations: &mut Violations) -> Side {
    if pb::ShareSide::try_from(number).is_ok_and(|side| side == pb::ShareSide::Unspecified) {
        violations.push("side", "MISSING", "must say whether what is given or what is received is listed");
    }
    match violations.known::<pb::ShareSide>("side", number) {
        pb::ShareSide::Unspecified | pb::ShareSide::Given => Side::Given,
        pb::ShareSide::Received => Side::Received,
    }
}

fn other_tenant(own: &TenantId, text: &str) -> Result<TenantId> {
    let named = TenantName::parse("tenant", text)?.tenant;
    match named == *own {
        false => Ok(named),
        true => Err(domain::Error::invalid("tenant", "OWN_TENANT", "must be another tenant; within its own, a utility is granted")),
    }
}

fn of_other(own: &TenantId, named: UtilityName) -> Result<UtilityName> {
    match named.tenant == *own {
        false => Ok(named),
        true => Err(domain::Error::invalid("utility", "OWN_TENANT", "must be of another tenant; within its own, a utility is granted")),
    }
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
        share_state: share_state(&grant.consent).into(),
        accepted_by: match &grant.consent {
            Consent::Given { by, .. } => by.to_string(),
            Consent::Unneeded | Consent::Awaited => String::new(),
        },
        accept_time: match &grant.consent {
            Consent::Given { time, .. } => Some(time::timestamp(*time)),
            Consent::Unneeded | Consent::Awaited => None,
        },
    }
}

fn share_state(consent: &Consent) -> pb::ShareState {
    match consent {
        Consent::Unneeded => pb::ShareState::Unspecified,
        Consent::Awaited => pb::ShareState::Offered,
        Consent::Given { .. } => pb::ShareState::Accepted,
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
