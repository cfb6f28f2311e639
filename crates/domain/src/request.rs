//! Requests that may be sent twice, and what became of a change that was asked for.

use std::future::Future;

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::name::PrincipalName;
use crate::revision::Revision;

/// A request that may be sent twice: unique per tenant, caller, method and id for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The method's name, e.g. `CreateUtility`.
    pub method: &'static str,
    /// Who asked.
    pub caller: PrincipalName,
    /// The client's UUID.
    pub id: String,
    /// SHA-256 of the request's bytes: the same id with another body is refused.
    pub body: Hash,
}

/// How long an answered request is remembered.
pub const REQUEST_KEY_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What the store must hold for a change to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing under this name.
    Absent,
    /// This revision.
    Revision(Revision),
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed<T> {
    /// It is durable.
    Stored,
    /// The name is taken, or the revision is another.
    Conflict,
    /// The same request was answered before, with this.
    Answered(Box<T>),
    /// The same request was answered before, with what was removed since: it is not done again.
    Removed {
        /// Full name of what was removed.
        resource: String,
    },
    /// The request id was used before with another body.
    KeyReused,
}

/// The request id was used with another body.
pub(crate) fn key_reused() -> Error {
    Error::Precondition {
        reason: "REQUEST_ID_REUSED",
        subject: "request_id".to_owned(),
        description: "this request_id was used within 24 hours for another request; choose a new one".to_owned(),
    }
}

/// Looks for the answer of a request before anything about it is judged, and does the work only where there is none. Where the work is
/// refused, the same request may have been answered meanwhile, sent twice at a time: it is looked for again.
///
/// # Errors
/// Those of the first look, or of the work.
pub(crate) async fn once<T, L>(look: impl Fn() -> L, work: impl Future<Output = Result<T>>) -> Result<T>
where
    L: Future<Output = Result<Option<T>>>,
{
    if let Some(first) = look().await? {
        return Ok(first);
    }
    match work.await {
        Ok(done) => Ok(done),
        // Why the second look failed is no news to a caller whose request was refused anyway.
        Err(refused) => look().await.ok().flatten().ok_or(refused),
    }
}
