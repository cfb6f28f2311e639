//! Names of who acts, and of what it proves itself with: users, service accounts, their sessions and API keys.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::name::tenant::{TenantId, is_uuid, malformed};

/// Longest id of a user or a service account in characters.
pub const MAX_PRINCIPAL: usize = 64;
/// What the id of an erased user begins with; the id that stood for them follows. Nobody else gets such an id.
const ERASED: &str = "erased-";
/// Characters of an API key's id.
const API_KEY_ID: usize = 16;

/// Who acts: `tenants/{tenant}/users/{user}` or `tenants/{tenant}/serviceAccounts/{account}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalName {
    text: Arc<str>,
    tenant: TenantId,
    kind: PrincipalKind,
}

/// What acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program.
    ServiceAccount,
}

/// A session's id: a UUID in lower-case canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

/// An API key's id: 16 lower-case base32 characters, which also stand in the key itself, so that a key that was found somewhere
/// can be looked up and revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(Arc<str>);

/// `{principal}/sessions/{session}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionName {
    /// Whose session it is.
    pub principal: PrincipalName,
    /// Its id.
    pub session: SessionId,
}

/// `tenants/{tenant}/serviceAccounts/{account}/apiKeys/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApiKeyName {
    /// Whose key it is.
    pub account: PrincipalName,
    /// Its id.
    pub key: ApiKeyId,
}

/// What can be revoked: one session, one API key, or everything that was issued to a principal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialName {
    /// Everything of a user or service account.
    Principal(PrincipalName),
    /// One session.
    Session(SessionName),
    /// One API key.
    ApiKey(ApiKeyName),
}

// === impl PrincipalName ===

impl PrincipalName {
    /// Reads the name of a user or a service account. Its id has visible ASCII characters but the slash, since an issuer outside
    /// of Zona chooses its own; ids that Zona gives follow the stricter rule of [`PrincipalName::new`].
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let (tenant, kind, id) = match parts.as_slice() {
            ["tenants", tenant, "users", id] => (tenant, PrincipalKind::User, id),
            ["tenants", tenant, "serviceAccounts", id] => (tenant, PrincipalKind::ServiceAccount, id),
            _ => return Err(not_a_principal(field)),
        };
        let fits = !id.is_empty() && id.len() <= MAX_PRINCIPAL && id.chars().all(|c| c.is_ascii_graphic());
        let tenant = TenantId::parse(field, tenant).ok().filter(|_| fits).ok_or_else(|| not_a_principal(field))?;
        Ok(PrincipalName { text: text.into(), tenant, kind })
    }

    /// The name of a principal that is to be made.
    ///
    /// # Errors
    /// [`Error::Invalid`] where `id`, the request's `field`, does not follow the rule for ids.
    pub fn new(tenant: &TenantId, kind: PrincipalKind, field: &str, id: &str) -> Result<Self, Error> {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let inner = |c: char| edge(c) || matches!(c, '.' | '_' | '-' | '@');
        if id.len() > MAX_PRINCIPAL || !id.starts_with(edge) || !id.ends_with(edge) || !id.chars().all(inner) {
            let rule = "has 1 to 64 lower-case letters and digits, and between them also `.`, `_`, `-` and `@`";
            return Err(Error::invalid(field, "MALFORMED", format!("the id of a {} {rule}", kind.as_str())));
        }
        if kind == PrincipalKind::User && id.starts_with(ERASED) {
            let text = format!("`{ERASED}` begins the ids of users who were erased; choose another id");
            return Err(Error::invalid(field, "RESERVED", text));
        }
        Ok(PrincipalName { text: format!("tenants/{tenant}/{}/{id}", kind.collection()).into(), tenant: tenant.clone(), kind })
    }

    /// What stands for a user who was erased, and was known under this id that says nothing.
    pub fn erased(tenant: &TenantId, subject: &str) -> Self {
        let (kind, tenant) = (PrincipalKind::User, tenant.clone());
        PrincipalName { text: format!("tenants/{tenant}/{}/{ERASED}{subject}", kind.collection()).into(), tenant, kind }
    }

    /// The id under which a user who was erased was known; `None` for everybody else.
    pub fn erased_id(&self) -> Option<&str> {
        self.id().strip_prefix(ERASED).filter(|_| self.kind == PrincipalKind::User)
    }

    /// The tenant that the principal belongs to.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether it is a person or a program.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The id inside of its tenant.
    pub fn id(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of one of its sessions.
    pub fn session(&self, session: SessionId) -> SessionName {
        SessionName { principal: self.clone(), session }
    }

    /// The name of one of its API keys.
    pub fn api_key(&self, key: ApiKeyId) -> ApiKeyName {
        ApiKeyName { account: self.clone(), key }
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PrincipalKind {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            PrincipalKind::User => "user",
            PrincipalKind::ServiceAccount => "service account",
        }
    }

    const fn collection(self) -> &'static str {
        match self {
            PrincipalKind::User => "users",
            PrincipalKind::ServiceAccount => "serviceAccounts",
        }
    }
}

