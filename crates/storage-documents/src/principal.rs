//! The document of a user or service account. What a user is called is sealed by whoever stores it, under the user's own key.

use domain::identity::{PasswordHash, Principal, PrincipalState, Role};
use domain::name::PrincipalName;
use domain::revision::Revision;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Principal`]; the name is the row's key.
#[derive(Serialize, Deserialize)]
pub struct PrincipalDocument {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed_display_name: Option<String>,
    role: String,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    created: u64,
    updated: u64,
    revision: u64,
    valid_after: u64,
}

impl From<&Principal> for PrincipalDocument {
    fn from(principal: &Principal) -> Self {
        PrincipalDocument {
            display_name: principal.display_name.clone(),
            sealed_display_name: None,
            role: principal.role.as_str().to_owned(),
            disabled: principal.state == PrincipalState::Disabled,
            password: principal.password.as_ref().map(|hash| hash.as_str().to_owned()),
            created: principal.created.as_millis(),
            updated: principal.updated.as_millis(),
            revision: principal.revision.as_u64(),
            valid_after: principal.valid_after.as_millis(),
        }
    }
}

impl PrincipalDocument {
    /// What the principal is called, in plain text.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// What the user is called, sealed.
    pub fn sealed_display_name(&self) -> Option<&str> {
        self.sealed_display_name.as_deref()
    }

    /// Holds the name sealed, and no more in plain text.
    pub fn seal_display_name(&mut self, sealed: String) {
        self.display_name.clear();
        self.sealed_display_name = Some(sealed);
    }

    /// Holds the name in plain text again.
    pub fn open_display_name(&mut self, display_name: String) {
        self.display_name = display_name;
        self.sealed_display_name = None;
    }

    /// The principal of this name.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_principal(self, name: PrincipalName) -> Result<Principal, InvalidField> {
        Ok(Principal {
            name,
            display_name: self.display_name,
            role: parsed("role", Role::parse(&self.role))?,
            state: if self.disabled { PrincipalState::Disabled } else { PrincipalState::Active },
            password: self.password.map(PasswordHash::new),
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            revision: Revision::from_stored(self.revision),
            valid_after: Timestamp::from_millis(self.valid_after),
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
