//! The fakes keep the contracts.

use std::sync::Arc;
use std::time::Duration;

use domain::ErrorKind;
use domain::execution::ExecutionRepository;
use domain::id::IdSource;
use domain::request::Committed;
use domain::time::Clock;
use domain::work::Spawner;

use super::*;

mod utilities {
    crate::utility_repository_contract!(Box::new(crate::InMemoryUtilityRepository::default()));
}

mod reach {
    crate::utility_copies_contract!(Box::new(crate::InMemoryUtilityRepository::default()));
    crate::utility_reach_contract!(Box::new(crate::InMemoryUtilityRepository::default()));
}

mod policies {
    crate::code_policy_repository_contract!(Box::new(crate::InMemoryCodePolicyRepository::default()));
}

mod grants {
    crate::grant_repository_contract!(Box::new(crate::InMemoryGrantRepository::default()));
}

mod tenants {
    crate::tenant_repository_contract!(Box::new(crate::InMemoryTenants::default()));
}

mod executions {
    crate::execution_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod archive {
    crate::archive_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod fences {
    crate::execution_fences_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod queue {
    crate::execution_queue_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod schedules {
    crate::schedule_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod audit {
    crate::audit_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod events {
    use std::sync::Arc;

    use crate::event_repository::Stores;
    use crate::{FakeClock, InMemoryEvents, InMemoryExecutionRepository, InMemoryIdentity, InMemoryTenants, InMemoryUtilityRepository};

    struct Fakes {
        events: Arc<InMemoryEvents>,
        utilities: InMemoryUtilityRepository,
        executions: InMemoryExecutionRepository,
        identity: InMemoryIdentity,
        grants: Arc<crate::InMemoryGrantRepository>,
        tenants: InMemoryTenants,
        platform: crate::InMemoryPlatform,
        webhooks: crate::InMemoryWebhooks,
    }

    impl std::ops::Deref for Fakes {
        type Target = crate::InMemoryWebhooks;

        fn deref(&self) -> &crate::InMemoryWebhooks {
            &self.webhooks
        }
    }

    impl Fakes {
        fn new() -> Self {
            let events = Arc::new(InMemoryEvents::default());
            let identity = InMemoryIdentity::new(Arc::new(FakeClock::default())).noting(Arc::clone(&events));
            Fakes {
                utilities: InMemoryUtilityRepository::default().noting(Arc::clone(&events)),
                executions: InMemoryExecutionRepository::default().noting(Arc::clone(&events)),
                grants: identity.grants(),
                identity,
                tenants: InMemoryTenants::default().noting(Arc::clone(&events)),
                platform: crate::InMemoryPlatform::new(Arc::new(FakeClock::default())).noting(Arc::clone(&events)),
                webhooks: crate::InMemoryWebhooks::new(Arc::new(FakeClock::default()), Arc::clone(&events)),
                events,
            }
        }
    }

    impl<'a> From<&'a Fakes> for Stores<'a> {
        fn from(fakes: &'a Fakes) -> Self {
            let Fakes { events, utilities, executions, identity, grants, tenants, platform, webhooks: _ } = fakes;
            Stores {
                events: &**events,
                utilities,
                executions,
                grants: &**grants,
                principals: identity,
                subjects: identity,
                bootstrap: identity,
                tenants,
                platform,
            }
        }
    }

    crate::event_repository_contract!(Fakes::new());
    crate::webhook_repository_contract!(Fakes::new());
}

mod secrets {
    crate::secret_repository_contract!(Box::new(crate::InMemorySecrets::new(std::sync::Arc::new(crate::FakeClock::default()))));
}

mod platform_revisions {
    crate::platform_repository_contract!(Box::new(crate::InMemoryPlatform::new(std::sync::Arc::new(crate::FakeClock::default()))));
}

mod platform {
    use std::sync::Arc;

    use domain::process::Desired;

    use crate::{FakeClock, FakeManifests, FakePlatform};

    fn wanted(revision: u64, replicas: u32) -> Desired {
        let manifest = format!("web CORE {replicas} web:1").into();
        Desired { revision, manifest, ..Desired::default() }
    }

    crate::platform_contract!(Box::new(FakePlatform::new(Arc::new(FakeManifests), Arc::new(FakeClock::default()))), wanted);
}

mod leases {
    crate::lease_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod operations {
    crate::operation_repository_contract!(Box::new(crate::InMemoryExecutionRepository::default()));
}

mod signals {
    crate::signals_contract!(Box::new(crate::InMemorySignals::default()));
}

#[tokio::test]
async fn a_fake_fails_as_often_as_it_is_told_and_without_effect() {
    let executions = InMemoryExecutionRepository::default();
    let (acme, faults) = (sample::scope("acme"), executions.faults().clone());
    let one = sample::execution(&acme, 1);
    faults.fail_next("insert", 2);
    for failed in 1..=2 {
        let refused = executions.insert(&acme, &one, None, &[], None).await.unwrap_err();
        assert_eq!((refused.kind(), faults.failed("insert")), (ErrorKind::Unavailable, failed));
    }
    assert_eq!(executions.insert(&acme, &one, None, &[], None).await.unwrap(), Committed::Stored);
    faults.fail_always("save");
    for _ in 0..3 {
        executions.save(&acme, &sample::ended(&one, 5), &[]).await.unwrap_err();
    }
    faults.heal();
    assert_eq!(ExecutionRepository::find(&executions, &acme, &one.name.execution).await.unwrap().open_for_system(), Some(one));
    assert_eq!((faults.failed("save"), faults.failed("find")), (3, 0));
}

#[tokio::test]
async fn changes_are_told_before_they_are_answered() {
    let heard = Arc::new(HeardChanges::default());
    let utilities = InMemoryUtilityRepository::default().telling(heard.clone());
    let policies = InMemoryCodePolicyRepository::default().telling(heard.clone());
    let grants = InMemoryGrantRepository::default().telling(heard.clone());
    change_listener::changes_are_told_before_they_are_answered(&heard, &utilities, &policies, &grants).await;
}

#[tokio::test]
async fn a_change_is_answered_once_its_listener_has_heard() {
    let slow = Arc::new(change_listener::SlowListener::default());
    let utilities = InMemoryUtilityRepository::default().telling(slow.clone());
    change_listener::a_change_is_answered_once_its_listener_has_heard(&slow, &utilities).await;
}

#[tokio::test]
async fn answered_requests_are_forgotten_in_time() {
    let clock = Arc::new(FakeClock::default());
    let utilities = InMemoryUtilityRepository::new(clock.clone());
    utility_repository::an_answered_request_is_forgotten_in_time(&utilities, &|by| clock.advance(by)).await;
    let executions = InMemoryExecutionRepository::new(clock.clone());
    execution_repository::an_answered_request_is_forgotten_in_time(&executions, &|by| clock.advance(by)).await;
}

#[tokio::test]
async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
    let clock = Arc::new(FakeClock::default());
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep(Duration::from_secs(10)).await }
    });
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(9));
    tokio::task::yield_now().await;
    assert!(!sleeper.is_finished());
    clock.advance(Duration::from_secs(1));
    sleeper.await.unwrap();
    assert_eq!(clock.now().since(FakeClock::START), Duration::from_secs(10));
}

#[test]
fn execution_ids_ascend() {
    let ids = SequentialIds::default();
    let made: Vec<_> = (0..70_000).map(|_| ids.execution()).collect();
    assert!(made.is_sorted_by(|a, b| a < b));
    assert_ne!(ids.unique(), ids.unique());
}

#[tokio::test]
async fn settling_waits_for_work_that_work_spawned() {
    let spawner = Arc::new(TokioSpawner::current());
    let (done, finished) = tokio::sync::oneshot::channel();
    let inner = spawner.clone();
    spawner.spawn(
        "outer",
        Box::pin(async move {
            inner.spawn("inner", Box::pin(async move { done.send(()).expect("the test waits") }));
        }),
    );
    spawner.settle().await;
    assert_eq!((finished.await, spawner.running()), (Ok(()), vec![]));
}

mod identity {
    use super::*;

    crate::identity_repository_contract!(Arc::new(InMemoryIdentity::new(Arc::new(FakeClock::default()))));

    #[tokio::test]
    async fn a_principal_made_again_under_the_same_name_holds_nothing() {
        let store = InMemoryIdentity::new(Arc::new(FakeClock::default()));
        identity_repository::a_principal_made_again_under_the_same_name_holds_nothing(&store, &*store.grants()).await;
    }
}
