//! Principals, API keys and sessions in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::access::{Found, Grantee, TenantScope};
use domain::audit::Entry;
use domain::event::Happened;
use domain::hash::Hash;
use domain::identity::{
    ApiKey, ApiKeyChange, ApiKeyRepository, BootstrapRepository, DELETION_REMEMBERED, Erasure, Principal, PrincipalChange, PrincipalQuery,
    PrincipalRepository, Session, SessionRepository, SubjectRepository, SubjectState,
};
use domain::name::{ApiKeyId, PrincipalKind, PrincipalName, SessionId, TenantId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected, RequestKey};
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};

use super::events::InMemoryEvents;
use super::grants::InMemoryGrantRepository;
use super::pages::page;
use super::requests::{Known, Requests};

/// The principals of all tenants, with all that was issued to them.
pub struct InMemoryIdentity {
    held: Mutex<Held>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
    grants: Arc<InMemoryGrantRepository>,
}

#[derive(Default)]
struct Held {
    principals: BTreeMap<PrincipalName, Principal>,
    deletions: BTreeMap<PrincipalName, Timestamp>,
    keys: BTreeMap<ApiKeyId, ApiKey>,
    sessions: HashMap<SessionId, Session>,
    code: Option<Hash>,
    epochs: HashMap<TenantId, u64>,
    answered: Requests<Principal>,
    answered_keys: Requests<ApiKey>,
    answered_erasures: Requests<PrincipalName>,
    /// What stands for whom.
    erased: BTreeMap<PrincipalName, PrincipalName>,
}

impl InMemoryIdentity {
    /// Nobody yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let grants = Arc::new(InMemoryGrantRepository::new(Arc::clone(&clock)));
        InMemoryIdentity { held: Mutex::default(), clock, events: Arc::default(), grants }
    }

    /// The store, adding to `events` what each change means; of grants, too.
    #[must_use]
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        let grants = Arc::new(InMemoryGrantRepository::new(Arc::clone(&self.clock)).noting(Arc::clone(&events)));
        InMemoryIdentity { events, grants, ..self }
    }

    /// The grants, of which a deleted principal's go with it.
    pub fn grants(&self) -> Arc<InMemoryGrantRepository> {
        Arc::clone(&self.grants)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, scope: &TenantScope, change: PrincipalChange) -> Committed<Principal> {
        let (now, mut held) = (self.clock.now(), self.held());
        if let Some(key) = &change.request
            && let Some(known) = held.answered.find(scope.tenant(), key, now)
        {
            return told(known);
        }
        let name = change.principal.name.clone();
        let is_judged_anew = change.judged_at.is_some_and(|at| at != held.epochs.get(scope.tenant()).copied().unwrap_or_default());
        if held.erased.contains_key(&name) {
            return Committed::Conflict;
        }
        if is_judged_anew || !Held::is_expected(held.principals.get(&name), change.expected, |one| one.revision) {
            return Committed::Conflict;
        }
        if let Some(key) = &change.request {
            held.answered.remember(scope.tenant(), key, now, change.principal.without_secret());
        }
        if change.deletes {
            self.events.note([Happened::of_deletion(&change.principal)]);
            held.principals.remove(&name);
            let voided = change.principal.valid_after;
            let past = voided.minus(DELETION_REMEMBERED);
            held.deletions.retain(|deleted, earlier| deleted.kind() == PrincipalKind::ServiceAccount || *earlier >= past);
            held.deletions.insert(name.clone(), voided);
            held.keys.retain(|_, key| key.account != name);
            held.sessions.retain(|_, session| session.principal != name);
        } else {
            self.events.note(Happened::of_principal(held.principals.get(&name), &change.principal));
            held.principals.insert(name, change.principal);
        }
        held.advance(scope.tenant());
        Committed::Stored
    }
}

impl Held {
    fn advance(&mut self, tenant: &TenantId) {
        *self.epochs.entry(tenant.clone()).or_default() += 1;
    }

    fn count_ruling(&self, tenant: &TenantId) -> u64 {
        self.principals.values().filter(|one| one.name.tenant() == tenant && one.is_ruling()).count() as u64
    }

    fn is_expected<T>(found: Option<&T>, expected: Expected, revision: impl Fn(&T) -> domain::revision::Revision) -> bool {
        match (found, expected) {
            (None, Expected::Absent) => true,
            (Some(found), Expected::Revision(expected)) => revision(found) == expected,
            (None, Expected::Revision(_)) | (Some(_), Expected::Absent) => false,
        }
    }
}

fn told<T>(known: Known<T>) -> Committed<T> {
    match known {
        Known::Answered(answer) => Committed::Answered(Box::new(answer)),
        Known::Reused => Committed::KeyReused,
    }
}

#[async_trait]
impl PrincipalRepository for InMemoryIdentity {
    async fn find(&self, scope: &TenantScope, name: &PrincipalName) -> Result<Found<Principal>> {
        Ok(Found::of(self.held().principals.get(name).filter(|one| one.name.tenant() == scope.tenant()).cloned()))
    }

