//! What repositories tell of changes: a listener that remembers, and what each repository promises it.

use std::sync::{Mutex, PoisonError};

use domain::change::{ChangeListener, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;
use domain::utility::{Utility, UtilityRepository};

use crate::sample::{at, change, creation, scope, utility, utility_id};

/// Remembers what it heard.
#[derive(Default)]
pub struct HeardChanges(Mutex<Vec<Changed>>);

impl HeardChanges {
    /// What it heard since it was last asked.
    pub fn take(&self) -> Vec<Changed> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ChangeListener for HeardChanges {
    fn changed(&self, what: &Changed) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.clone());
    }
}

/// Each kind of change has been heard when its answer is there.
pub async fn changes_are_told_before_they_are_answered(
    heard: &HeardChanges,
    utilities: &dyn UtilityRepository,
    policies: &dyn CodePolicyRepository,
) {
    let acme = scope("acme");
    let (tenant, id) = (acme.tenant().clone(), utility_id("extract"));
    let of_utility = [Changed::Utility { tenant: tenant.clone(), id: id.clone() }];

    let made = utility(&acme, "extract");
    utilities.commit(&acme, creation(made.clone())).await.expect("committed");
    assert_eq!(heard.take(), of_utility);
    utilities.commit(&acme, change(&made, Utility { deleted: Some(at(9)), ..made.clone() })).await.expect("committed");
    assert_eq!(heard.take(), of_utility);
    utilities.mark_compiled(&acme, &id, 1, "sha256:d").await.expect("marked");
    assert_eq!(heard.take(), [Changed::Version { tenant: tenant.clone(), id, number: 1 }]);
    let policy = CodePolicy { revision: Revision::FIRST, ..CodePolicy::default_of(tenant.clone()) };
    assert!(policies.commit(&acme, Revision::NONE, &policy).await.expect("committed"));
    assert_eq!(heard.take(), [Changed::CodePolicy { tenant }]);
}
