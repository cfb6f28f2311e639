//! Use cases of API keys.

use crate::access::{Action, Found, OfTenant, Permit};
use crate::error::{Error, Result};
use crate::identity::changed::key_fields;
use crate::identity::principals::check_ruled;
use crate::identity::rules::description_violations;
use crate::identity::use_cases::{Asked, Identities, remembered, settled};
use crate::identity::{ApiKey, ApiKeyChange, Secret, actions};
use crate::name::ApiKeyName;
use crate::page::{MAX_PAGE, Page, PageRequest};
use crate::request::{Expected, RequestKey, once};
use crate::revision::Revision;
use crate::time::Timestamp;
use crate::violation::Violation;

/// Keys of one account that are neither revoked nor expired: enough to replace each one with overlap.
pub const MAX_LIVE_KEYS: usize = 100;

/// An API key as asked for.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyDraft {
    /// What it is for.
    pub description: String,
    /// From when on it is void.
    pub expires: Option<Timestamp>,
}

impl Identities {
    /// Creates an API key; its secret is answered once, and not where the request was answered before.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation, [`Error::NotFound`] without the account, [`Error::Denied`] for an account above the
    /// caller, [`Error::Precondition`] when it has too many.
    pub async fn create_api_key(
        &self,
        permit: &Permit<actions::CreateApiKey>,
        draft: ApiKeyDraft,
        asked: Asked,
    ) -> Result<(ApiKey, Option<Secret>)> {
        let request = asked.request.clone();
        let look = || async { Ok(self.answered_key(permit, request.as_ref()).await?.map(|first| (first, None))) };
        once(look, self.create_key(permit, draft, asked)).await
    }

    /// A page of an account's keys.
    ///
    /// # Errors
    /// [`Error::NotFound`] without the account; [`Error::Invalid`] for a cursor that is not one.
    pub async fn list_api_keys(&self, permit: &Permit<actions::ListApiKeys>, page: &PageRequest) -> Result<Page<ApiKey>> {
        self.load(permit, permit.target()).await?;
        Ok(permit.open_page(self.ports.api_keys.list(&permit.scope(), permit.target(), page).await?))
    }

    /// Revokes a key; one that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Denied`] for an account above the caller.
    pub async fn revoke_api_key(&self, permit: &Permit<actions::RevokeApiKey>, asked: Asked) -> Result<ApiKey> {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        let request = asked.request.clone();
        once(|| self.answered_key(permit, request.as_ref()), self.revoke_key(permit, permit.target(), asked.request)).await
    }

    async fn create_key(
        &self,
        permit: &Permit<actions::CreateApiKey>,
        draft: ApiKeyDraft,
        asked: Asked,
    ) -> Result<(ApiKey, Option<Secret>)> {
        let (now, mut found) = (self.ports.clock.now(), asked.violations);
        description_violations("api_key.description", &draft.description, &mut found);
        if draft.expires.is_some_and(|expires| expires <= now) {
            found.push(Violation::new(
                "api_key.expire_time",
                "OUT_OF_RANGE",
                "must be in the future; leave it out for a key without an end",
            ));
        }
        if !found.is_empty() {
            return Err(Error::Invalid(found));
        }
        let account = self.load(permit, permit.target()).await?;
        check_ruled(permit, &account)?;
        self.check_room(permit, now).await?;
        let (id, secret, hash) = self.ports.secrets.api_key();
        let key = ApiKey {
            id,
            account: account.name.clone(),
            hash,
            description: draft.description,
            created: now,
            expires: draft.expires,
            last_used: None,
            revoked: None,
            issued_under: account.valid_after,
            revision: Revision::FIRST,
        };
        let change = ApiKeyChange { expected: Expected::Absent, key: key.clone(), request: asked.request };
        let committed = self.ports.api_keys.commit(&permit.scope(), change).await?;
        let name = key.name();
        let answer = settled(committed, key.clone(), true, &name)?;
        permit.note_resource(&answer.name());
        permit.note_changes(key_fields(&answer));
        // The same request, answered meanwhile: its secret was shown there.
        Ok(if answer.id == key.id { (answer, Some(secret)) } else { (answer, None) })
    }

    async fn check_room(&self, permit: &Permit<actions::CreateApiKey>, now: Timestamp) -> Result<()> {
        let mut page = PageRequest { size: MAX_PAGE, after: None };
        let mut live = 0;
        loop {
            let keys = permit.open_page(self.ports.api_keys.list(&permit.scope(), permit.target(), &page).await?);
            live += keys.items.iter().filter(|key| key.is_live(now)).count();
            if live >= MAX_LIVE_KEYS {
                return Err(Error::Precondition {
                    reason: "TOO_MANY_API_KEYS",
                    subject: permit.target().to_string(),
                    description: format!("has {MAX_LIVE_KEYS} API keys that are neither revoked nor expired; revoke one first"),
                });
            }
            match keys.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Revokes a key under whichever permit is about it.
    pub(super) async fn revoke_key<A>(&self, permit: &Permit<A>, name: &ApiKeyName, request: Option<RequestKey>) -> Result<ApiKey>
    where
        A: Action<Target: OfTenant + std::fmt::Display>,
    {
        let scope = permit.scope();
        let key = permit.open(self.ports.api_keys.find(&scope, &name.account, &name.key).await?, name)?;
        if let Some(account) = self.ports.principals.find(&scope, &name.account).await?.open_for_system() {
            check_ruled(permit, &account)?;
        }
        let revoked = key.revoked.or(Some(self.ports.clock.now()));
        let changed = ApiKey { revoked, revision: key.revision.next(), ..key.clone() };
        let change = ApiKeyChange { expected: Expected::Revision(key.revision), key: changed.clone(), request };
        settled(self.ports.api_keys.commit(&scope, change).await?, changed, false, name)
    }

    async fn answered_key<A>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<ApiKey>>
    where
        A: Action<Target: OfTenant>,
    {
        let Some(request) = request else { return Ok(None) };
        let first = remembered(self.ports.api_keys.find_answer(&permit.scope(), request).await?)?;
        let open = |first: ApiKey| {
            let name = first.name();
            permit.open(Found::one(first), &name)
        };
        first.map(open).transpose()
    }
}
