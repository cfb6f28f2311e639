//! API keys of service accounts: shown once, stored hashed.

use crate::access::{Resource, Target};
use crate::hash::Hash;
use crate::identity::Principal;
use crate::name::{ApiKeyId, ApiKeyName, PrincipalName};
use crate::revision::Revision;
use crate::time::Timestamp;

/// What every API key starts with; its id, an underscore and the secret part follow.
pub const API_KEY_PREFIX: &str = "zona_key_";

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, which also stands in the key.
    pub id: ApiKeyId,
    /// Whose it is.
    pub account: PrincipalName,
    /// The [`crate::identity::SecretSource::digest`] of the whole key.
    pub hash: Hash,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is void; `None` for never.
    pub expires: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked: Option<Timestamp>,
    /// The account's [`crate::identity::Principal::valid_after`] when it was made: void once that is another one.
    pub issued_under: Timestamp,
    /// Grows with each change, of which a use is none.
    pub revision: Revision,
}

impl ApiKey {
    /// Its full name.
    pub fn name(&self) -> ApiKeyName {
        self.account.api_key(self.id.clone())
    }

    /// Whether it is neither revoked nor expired.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether it is good for its account as that is now.
    pub(super) fn is_valid(&self, account: &Principal, now: Timestamp) -> bool {
        self.is_live(now) && account.is_active() && self.account == account.name && self.issued_under == account.valid_after
    }

    /// The id in the text of a key; `None` for what is no key.
    pub fn id_of(text: &str) -> Option<ApiKeyId> {
        let (id, secret) = text.strip_prefix(API_KEY_PREFIX)?.split_once('_')?;
        ApiKeyId::parse("api_key", id).ok().filter(|_| !secret.is_empty())
    }
}

impl Resource for ApiKey {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.account)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => tenant == self.account.tenant(),
            Target::Principal(name) => *name == self.account,
            Target::ApiKey(name) => name.account == self.account && name.key == self.id,
            _ => false,
        }
    }
}
