//! The lease of whoever acts outside of the store: at no moment two hold it, and what is under way ends before it is given away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal, TERM, Tenure};
use domain::time::Timestamp;
use test_support::{FakeClock, InMemoryExecutionRepository, TokioSpawner};

struct Two {
    clock: Arc<FakeClock>,
    leases: Arc<InMemoryExecutionRepository>,
    tenures: [Arc<Tenure>; 2],
}

/// Leases of a store that answers renewals only when the time is over in which whoever asks may act.
struct Slow {
    clock: Arc<FakeClock>,
    inner: Arc<InMemoryExecutionRepository>,
}

#[async_trait]
impl LeaseRepository for Slow {
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> Result<Acquisition> {
        self.inner.acquire(name, holder, now, term).await
    }
    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> Result<Renewal> {
        let renewed = self.inner.renew(name, fence, now, term).await;
        self.clock.advance(term / 3);
        renewed
    }
    async fn release(&self, name: &LeaseName, fence: &Fence) -> Result<()> {
        self.inner.release(name, fence).await
    }
    async fn find(&self, name: &LeaseName) -> Result<Option<Lease>> {
        self.inner.find(name).await
    }
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<Lease>> {
        self.inner.expired(now, limit).await
    }
}

fn two() -> Two {
    let clock = Arc::new(FakeClock::default());
    let leases = Arc::new(InMemoryExecutionRepository::new(clock.clone()));
    let tenure = |name: &str| Arc::new(Tenure::of_job("test", leases.clone(), clock.clone(), InstanceId::new(name)));
    let tenures = [tenure("a"), tenure("b")];
    Two { clock, leases, tenures }
}

#[tokio::test]
async fn whoever_cannot_renew_may_not_act_any_more_a_third_of_a_term_before_another_one_may() {
    let Two { clock, leases, tenures: [a, b] } = two();
    let first = a.keep().await.unwrap().expect("nobody has it");
    let acting = a.act().expect("it has the lease");
    leases.faults().fail_always("renew");
    let mut nobody = Duration::ZERO;
    for seconds in 1..=TERM.as_secs() {
        clock.advance(Duration::from_secs(1));
        if a.act().is_some() {
            // A store that does not answer takes nothing away.
            assert_eq!(a.keep().await.is_err(), Duration::from_secs(seconds) >= TERM / 3);
            assert_eq!(acting.left(), Some(TERM - TERM / 3 - Duration::from_secs(seconds)));
        }
        match b.keep().await.unwrap() {
            Some(second) => assert!(second.token > first.token && seconds == TERM.as_secs()),
            None if a.act().is_none() => nobody += Duration::from_secs(1),
            None => {}
        }
    }
    assert_eq!(acting.left(), None);
    assert_eq!(nobody, TERM / 3, "the last part of a term is nobody's");
    assert!(a.act().is_none() && b.act().is_some());
}

#[tokio::test]
async fn what_has_lapsed_is_acquired_under_a_new_token_though_nobody_else_had_it() {
    let Two { clock, tenures: [a, _], .. } = two();
    let first = a.keep().await.unwrap().unwrap();
    let acting = a.act().unwrap();
    clock.advance(TERM / 3);
    assert_eq!(a.keep().await.unwrap(), Some(first.clone()), "it is renewed");
    assert_eq!(acting.left(), Some(TERM - TERM / 3));
    clock.advance(TERM - TERM / 3);
    assert_eq!((a.fence(), acting.left()), (None, None));
    let second = a.keep().await.unwrap().unwrap();
    assert!(second.token > first.token && a.is_held_by(&second) && !a.is_held_by(&first));
    assert_eq!(acting.left(), None, "what was begun under the first one does not go on under the second");
}

#[tokio::test]
async fn a_renewal_that_is_answered_when_the_lease_has_lapsed_revives_nothing() {
    let Two { clock, leases, .. } = two();
    let slow = Arc::new(Slow { clock: clock.clone(), inner: leases });
    let tenure = Arc::new(Tenure::of_job("test", slow, clock.clone(), InstanceId::new("a")));
    let first = tenure.keep().await.unwrap().unwrap();
    let acting = tenure.act().unwrap();
    clock.advance(TERM / 3);
    assert_eq!(tenure.keep().await.unwrap(), None, "what was under way was given up before the answer");
    assert_eq!((tenure.fence(), acting.left()), (None, None));
    let second = tenure.keep().await.unwrap().expect("it is its holder's");
    assert!(second.token > first.token);
    assert_eq!(acting.left(), None);
}

#[tokio::test]
async fn a_lease_is_given_up_once_nothing_is_under_way_or_ends_by_itself() {
    let Two { clock, tenures: [a, b], .. } = two();
    a.keep().await.unwrap().unwrap();
    a.release().await.unwrap();
    assert!(b.keep().await.unwrap().is_some(), "at once");

    let acting = b.act().unwrap();
    let spawner = TokioSpawner::current();
    let releasing = b.clone();
    domain::work::Spawner::spawn(&spawner, "release", Box::pin(async move { releasing.release().await.unwrap() }));
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(b.act().is_none(), "nothing is begun any more");
    assert_eq!(a.keep().await.unwrap(), None, "something is under way");
    while !spawner.running().is_empty() {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    assert_eq!(a.keep().await.unwrap(), None, "it was waited for in vain");
    drop(acting);
    clock.advance(TERM);
    assert!(a.keep().await.unwrap().is_some());
}