// === impls of ids ===

impl SessionId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no UUID in lower-case canonical form.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        if is_uuid(text) {
            Ok(SessionId(text.into()))
        } else {
            Err(Error::invalid(field, "MALFORMED", "a session id is a UUID in lower-case canonical form"))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ApiKeyId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not of 16 lower-case base32 characters.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        if text.len() == API_KEY_ID && text.chars().all(|c| matches!(c, 'a'..='z' | '2'..='7')) {
            Ok(ApiKeyId(text.into()))
        } else {
            Err(Error::invalid(field, "MALFORMED", "an API key id has 16 characters of a to z and 2 to 7"))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impls of names ===

impl SessionName {
    /// Reads `{principal}/sessions/{session}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split_once("/sessions/") {
            Some((principal, session)) => {
                Ok(SessionName { principal: PrincipalName::parse(field, principal)?, session: SessionId::parse(field, session)? })
            }
            None => Err(malformed(field, "{user or service account}/sessions/{session}")),
        }
    }
}

impl ApiKeyName {
    /// Reads `tenants/{tenant}/serviceAccounts/{account}/apiKeys/{key}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let (account, key) = text.split_once("/apiKeys/").ok_or_else(|| not_an_api_key(field))?;
        let account = PrincipalName::parse(field, account)?;
        if account.kind == PrincipalKind::User {
            return Err(not_an_api_key(field));
        }
        Ok(ApiKeyName { account, key: ApiKeyId::parse(field, key)? })
    }
}

impl CredentialName {
    /// Reads the name of a principal, a session or an API key.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        if text.contains("/sessions/") {
            SessionName::parse(field, text).map(CredentialName::Session)
        } else if text.contains("/apiKeys/") {
            ApiKeyName::parse(field, text).map(CredentialName::ApiKey)
        } else {
            PrincipalName::parse(field, text).map(CredentialName::Principal)
        }
    }

    /// Whose it is.
    pub fn principal(&self) -> &PrincipalName {
        match self {
            CredentialName::Principal(principal) => principal,
            CredentialName::Session(name) => &name.principal,
            CredentialName::ApiKey(name) => &name.account,
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/sessions/{}", self.principal, self.session)
    }
}

impl fmt::Display for ApiKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/apiKeys/{}", self.account, self.key)
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialName::Principal(name) => name.fmt(f),
            CredentialName::Session(name) => name.fmt(f),
            CredentialName::ApiKey(name) => name.fmt(f),
        }
    }
}

fn not_a_principal(field: &str) -> Error {
    let rule = "a principal is `tenants/{tenant}/users/{user}` or `tenants/{tenant}/serviceAccounts/{account}`";
    Error::invalid(field, "MALFORMED", rule)
}

fn not_an_api_key(field: &str) -> Error {
    malformed(field, "tenants/{tenant}/serviceAccounts/{account}/apiKeys/{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_says_its_tenant_its_kind_and_its_id() {
        let account = PrincipalName::parse("name", "tenants/acme/serviceAccounts/ci").unwrap();
        assert_eq!((account.tenant().as_str(), account.kind(), account.id()), ("acme", PrincipalKind::ServiceAccount, "ci"));
        let user = PrincipalName::parse("name", "tenants/acme/users/auth0|Ann").unwrap();
        assert_eq!((user.kind(), user.id()), (PrincipalKind::User, "auth0|Ann"));
        for text in
            ["tenants/acme/users/", "tenants/acme/users/a b", "tenants/acme/users/a\n", "tenants/A/users/a", "tenants/acme/groups/a"]
        {
            PrincipalName::parse("name", text).unwrap_err();
        }
    }

    #[test]
    fn an_id_that_zona_gives_is_plain() {
        let acme = TenantId::parse("tenant", "acme").unwrap();
        let made = |id: &str| PrincipalName::new(&acme, PrincipalKind::User, "user_id", id);
        for id in ["ann", "a", "ann.lee@example.com", "0x", "a_b-c"] {
            assert_eq!(made(id).unwrap().as_str(), format!("tenants/acme/users/{id}"));
        }
        for id in ["", "Ann", "-a", "a.", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(matches!(made(id), Err(Error::Invalid(all)) if all[0].field == "user_id"), "{id}");
        }
    }

    #[test]
    fn names_of_credentials_survive_their_text() {
        let session = "tenants/acme/users/ann/sessions/00000000-0000-4000-8000-000000000001";
        let key = "tenants/acme/serviceAccounts/ci/apiKeys/abcdefghij234567";
        for text in ["tenants/acme/users/ann", session, key] {
            assert_eq!(CredentialName::parse("name", text).unwrap().to_string(), text);
        }
        for text in ["", "tenants/acme/users/ann/apiKeys/abcdefghij234567", "tenants/acme/users/ann/sessions/1", "tenants/acme/utilities/a"]
        {
            CredentialName::parse("name", text).unwrap_err();
        }
    }
}
