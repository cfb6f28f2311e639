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
    /// [`Error::Invalid`] for a request that cannot be remembered; [`Error::Precondition`] while another rotation runs; those of the store,
    /// after which the rotation may have begun.
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
        Committed::Conflict => Err(rotation_runs()),
        Committed::Stored | Committed::Removed { .. } => {
            Err(Error::Internal { context: "a store has answered a rotation of keys with something else than a key", source: None })
        }
    }
}

/// A second key would make the work of the first one be done again.
fn rotation_runs() -> Error {
    Error::Precondition {
        reason: "ROTATION_RUNS",
        subject: "keys".to_owned(),
        description: "a rotation has begun and is not done: its key does not wrap every data key yet; the server goes on with it by \
                      itself, so repeat that request, or ask again once the keys before the newest wrap nothing"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_that_is_asked_for_while_another_runs_says_so() {
        let refused = made(Committed::Conflict).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (crate::ErrorKind::Precondition, "ROTATION_RUNS"));
    }
}
