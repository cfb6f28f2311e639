//! The one caller and the one tenant while there is no identity: whoever reaches the loopback interface.

use domain::name::{PrincipalName, TenantId};

/// The one tenant while there is no identity.
const TENANT: &str = "demo";
/// The caller that comes over the loopback interface.
const LOCAL_USER: &str = "tenants/demo/users/local";

/// The one tenant.
pub(crate) fn tenant() -> TenantId {
    TenantId::parse("tenant", TENANT).expect("a test reads it")
}

/// Who calls.
pub(crate) fn local_user() -> PrincipalName {
    PrincipalName::parse("principal", LOCAL_USER).expect("a test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_user_belongs_to_the_one_tenant() {
        assert_eq!(local_user().as_str(), format!("tenants/{}/users/local", tenant()));
    }
}
