//! The first super administrator: made once, by a code that only whoever started the server has seen.

use std::net::IpAddr;

use crate::audit::Notes;
use crate::error::{Error, Result};
use crate::identity::rules::{display_name_violations, password_violations};
use crate::identity::use_cases::Identities;
use crate::identity::{Principal, PrincipalState, Role, Secret};
use crate::name::PrincipalName;
use crate::revision::Revision;
use crate::violation::Violation;

/// The first super administrator as asked for.
#[derive(Debug)]
pub struct BootstrapDraft {
    /// The code that was shown at the start.
    pub code: Secret,
    /// The name; `None` where what was given is none, which is among the violations.
    pub name: Option<PrincipalName>,
    /// The password.
    pub password: Secret,
    /// How people call the user.
    pub display_name: String,
    /// What is wrong with the request already.
    pub violations: Vec<Violation>,
}

impl Identities {
    /// A code by which the first super administrator can be made, to be shown to whoever starts the server; `None` where there is
    /// one. Only the newest code counts.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn offer_bootstrap(&self) -> Result<Option<Secret>> {
        let (code, hash) = self.ports.secrets.bootstrap();
        Ok(self.ports.bootstrap.offer(hash).await?.then_some(code))
    }

    /// Makes the first super administrator, and notes whom. The code serves once.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation, which leaves the code as it is; [`Error::Unauthenticated`] for any other code than
    /// the newest; [`Error::Exhausted`] after too many of those.
    pub async fn bootstrap(&self, draft: BootstrapDraft, address: Option<IpAddr>, notes: &Notes) -> Result<Principal> {
        let mut found = draft.violations;
        display_name_violations("display_name", &draft.display_name, &mut found);
        password_violations("password", draft.name.as_ref(), &draft.password, &mut found);
        let Some(name) = draft.name.filter(|_| found.is_empty()) else { return Err(Error::Invalid(found)) };
        self.attempts.begin(None, address, self.ports.clock.now())?;
        let password = self.hashed(Some(&draft.password)).await?;
        let now = self.ports.clock.now();
        let principal = Principal {
            name,
            display_name: draft.display_name,
            role: Role::SuperAdmin,
            state: PrincipalState::Active,
            password,
            created: now,
            updated: now,
            revision: Revision::FIRST,
            valid_after: now,
        };
        let code = self.ports.secrets.digest(draft.code.expose());
        if !self.ports.bootstrap.redeem(&code, &principal).await? {
            return Err(Error::Unauthenticated);
        }
        notes.resource(&principal.name);
        notes.actor(&principal.name, None, None);
        self.attempts.succeeded(None, address);
        Ok(principal)
    }
}
