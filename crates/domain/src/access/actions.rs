//! What can be done about access itself: grants, and the explanation of decisions.

use crate::access::actions;
use crate::name::{PrincipalName, TenantName, UtilityName};

actions! {
    /// Grant access to a utility.
    GrantAccess(UtilityName) = "grant.create", Administer, "grant";
    /// Take a grant back.
    RevokeAccess(UtilityName) = "grant.revoke", Administer, "grant";
    /// List the grants of a utility.
    ListGrants(UtilityName) = "grant.list", Administer, "grant";
    /// Offer a utility to another tenant.
    OfferShare(UtilityName) = "share.offer", Administer, "share";
    /// Accept what another tenant has offered.
    AcceptShare(TenantName) = "share.accept", Administer, "share";
    /// Decline what another tenant has offered, or give it back.
    DeclineShare(TenantName) = "share.decline", Administer, "share";
    /// Take back what was offered to another tenant or shared with it.
    RevokeShare(UtilityName) = "share.revoke", Administer, "share";
    /// List what a tenant shares, or what is shared with it.
    ListShares(TenantName) = "share.list", Administer, "share";
    /// Ask why a principal may or may not do something.
    ExplainAccess(PrincipalName) = "access.explain", Read, "access";
}