    async fn list(&self, scope: &TenantScope, query: &PrincipalQuery, request: &PageRequest) -> Result<Found<Page<Principal>>> {
        let is_asked = |one: &&Principal| {
            let name = &one.name;
            name.tenant() == scope.tenant() && name.kind() == query.kind && query.only.as_ref().is_none_or(|only| only == name)
        };
        let mut items: Vec<_> = self.held().principals.values().filter(is_asked).cloned().collect();
        items.sort_by(|a, b| a.name.id().cmp(b.name.id()));
        let key = |one: &Principal| (0, one.name.id().to_owned());
        page(items, request, "principal", key, |this, after| this.1 > after.1).map(Found::one)
    }

    async fn count_super_admins(&self, scope: &TenantScope) -> Result<u64> {
        Ok(self.held().count_ruling(scope.tenant()))
    }

    async fn commit(&self, scope: &TenantScope, change: PrincipalChange) -> Result<Committed<Principal>> {
        let deleted = change.deletes.then(|| change.principal.name.clone());
        let committed = self.store(scope, change);
        if let Some(name) = deleted
            && committed == Committed::Stored
        {
            self.grants.forget(scope, &Grantee::Principal(name)).await;
        }
        Ok(committed)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Principal>>> {
        Ok(self.held().answered.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn find_deletion(&self, scope: &TenantScope, name: &PrincipalName) -> Result<Option<Timestamp>> {
        let held = self.held();
        let erased = held.erased.contains_key(name).then_some(Timestamp::from_millis(u64::MAX));
        Ok(erased.or_else(|| held.deletions.get(name).copied()).filter(|_| name.tenant() == scope.tenant()))
    }

    async fn rehash(&self, _scope: &TenantScope, principal: &Principal) -> Result<()> {
        if let Some(found) = self.held().principals.get_mut(&principal.name)
            && found.revision == principal.revision
        {
            *found = principal.clone();
        }
        Ok(())
    }

    async fn epoch(&self, scope: &TenantScope) -> Result<u64> {
        Ok(self.held().epochs.get(scope.tenant()).copied().unwrap_or_default())
    }
}

#[async_trait]
impl ApiKeyRepository for InMemoryIdentity {
    async fn find_shown(&self, id: &ApiKeyId) -> Result<Option<ApiKey>> {
        Ok(self.held().keys.get(id).cloned())
    }

    async fn find(&self, scope: &TenantScope, account: &PrincipalName, id: &ApiKeyId) -> Result<Found<ApiKey>> {
        let is_asked = |key: &&ApiKey| key.account == *account && account.tenant() == scope.tenant();
        Ok(Found::of(self.held().keys.get(id).filter(is_asked).cloned()))
    }

    async fn list(&self, scope: &TenantScope, account: &PrincipalName, request: &PageRequest) -> Result<Found<Page<ApiKey>>> {
        let is_asked = |key: &&ApiKey| key.account == *account && account.tenant() == scope.tenant();
        let items = self.held().keys.values().filter(is_asked).cloned().collect();
        let key = |one: &ApiKey| (0, one.id.to_string());
        page(items, request, "api_key", key, |this, after| this.1 > after.1).map(Found::one)
    }

    async fn commit(&self, scope: &TenantScope, change: ApiKeyChange) -> Result<Committed<ApiKey>> {
        let (now, mut held) = (self.clock.now(), self.held());
        if let Some(key) = &change.request
            && let Some(known) = held.answered_keys.find(scope.tenant(), key, now)
        {
            return Ok(told(known));
        }
        if !Held::is_expected(held.keys.get(&change.key.id), change.expected, |one| one.revision) {
            return Ok(Committed::Conflict);
        }
        if let Some(key) = &change.request {
            // When it was used is no part of the answer: it goes on beside the key.
            held.answered_keys.remember(scope.tenant(), key, now, ApiKey { last_used: None, ..change.key.clone() });
        }
        held.keys.insert(change.key.id.clone(), change.key);
        held.advance(scope.tenant());
        Ok(Committed::Stored)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<ApiKey>>> {
        Ok(self.held().answered_keys.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn note_use(&self, scope: &TenantScope, id: &ApiKeyId, at: Timestamp) -> Result<()> {
        if let Some(key) = self.held().keys.get_mut(id).filter(|key| key.account.tenant() == scope.tenant()) {
            key.last_used = key.last_used.max(Some(at));
        }
        Ok(())
    }
}

#[async_trait]
impl SessionRepository for InMemoryIdentity {
    async fn find_shown(&self, id: &SessionId) -> Result<Option<Session>> {
        Ok(self.held().sessions.get(id).cloned())
    }

    async fn find(&self, scope: &TenantScope, principal: &PrincipalName, id: &SessionId) -> Result<Found<Session>> {
        let is_asked = |session: &&Session| session.principal == *principal && principal.tenant() == scope.tenant();
        Ok(Found::of(self.held().sessions.get(id).filter(is_asked).cloned()))
    }

    async fn insert(&self, _scope: &TenantScope, session: &Session, record: Option<&Entry>) -> Result<()> {
        if record.is_some() {
            return Err(Error::Internal { context: "a record was given to who has no audit log: see InMemorySessions", source: None });
        }
        let mut held = self.held();
        held.sessions.retain(|_, other| other.expires > session.created);
        if held.sessions.contains_key(&session.id) {
            return Err(Error::AlreadyExists { resource: session.name().to_string() });
        }
        held.sessions.insert(session.id.clone(), session.clone());
        Ok(())
    }

    async fn rotate(&self, _scope: &TenantScope, session: &Session) -> Result<bool> {
        let mut held = self.held();
        let is_next = |found: &&mut Session| found.revoked.is_none() && found.generation + 1 == session.generation;
        let found = held.sessions.get_mut(&session.id).filter(is_next);
        Ok(found.map(|found| *found = session.clone()).is_some())
    }

    async fn revoke(&self, scope: &TenantScope, id: &SessionId, at: Timestamp) -> Result<bool> {
        let mut held = self.held();
        let is_asked = |session: &&mut Session| session.principal.tenant() == scope.tenant();
        let found = held.sessions.get_mut(id).filter(is_asked).map(|session| session.revoked = session.revoked.or(Some(at)));
        held.advance(scope.tenant());
        Ok(found.is_some())
    }
}

#[async_trait]
impl SubjectRepository for InMemoryIdentity {
    async fn find_subject(&self, scope: &TenantScope, user: &PrincipalName) -> Result<Option<SubjectState>> {
        let held = self.held();
        let known = held.principals.contains_key(user).then_some(SubjectState::Known);
        let state = held.erased.get(user).cloned().map(SubjectState::Erased).or(known);
        Ok(state.filter(|_| user.tenant() == scope.tenant()))
    }

    async fn sessions(&self, scope: &TenantScope, user: &PrincipalName) -> Result<Found<Vec<Session>>> {
        let is_theirs = |session: &&Session| session.principal == *user && user.tenant() == scope.tenant();
        let mut found: Vec<_> = self.held().sessions.values().filter(is_theirs).cloned().collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Found::one(found))
    }

    async fn erase(&self, scope: &TenantScope, erasure: Erasure) -> Result<Committed<PrincipalName>> {
        let user = erasure.user.clone();
        {
            let (now, mut held) = (self.clock.now(), self.held());
            if let Some(key) = &erasure.request
                && let Some(known) = held.answered_erasures.find(scope.tenant(), key, now)
            {
                return Ok(told(known));
            }
            let is_judged_anew = erasure.judged_at.is_some_and(|at| at != held.epochs.get(scope.tenant()).copied().unwrap_or_default());
            let judged = erasure.principal.as_ref().map(|judged| judged.revision);
            if is_judged_anew || held.principals.get(&user).map(|stored| stored.revision) != judged {
                return Ok(Committed::Conflict);
            }
            let erased = match held.erased.get(&user) {
                Some(erased) => erased.clone(),
                None => PrincipalName::erased(user.tenant(), &format!("{:020x}", held.erased.len())),
            };
            self.events.note(held.principals.remove(&user).as_ref().map(Happened::of_deletion));
            held.deletions.remove(&user);
            held.sessions.retain(|_, session| session.principal != user);
            if let Some(key) = &erasure.request {
                held.answered_erasures.remember(scope.tenant(), key, now, erased.clone());
            }
            held.erased.insert(user.clone(), erased);
            held.advance(scope.tenant());
        }
        self.grants.forget(scope, &Grantee::Principal(user)).await;
        Ok(Committed::Stored)
    }

    async fn find_erased(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<PrincipalName>>> {
        Ok(self.held().answered_erasures.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn go_on_erasing(&self) -> Result<u64> {
        // No name of a user stands anywhere else in this store.
        Ok(0)
    }
}

#[async_trait]
impl BootstrapRepository for InMemoryIdentity {
    async fn offer(&self, code: Hash) -> Result<bool> {
        let mut held = self.held();
        let is_free = held.count_ruling(&TenantId::system()) == 0;
        if is_free {
            held.code = Some(code);
        }
        Ok(is_free)
    }

    async fn redeem(&self, code: &Hash, principal: &Principal) -> Result<bool> {
        let mut held = self.held();
        if held.code.as_ref() != Some(code) || held.principals.contains_key(&principal.name) {
            return Ok(false);
        }
        held.code = None;
        self.events.note(Happened::of_principal(None, principal));
        held.principals.insert(principal.name.clone(), principal.clone());
        held.advance(principal.name.tenant());
        Ok(true)
    }
}
