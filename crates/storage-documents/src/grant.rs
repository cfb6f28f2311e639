//! The document of a grant.

use domain::access::{Access, Grant, Grantee};
use domain::name::{PrincipalName, UtilityName};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Grant`]; tenant and utility are the row's key.
#[derive(Debug, Serialize, Deserialize)]
pub struct GrantDocument {
    grantee: String,
    access: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    granted_by: String,
    created: u64,
}

impl From<&Grant> for GrantDocument {
    fn from(grant: &Grant) -> Self {
        GrantDocument {
            grantee: grant.grantee.to_string(),
            access: grant.access.as_str().to_owned(),
            reason: grant.reason.clone(),
            expires: grant.expires.map(Timestamp::as_millis),
            granted_by: grant.granted_by.to_string(),
            created: grant.created.as_millis(),
        }
    }
}

impl GrantDocument {
    /// The grant of this utility.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_grant(self, utility: UtilityName) -> Result<Grant, InvalidField> {
        Ok(Grant {
            grantee: parsed("grantee", Grantee::parse("grantee", &utility.tenant, &self.grantee).ok())?,
            utility,
            access: parsed("access", Access::parse(&self.access))?,
            reason: self.reason,
            expires: self.expires.map(Timestamp::from_millis),
            granted_by: parsed("granted_by", PrincipalName::parse("granted_by", &self.granted_by).ok())?,
            created: Timestamp::from_millis(self.created),
        })
    }
}
