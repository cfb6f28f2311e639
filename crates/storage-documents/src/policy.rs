//! The document of a tenant's code policy.

use domain::code_policy::{CodePolicy, Preset, RuleException};
use domain::name::{PrincipalName, TenantId, UtilityId};
use domain::revision::Revision;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::IsolationDocument;
use crate::form::{InvalidField, parsed};

/// See [`CodePolicy`]; the tenant is the row's key.
#[derive(Debug, Serialize, Deserialize)]
pub struct PolicyDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<PresetDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_modules: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extra_modules: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    denied_rules: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exceptions: Vec<ExceptionDocument>,
    minimum_isolation: IsolationDocument,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh_processes: bool,
    revision: u64,
    updated: u64,
}

/// See [`Preset`]; documents without one are strict.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PresetDocument {
    Compatible,
}

#[derive(Debug, Serialize, Deserialize)]
struct ExceptionDocument {
    utility: String,
    rule: String,
    reason: String,
    expires: u64,
    granted_by: String,
}

impl From<&CodePolicy> for PolicyDocument {
    fn from(policy: &CodePolicy) -> Self {
        PolicyDocument {
            preset: match policy.preset {
                Preset::Strict => None,
                Preset::Compatible => Some(PresetDocument::Compatible),
            },
            only_modules: policy.only_modules.clone(),
            extra_modules: policy.extra_modules.clone(),
            denied_rules: policy.denied_rules.clone(),
            exceptions: policy.exceptions.iter().map(ExceptionDocument::from).collect(),
            minimum_isolation: policy.minimum_isolation.into(),
            fresh_processes: policy.fresh_processes,
            revision: policy.revision.as_u64(),
            updated: policy.updated.as_millis(),
        }
    }
}

impl PolicyDocument {
    /// The policy of this tenant.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_policy(self, tenant: TenantId) -> Result<CodePolicy, InvalidField> {
        Ok(CodePolicy {
            tenant,
            preset: match self.preset {
                None => Preset::Strict,
                Some(PresetDocument::Compatible) => Preset::Compatible,
            },
            only_modules: self.only_modules,
            extra_modules: self.extra_modules,
            denied_rules: self.denied_rules,
            exceptions: self.exceptions.into_iter().map(ExceptionDocument::into_exception).collect::<Result<_, _>>()?,
            minimum_isolation: self.minimum_isolation.into(),
            fresh_processes: self.fresh_processes,
            revision: Revision::from_stored(self.revision),
            updated: Timestamp::from_millis(self.updated),
        })
    }
}

impl From<&RuleException> for ExceptionDocument {
    fn from(exception: &RuleException) -> Self {
        ExceptionDocument {
            utility: exception.utility.to_string(),
            rule: exception.rule.clone(),
            reason: exception.reason.clone(),
            expires: exception.expires.as_millis(),
            granted_by: exception.granted_by.to_string(),
        }
    }
}

impl ExceptionDocument {
    fn into_exception(self) -> Result<RuleException, InvalidField> {
        Ok(RuleException {
            utility: parsed("exceptions.utility", UtilityId::parse("utility", &self.utility).ok())?,
            rule: self.rule,
            reason: self.reason,
            expires: Timestamp::from_millis(self.expires),
            granted_by: parsed("exceptions.granted_by", PrincipalName::parse("granted_by", &self.granted_by).ok())?,
        })
    }
}
