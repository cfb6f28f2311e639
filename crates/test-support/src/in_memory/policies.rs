//! Code policies in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::change::{ChangeListener, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::name::TenantId;
use domain::revision::Revision;

use crate::Faults;

/// The policies of all tenants.
#[derive(Default)]
pub struct InMemoryCodePolicyRepository {
    policies: Mutex<HashMap<TenantId, CodePolicy>>,
    listener: Option<Arc<dyn ChangeListener>>,
    faults: Faults,
}

impl InMemoryCodePolicyRepository {
    /// The repository, telling `listener` of each change.
    #[must_use]
    pub fn telling(self, listener: Arc<dyn ChangeListener>) -> Self {
        InMemoryCodePolicyRepository { listener: Some(listener), ..self }
    }

    fn replace(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> bool {
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let found = policies.get(scope.tenant()).map_or(Revision::NONE, |policy| policy.revision);
        if found == expected {
            policies.insert(scope.tenant().clone(), policy.clone());
        }
        found == expected
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

#[async_trait]
impl CodePolicyRepository for InMemoryCodePolicyRepository {
    async fn find(&self, scope: &TenantScope) -> Result<Found<CodePolicy>> {
        self.faults.check("find")?;
        Ok(Found::of(self.policies.lock().unwrap_or_else(PoisonError::into_inner).get(scope.tenant()).cloned()))
    }

    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> Result<bool> {
        self.faults.check("commit")?;
        let changed = self.replace(scope, expected, policy);
        if let Some(listener) = &self.listener {
            listener.changed(&Changed::CodePolicy { tenant: scope.tenant().clone() }).await;
        }
        Ok(changed)
    }
}
