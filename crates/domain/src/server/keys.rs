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
    /// Whatever interrupts it, every data key is wrapped by one of the keys; a rotation that was begun is gone on with. Answers the id of the
    /// key that was made, now or when the request was answered first; or that the request's id was used for something else.
    async fn rotate(&self, request: Option<&RequestKey>) -> Result<Committed<String>>;
    /// What a request was answered with, if it was.
    async fn find_rotation(&self, request: &RequestKey) -> Result<Option<Committed<String>>>;
}
