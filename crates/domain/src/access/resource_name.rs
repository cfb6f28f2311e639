//! A name of anything that an action can be about, whose type is seen from its form.

use std::fmt;

use crate::access::{Installation, Target, Targeted as _};
use crate::error::{Error, Result};
use crate::name::{
    CodePolicyName, CredentialName, ExecutionName, OperationName, RuntimeName, ScheduleName, SecretName, TenantName, UtilityName,
    VersionName, WebhookName,
};

/// A resource by its name; the installation has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourceName {
    Installation,
    Tenant(TenantName),
    Utility(UtilityName),
    Version(VersionName),
    Execution(ExecutionName),
    CodePolicy(CodePolicyName),
    Runtime(RuntimeName),
    Credential(CredentialName),
    Webhook(WebhookName),
    Secret(SecretName),
    Schedule(ScheduleName),
    Operation(OperationName),
}

impl ResourceName {
    /// Reads a name; empty is the installation.
    pub(super) fn parse(field: &str, text: &str) -> Result<Self> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [""] => Ok(ResourceName::Installation),
            ["tenants", _] => TenantName::parse(field, text).map(ResourceName::Tenant),
            ["tenants", _, "codePolicy"] => CodePolicyName::parse(field, text).map(ResourceName::CodePolicy),
            ["tenants", _, "utilities", _] => UtilityName::parse(field, text).map(ResourceName::Utility),
            ["tenants", _, "utilities", _, "versions", _] => VersionName::parse(field, text).map(ResourceName::Version),
            ["tenants", _, "executions", _] => ExecutionName::parse(field, text).map(ResourceName::Execution),
            ["tenants", _, "runtimes", _] => RuntimeName::parse(field, text).map(ResourceName::Runtime),
            ["tenants", _, "webhooks", _] => WebhookName::parse(field, text).map(ResourceName::Webhook),
            ["tenants", _, "secrets", _] => SecretName::parse(field, text).map(ResourceName::Secret),
            ["tenants", _, "schedules", _] => ScheduleName::parse(field, text).map(ResourceName::Schedule),
            ["tenants", _, "operations", _] => OperationName::parse(field, text).map(ResourceName::Operation),
            ["tenants", _, "users" | "serviceAccounts", _, ..] => CredentialName::parse(field, text).map(ResourceName::Credential),
            _ => Err(Error::invalid(field, "MALFORMED", "must be the full name of a resource, e.g. tenants/acme/utilities/extract")),
        }
    }

    /// The utility that it is, or belongs to.
    pub(super) fn utility(&self) -> Option<&UtilityName> {
        match self {
            ResourceName::Utility(name) => Some(name),
            ResourceName::Version(name) => Some(&name.utility),
            _ => None,
        }
    }

    /// What a decision about it is asked for.
    pub(super) fn target(&self) -> Target<'_> {
        match self {
            ResourceName::Installation => Installation.target(),
            ResourceName::Tenant(name) => name.target(),
            ResourceName::Utility(name) => name.target(),
            ResourceName::Version(name) => name.target(),
            ResourceName::Execution(name) => name.target(),
            ResourceName::CodePolicy(name) => name.target(),
            ResourceName::Runtime(name) => name.target(),
            ResourceName::Credential(name) => name.target(),
            ResourceName::Webhook(name) => name.target(),
            ResourceName::Secret(name) => name.target(),
            ResourceName::Schedule(name) => name.target(),
            ResourceName::Operation(name) => name.target(),
        }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_resource_is_read_by_its_form() {
        for text in [
            "tenants/acme",
            "tenants/acme/codePolicy",
            "tenants/acme/utilities/extract",
            "tenants/acme/utilities/extract/versions/3",
            "tenants/acme/executions/018f0000-0000-7000-8000-000000000001",
            "tenants/acme/runtimes/python",
            "tenants/acme/webhooks/chat",
            "tenants/acme/secrets/github",
            "tenants/acme/schedules/nightly",
            "tenants/acme/operations/018f0000-0000-7000-8000-000000000001",
            "tenants/acme/users/ann",
            "tenants/acme/serviceAccounts/nightly",
            "tenants/acme/users/ann/sessions/018f0000-0000-7000-8000-000000000001",
            "tenants/acme/serviceAccounts/nightly/apiKeys/abcdefgh234567ab",
        ] {
            assert_eq!(ResourceName::parse("resource", text).unwrap().to_string(), text);
        }
        assert_eq!(ResourceName::parse("resource", "").unwrap(), ResourceName::Installation);
        for text in ["acme", "tenants/", "tenants/acme/", "tenants/acme/utilities", "tenants/acme/things/x", "tenants/A/users/ann"] {
            assert!(ResourceName::parse("resource", text).is_err(), "{text}");
        }
    }
}
