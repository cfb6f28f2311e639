//! The documents of what is issued: API keys and sessions.

use domain::hash::Hash;
use domain::identity::{ApiKey, Role, Session, SessionKind, Vouched};
use domain::name::{ApiKeyId, PrincipalName, SessionId};
use domain::revision::Revision;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`ApiKey`]; account and id are the row's key, and when it was used last stands beside the document.
#[derive(Serialize, Deserialize)]
pub struct ApiKeyDocument {
    hash: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
    issued_under: u64,
    revision: u64,
}

/// See [`Session`]; principal and id are the row's key.
#[derive(Serialize, Deserialize)]
pub struct SessionDocument {
    /// Of a browser; not there in sessions of refresh tokens, as those of before there were others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    browser: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    created: u64,
    expires: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
    generation: u32,
    refresh: String,
    family: String,
    issued_under: u64,
    /// Not there in sessions that no outside issuer has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vouched: Option<VouchedDocument>,
}

/// See [`Vouched`].
#[derive(Serialize, Deserialize)]
struct VouchedDocument {
    issuer: String,
    /// Not there for whom the store knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    issued: u64,
}

impl From<&ApiKey> for ApiKeyDocument {
    fn from(key: &ApiKey) -> Self {
        ApiKeyDocument {
            hash: key.hash.to_string(),
            description: key.description.clone(),
            created: key.created.as_millis(),
            expires: key.expires.map(Timestamp::as_millis),
            revoked: key.revoked.map(Timestamp::as_millis),
            issued_under: key.issued_under.as_millis(),
            revision: key.revision.as_u64(),
        }
    }
}

impl ApiKeyDocument {
    /// The key of this account and id.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_api_key(self, account: PrincipalName, id: ApiKeyId, last_used: Option<Timestamp>) -> Result<ApiKey, InvalidField> {
        Ok(ApiKey {
            id,
            account,
            hash: parsed("hash", Hash::from_hex(&self.hash))?,
            description: self.description,
            created: Timestamp::from_millis(self.created),
            expires: self.expires.map(Timestamp::from_millis),
            last_used,
            revoked: self.revoked.map(Timestamp::from_millis),
            issued_under: Timestamp::from_millis(self.issued_under),
            revision: Revision::from_stored(self.revision),
        })
    }
}

impl From<&Session> for SessionDocument {
    fn from(session: &Session) -> Self {
        SessionDocument {
            browser: session.kind == SessionKind::Browser,
            key: session.key.as_ref().map(ToString::to_string),
            created: session.created.as_millis(),
            expires: session.expires.as_millis(),
            revoked: session.revoked.map(Timestamp::as_millis),
            generation: session.generation,
            refresh: session.refresh.to_string(),
            family: session.family.to_string(),
            issued_under: session.issued_under.as_millis(),
            vouched: session.vouched.as_ref().map(VouchedDocument::from),
        }
    }
}

impl SessionDocument {
    /// The session of this principal and id.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_session(self, principal: PrincipalName, id: SessionId) -> Result<Session, InvalidField> {
        let key = self.key.map(|key| parsed("key", ApiKeyId::parse("key", &key).ok()));
        Ok(Session {
            id,
            principal,
            kind: if self.browser { SessionKind::Browser } else { SessionKind::Refreshed },
            key: key.transpose()?,
            created: Timestamp::from_millis(self.created),
            expires: Timestamp::from_millis(self.expires),
            revoked: self.revoked.map(Timestamp::from_millis),
            generation: self.generation,
            refresh: parsed("refresh", Hash::from_hex(&self.refresh))?,
            family: parsed("family", Hash::from_hex(&self.family))?,
            issued_under: Timestamp::from_millis(self.issued_under),
            vouched: self.vouched.map(VouchedDocument::into_vouched).transpose()?,
        })
    }
}

impl From<&Vouched> for VouchedDocument {
    fn from(vouched: &Vouched) -> Self {
        let role = vouched.role.map(|role| role.as_str().to_owned());
        VouchedDocument { issuer: vouched.issuer.to_string(), role, issued: vouched.issued.as_millis() }
    }
}

impl VouchedDocument {
    fn into_vouched(self) -> Result<Vouched, InvalidField> {
        let role = self.role.map(|role| parsed("role", Role::parse(&role))).transpose()?;
        Ok(Vouched { issuer: self.issuer.into(), role, issued: Timestamp::from_millis(self.issued) })
    }
}
