//! What can be done about access itself: grants, and the explanation of decisions.

use crate::access::actions;
use crate::name::{PrincipalName, UtilityName};

actions! {
    /// Grant access to a utility.
    GrantAccess(UtilityName) = "grant.create", Administer, "grant";
    /// Take a grant back.
    RevokeAccess(UtilityName) = "grant.revoke", Administer, "grant";
    /// List the grants of a utility.
    ListGrants(UtilityName) = "grant.list", Administer, "grant";
    /// Ask why a principal may or may not do something.
    ExplainAccess(PrincipalName) = "access.explain", Read, "access";
}
