//! The one place that issues permits.

use std::sync::Arc;

use crate::access::{Action, Caller, Permit, Rules, Target, Targeted as _};
use crate::error::{Error, Result};

/// Asks the rules, and issues permits. Cheap to clone.
#[derive(Clone)]
pub struct AccessPolicy {
    rules: Arc<dyn Rules>,
}

impl AccessPolicy {
    /// A policy with these rules.
    pub fn new(rules: Arc<dyn Rules>) -> Self {
        AccessPolicy { rules }
    }

    /// Demands that `caller` may do `A` to `target`.
    ///
    /// # Errors
    /// [`Error::Denied`], the same whether the target exists or not.
    pub async fn require<A: Action>(&self, caller: &Caller, target: A::Target) -> Result<Permit<A>> {
        match self.rules.decide(caller, A::SPEC, target.target()).await? {
            Some(reach) => Ok(Permit::new(caller.clone(), target, reach)),
            None => Err(Error::Denied { action: A::SPEC.name, resource: named(A::SPEC.resource, target.target()) }),
        }
    }
}

/// What a refusal names: what belongs to the installation has no name but its kind.
fn named(kind: &str, target: Target<'_>) -> String {
    match target {
        Target::Installation => kind.to_owned(),
        named => named.to_string(),
    }
}
