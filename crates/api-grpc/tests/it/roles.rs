//! People with roles: each shows a bearer token that is its name, and an authenticator that knows them by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Authenticator, Caller, Credential, CredentialKind, Origin, Presented};
use domain::identity::Role;
use domain::name::PrincipalName;
use domain::time::Timestamp;
use domain::{Error, Result};
use tonic::Request;

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

    async fn still_valid(&self, _caller: &Caller) -> Result<bool> {
        Ok(true)
    }
}
