//! Keys that wrap data keys, and the port to where they lie.

use async_trait::async_trait;

use crate::Result;
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// A key that wraps data keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappingKey {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// How many data keys it wraps.
    pub wraps: u64,
}

/// Port: the wrapping keys of the installation.
#[async_trait]
pub trait KeyRepository: Send + Sync {
    /// All of them, the newest first, which wraps.
    async fn wrapping_keys(&self) -> Result<Vec<WrappingKey>>;
    /// Makes a key that wraps from then on, and has it wrap every data key that others wrap. What data keys have sealed is not touched.
    /// Whatever interrupts it, every data key is wrapped by one of the keys. A request that has made a key already makes no other, and goes on
    /// with what is left. Answers the id of the key that was made, now or by the same request before; or that the request's id was used
    /// for something else; or [`Committed::Conflict`], and makes no key, where the newest one does not wrap yet what it could: another
    /// rotation runs. A data key that does not open stays as it is, and keeps nothing from being answered.
    async fn rotate(&self, request: Option<&RequestKey>) -> Result<Committed<String>>;
    /// What a request was answered with, if it was; nothing while another key than the newest wraps something, as then it may not be done.
    async fn find_rotation(&self, request: &RequestKey) -> Result<Option<Committed<String>>>;
    /// Has the newest key wrap what others wrap still, as a rotation before was cut off. Answers how many data keys that were.
    async fn go_on_rotating(&self) -> Result<u64>;
}
