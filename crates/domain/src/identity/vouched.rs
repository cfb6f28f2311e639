//! An outside issuer's word for somebody, as the session keeps it that it has begun.

use std::sync::Arc;

use crate::identity::Role;
use crate::time::Timestamp;

/// An outside issuer's word for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The issuer, by its `iss`.
    pub issuer: Arc<str>,
    /// The role that it gives them; `None` where the store knew them when it said so, and says itself which they have.
    pub role: Option<Role>,
    /// When it said so.
    pub issued: Timestamp,
}
