//! The document of a secret.

use std::collections::BTreeMap;

use domain::name::{PrincipalName, SecretName, UtilityName};
use domain::revision::Revision;
use domain::secret::NamedSecret;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`NamedSecret`]; tenant and id are the row's keys, and the value stands beside it, sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct SecretDocument {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    utilities: BTreeMap<String, u64>,
    version: u32,
    set_by: String,
    set: u64,
    created: u64,
    updated: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used: Option<u64>,
    revision: u64,
}

impl From<&NamedSecret> for SecretDocument {
    fn from(secret: &NamedSecret) -> Self {
        SecretDocument {
            description: secret.description.clone(),
            utilities: secret.utilities.iter().map(|(name, since)| (name.to_string(), since.as_millis())).collect(),
            version: secret.version,
            set_by: secret.set_by.to_string(),
            set: secret.set.as_millis(),
            created: secret.created.as_millis(),
            updated: secret.updated.as_millis(),
            last_used: secret.last_used.map(Timestamp::as_millis),
            revision: secret.revision.as_u64(),
        }
    }
}

impl SecretDocument {
    /// The secret of this name.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_secret(self, name: SecretName) -> Result<NamedSecret, InvalidField> {
        let utility = |(text, since): (String, u64)| -> Result<_, InvalidField> {
            Ok((parsed("utilities", UtilityName::parse("utilities", &text).ok())?, Timestamp::from_millis(since)))
        };
        Ok(NamedSecret {
            name,
            description: self.description,
            utilities: self.utilities.into_iter().map(utility).collect::<Result<_, InvalidField>>()?,
            version: self.version,
            set_by: parsed("set_by", PrincipalName::parse("set_by", &self.set_by).ok())?,
            set: Timestamp::from_millis(self.set),
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            last_used: self.last_used.map(Timestamp::from_millis),
            revision: Revision::from_stored(self.revision),
        })
    }
}
