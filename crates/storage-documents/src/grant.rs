//! The document of a grant.

use domain::access::{Access, Consent, Grant, Grantee};
use domain::name::{PrincipalName, TenantName, UtilityName};
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
    /// Of what is shared with another tenant; left out within one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<ShareDocument>,
}

/// See [`Consent`]; empty while it is awaited.
#[derive(Debug, Serialize, Deserialize)]
struct ShareDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<AcceptanceDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AcceptanceDocument {
    by: String,
    time: u64,
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
            share: share(&grant.consent),
        }
    }
}

fn share(consent: &Consent) -> Option<ShareDocument> {
    match consent {
        Consent::Unneeded => None,
        Consent::Awaited => Some(ShareDocument { accepted: None }),
        Consent::Given { by, time } => {
            Some(ShareDocument { accepted: Some(AcceptanceDocument { by: by.to_string(), time: time.as_millis() }) })
        }
    }
}

impl GrantDocument {
    /// The grant of this utility.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_grant(self, utility: UtilityName) -> Result<Grant, InvalidField> {
        let grantee = match self.share {
            None => Grantee::parse("grantee", &utility.tenant, &self.grantee).ok(),
            Some(_) => TenantName::parse("grantee", &self.grantee).ok().map(|receiver| Grantee::Tenant(receiver.tenant)),
        };
        let consent = match self.share {
            None => Consent::Unneeded,
            Some(ShareDocument { accepted: None }) => Consent::Awaited,
            Some(ShareDocument { accepted: Some(AcceptanceDocument { by, time }) }) => Consent::Given {
                by: parsed("share.accepted.by", PrincipalName::parse("by", &by).ok())?,
                time: Timestamp::from_millis(time),
            },
        };
        Ok(Grant {
            grantee: parsed("grantee", grantee)?,
            utility,
            access: parsed("access", Access::parse(&self.access))?,
            reason: self.reason,
            expires: self.expires.map(Timestamp::from_millis),
            granted_by: parsed("granted_by", PrincipalName::parse("granted_by", &self.granted_by).ok())?,
            created: Timestamp::from_millis(self.created),
            consent,
        })
    }
}
