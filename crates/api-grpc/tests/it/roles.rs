//! People with roles: each shows a bearer token that is its name, and an authenticator that knows them by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Authenticator, Caller, Credential, CredentialKind, Origin, Presented, TenantScope};
use domain::identity::{Principal, PrincipalChange, PrincipalRepository, PrincipalState, Role};
use domain::name::PrincipalName;
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::{Error, Result};
use tonic::Request;

use crate::harness::{Harness, Known, Options};

/// Somebody of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub tenant: &'static str,
    pub collection: &'static str,
    pub id: &'static str,
    pub role: Role,
}

impl Person {
    /// A user of the tenant `demo`.
    pub const fn new(id: &'static str, role: Role) -> Self {
        Person { tenant: "demo", collection: "users", id, role }
    }

    pub fn name(self) -> String {
        format!("tenants/{}/{}/{}", self.tenant, self.collection, self.id)
    }

    /// As a store of principals keeps somebody.
    pub fn principal(self) -> Principal {
        Principal {
            name: PrincipalName::parse("name", &self.name()).unwrap(),
            display_name: String::new(),
            role: self.role,
            state: PrincipalState::Active,
            password: None,
            created: Timestamp::default(),
            updated: Timestamp::default(),
            revision: Revision::FIRST,
            valid_after: Timestamp::default(),
        }
    }

    /// A request that shows who asks.
    pub fn asks<B>(self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.name()).parse().unwrap());
        request
    }
}

/// Knows people by their tokens, and nobody else.
pub struct RoleAuthenticator(BTreeMap<String, Person>);

impl RoleAuthenticator {
    pub fn of(people: impl IntoIterator<Item = Person>) -> Arc<dyn Authenticator> {
        Arc::new(RoleAuthenticator(people.into_iter().map(|person| (person.name(), person)).collect()))
    }
}

/// A server that knows these people, by their tokens and in its store.
pub async fn server_of(people: &[Person]) -> Harness {
    let known = Arc::new(Known::new());
    for person in people {
        keep(&known, person.principal()).await;
    }
    let authenticator = Some(RoleAuthenticator::of(people.iter().copied()));
    Harness::with(Options { authenticator, known: Some(known), ..Options::default() }).await
}

/// Keeps somebody in the store of principals.
pub async fn keep(known: &Known, principal: Principal) {
    let scope = TenantScope::for_system(principal.name.tenant().clone());
    let change = PrincipalChange { expected: Expected::Absent, principal, deletes: false, judged_at: None, request: None };
    assert_eq!(PrincipalRepository::commit(&*known.store, &scope, change).await.unwrap(), Committed::Stored);
}

#[async_trait]
impl Authenticator for RoleAuthenticator {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller> {
        let token = presented.authorization.and_then(|shown| shown.strip_prefix("Bearer ")).ok_or(Error::Unauthenticated)?;
        let person = self.0.get(token).ok_or(Error::Unauthenticated)?;
        let credential = Credential {
            kind: CredentialKind::AccessToken,
            session: None,
            key: None,
            issuer: None,
            issued: Timestamp::default(),
            expires: None,
        };
        let principal = PrincipalName::parse("principal", &person.name())?;
        Ok(Caller { principal, origin: Origin::Credential(credential), role: Some(person.role), address: presented.peer })
    }

    async fn as_of_now(&self, caller: &Caller) -> Result<Option<Caller>> {
        Ok(Some(caller.clone()))
    }

    async fn in_absence(&self, principal: &PrincipalName, _since: Timestamp) -> Result<Option<Caller>> {
        let person = self.0.values().find(|person| person.name() == principal.as_str());
        let credential = Credential {
            kind: CredentialKind::Absence,
            session: None,
            key: None,
            issuer: None,
            issued: Timestamp::default(),
            expires: None,
        };
        let caller =
            |role| Caller { principal: principal.clone(), origin: Origin::Credential(credential), role: Some(role), address: None };
        Ok(person.map(|person| caller(person.role)))
    }
}
