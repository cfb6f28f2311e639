//! Use cases about servers themselves and the keys that they hold, for their administrators.

use std::sync::Arc;

use crate::access::Permit;
use crate::admission::Load;
use crate::error::{Error, Result};
use crate::execution::Executions;
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::server::{Facts, KeyRepository, ServerFacts, WrappingKey, actions};
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    facts: Arc<dyn ServerFacts>,
    executions: Executions,
    keys: Arc<dyn KeyRepository>,
}

impl Servers {
    /// Wires the use cases to their ports.
    pub fn new(facts: Arc<dyn ServerFacts>, executions: Executions, keys: Arc<dyn KeyRepository>) -> Self {
        Servers { facts, executions, keys }
    }

    /// The facts about this server, and how many executions run and wait on it.
    pub fn get(&self, _permit: &Permit<actions::GetServerInfo>) -> (Facts, Load) {
        (self.facts.facts(), self.executions.load_now())
    }

    /// The keys that wrap data keys, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keys(&self, _permit: &Permit<actions::GetKeyStatus>) -> Result<Vec<WrappingKey>> {
        self.keys.wrapping_keys().await
    }

    /// Has a new key wrap all data keys, and answers its id.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a request that cannot be remembered; those of the store, after which the rotation may have begun.
    pub async fn rotate_keys(
        &self,
        _permit: &Permit<actions::RotateKeys>,
        request: Option<RequestKey>,
        violations: Vec<Violation>,
    ) -> Result<String> {
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        once(|| self.rotated(request.as_ref()), self.rotate(request.as_ref())).await
    }

    /// Goes on with a rotation that was cut off; see [`KeyRepository::go_on_rotating`].
    ///
    /// # Errors
    /// Those of the store; what is left is gone on with by the next call.
    pub async fn go_on_rotating(&self) -> Result<u64> {
        self.keys.go_on_rotating().await
    }

    async fn rotate(&self, request: Option<&RequestKey>) -> Result<String> {
        made(self.keys.rotate(request).await?)
    }

    async fn rotated(&self, request: Option<&RequestKey>) -> Result<Option<String>> {
        let Some(request) = request else { return Ok(None) };
        self.keys.find_rotation(request).await?.map(made).transpose()
    }
}

fn made(committed: Committed<String>) -> Result<String> {
    match committed {
        Committed::Answered(id) => Ok(*id),
        Committed::KeyReused => Err(key_reused()),
        Committed::Stored | Committed::Conflict | Committed::Removed { .. } => {
            Err(Error::Internal { context: "a store has answered a rotation of keys with something else than a key", source: None })
        }
    }
}
