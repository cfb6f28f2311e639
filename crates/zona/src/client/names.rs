//! Names as people type them: a bare id of the configured tenant, or a full resource name.

use domain::name::{CodePolicyName, ExecutionId, ExecutionName, RuntimeName, TenantId, UtilityId, UtilityName};

use crate::failure::Result;

/// A utility's full name.
///
/// # Errors
/// When it is neither an id nor a name of a utility.
pub fn utility(tenant: &TenantId, text: &str) -> Result<UtilityName> {
    Ok(match text.contains('/') {
        true => UtilityName::parse("NAME", text)?,
        false => UtilityName { tenant: tenant.clone(), utility: UtilityId::parse("NAME", text)? },
    })
}

/// An execution's full name.
///
/// # Errors
/// When it is neither an id nor a name of an execution.
pub fn execution(tenant: &TenantId, text: &str) -> Result<ExecutionName> {
    Ok(match text.contains('/') {
        true => ExecutionName::parse("NAME", text)?,
        false => ExecutionName { tenant: tenant.clone(), execution: ExecutionId::parse("NAME", text)? },
    })
}

/// A runtime's full name.
///
/// # Errors
/// When it is neither the name of a runtime as utilities use it nor a full one.
pub fn runtime(tenant: &TenantId, text: &str) -> Result<RuntimeName> {
    let full = if text.contains('/') { text.to_owned() } else { format!("tenants/{tenant}/runtimes/{text}") };
    Ok(RuntimeName::parse("NAME", &full)?)
}

/// The name of a tenant's code policy.
pub fn code_policy(tenant: &TenantId) -> String {
    CodePolicyName { tenant: tenant.clone() }.to_string()
}

/// The name of a tenant.
pub fn parent(tenant: &TenantId) -> String {
    format!("tenants/{tenant}")
}

/// The last part of a name: what people type.
pub fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_id_belongs_to_the_configured_tenant() {
        let tenant = TenantId::parse("tenant", "acme").unwrap();
        assert_eq!(utility(&tenant, "a-b").unwrap().to_string(), "tenants/acme/utilities/a-b");
        assert_eq!(utility(&tenant, "tenants/other/utilities/x").unwrap().to_string(), "tenants/other/utilities/x");
        assert!(utility(&tenant, "tenants/other/executions/x").is_err());
        assert!(execution(&tenant, "not-a-uuid").is_err());
    }
}
