//! What repositories tell of changes: a listener that remembers, and what each repository promises it.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::access::{Access, GrantRepository, Grantee};
use domain::change::{ChangeListener, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::request::Committed;
use domain::revision::Revision;
use domain::utility::{Utility, UtilityRepository};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::sync::Semaphore;

use crate::sample::{at, change, creation, grant, scope, user, utility, utility_id};

/// Remembers what it heard.
#[derive(Default)]
pub struct HeardChanges(Mutex<Vec<Changed>>);

impl HeardChanges {
    /// What it heard since it was last asked.
    pub fn take(&self) -> Vec<Changed> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl ChangeListener for HeardChanges {
    async fn changed(&self, what: &Changed) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.clone());
    }
}

/// Hears of a change, but says so only when it is let.
pub struct SlowListener {
    hears: Semaphore,
    may_return: Semaphore,
}

impl Default for SlowListener {
    fn default() -> Self {
        SlowListener { hears: Semaphore::new(0), may_return: Semaphore::new(0) }
    }
}

#[async_trait]
impl ChangeListener for SlowListener {
    async fn changed(&self, _what: &Changed) {
        self.hears.add_permits(1);
        self.may_return.acquire().await.expect("nobody closes it").forget();
    }
}

/// A change is stored, told, and only then answered.
pub async fn a_change_is_answered_once_its_listener_has_heard(slow: &SlowListener, utilities: &dyn UtilityRepository) {
    let (acme, id) = (scope("acme"), utility_id("extract"));
    let mut commit = utilities.commit(&acme, creation(utility(&acme, "extract")));
    match select(&mut commit, Box::pin(slow.hears.acquire())).await {
        Either::Left((answer, _)) => panic!("it was answered first: {answer:?}"),
        Either::Right((permit, _)) => permit.expect("nobody closes it").forget(),
    }
    assert!(utilities.find(&acme, &id).await.expect("found").open_for_system().is_some(), "it is stored");
    assert!((&mut commit).now_or_never().is_none(), "it is not answered");
    slow.may_return.add_permits(1);
    assert_eq!(commit.await.expect("committed"), Committed::Stored);
}

/// Each kind of change has been heard when its answer is there.
pub async fn changes_are_told_before_they_are_answered(
    heard: &HeardChanges,
    utilities: &dyn UtilityRepository,
    policies: &dyn CodePolicyRepository,
    grants: &dyn GrantRepository,
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
    assert_eq!(heard.take(), [Changed::CodePolicy { tenant: tenant.clone() }]);
    let one = grant("extract", Grantee::Principal(user("ann")), Access::Read);
    let of_grants = [Changed::Grants { tenant, grantee: one.grantee.to_string() }];
    grants.put(&acme, &one, at(9), None).await.expect("granted");
    assert_eq!(heard.take(), of_grants);
    grants.remove(&acme, &one, None).await.expect("taken back");
    assert_eq!(heard.take(), of_grants);
}
