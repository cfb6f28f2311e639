//! What every `LeaseRepository` promises, whatever the clocks of its callers show. Run all of it with
//! [`lease_repository_contract!`](crate::lease_repository_contract); each check wants an empty repository.

use std::time::Duration;

use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal};
use domain::time::Timestamp;

use crate::sample::at;
use crate::utility_repository::together;

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! lease_repository_contract {
    ($make:expr) => {
        $crate::lease_repository_contract!($make;
            a_free_lease_is_acquired_and_found,
            of_two_holders_the_second_waits_until_the_first_has_expired,
            of_many_that_want_an_expired_lease_one_gets_it,
            tokens_grow_over_all_leases_and_outlive_a_release,
            a_holder_that_was_paused_keeps_what_nobody_took_and_loses_what_somebody_did,
            a_clock_that_steps_back_shortens_nothing,
            a_clock_that_steps_forward_takes_a_lease_but_never_two_hold_one,
            a_released_lease_is_free_at_once_and_only_its_holder_releases_it,
            expired_leases_are_listed_oldest_first,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::lease_repository::$check(&*repository).await;
        }
    )+};
}

type Repository<'a> = &'a dyn LeaseRepository;

const TERM: Duration = Duration::from_millis(10_000);

/// What is answered is what is stored.
pub async fn a_free_lease_is_acquired_and_found(repository: Repository<'_>) {
    assert_eq!(repository.find(&name("a")).await.expect("found"), None);
    let lease = acquired(repository, "a", "a", at(0)).await;
    assert_eq!((&lease.name, lease.fence.holder.as_str(), lease.expires), (&name("a"), "a", at(10_000)));
    assert!(lease.fence.token > 0);
    assert_eq!(repository.find(&name("a")).await.expect("found"), Some(lease));
    assert_eq!(repository.find(&name("b")).await.expect("found"), None);
}

/// The second learns who holds it, and the first hears that it lost it.
pub async fn of_two_holders_the_second_waits_until_the_first_has_expired(repository: Repository<'_>) {
    let first = acquired(repository, "a", "a", at(0)).await;
    for time in [at(0), at(9_999)] {
        let answer = repository.acquire(&name("a"), &id("b"), time, TERM).await.expect("answered");
        assert_eq!(answer, Acquisition::Held(first.clone()));
    }
    let second = acquired(repository, "a", "b", at(10_000)).await;
    assert!(second.fence.token > first.fence.token);
    assert_eq!(renewed(repository, &name("a"), &first.fence, at(10_001)).await, Renewal::Lost);
    assert_eq!(repository.find(&name("a")).await.expect("found"), Some(second));
}

/// Acquisition compares and sets in one commit.
pub async fn of_many_that_want_an_expired_lease_one_gets_it(repository: Repository<'_>) {
    acquired(repository, "a", "a", at(0)).await;
    let (lease, holders) = (name("a"), ["b", "c", "d", "e"].map(id));
    let racing = holders.iter().map(|holder| repository.acquire(&lease, holder, at(10_000), TERM));
    let answers = together(racing.collect()).await.into_iter().map(|answer| answer.expect("answered"));
    let winners: Vec<Lease> =
        answers.filter_map(|answer| if let Acquisition::Acquired(lease) = answer { Some(lease) } else { None }).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(repository.find(&lease).await.expect("found").as_ref(), winners.first());
}

/// A token is never used twice, so a fence means one acquisition for ever.
pub async fn tokens_grow_over_all_leases_and_outlive_a_release(repository: Repository<'_>) {
    let mut last = 0;
    for round in 0..3 {
        for lease in ["a", "b"] {
            let acquired = acquired(repository, lease, lease, at(round)).await;
            assert!(acquired.fence.token > last, "{acquired:?} after {last}");
            last = acquired.fence.token;
            if round == 1 {
                repository.release(&name(lease), &acquired.fence).await.expect("released");
            }
        }
    }
}

/// To be late alone loses nothing; another's acquisition does.
pub async fn a_holder_that_was_paused_keeps_what_nobody_took_and_loses_what_somebody_did(repository: Repository<'_>) {
    let paused = acquired(repository, "a", "a", at(0)).await;
    let late = renewed(repository, &name("a"), &paused.fence, at(60_000)).await;
    let kept = Lease { expires: at(70_000), ..paused.clone() };
    assert_eq!(late, Renewal::Renewed(kept.clone()));
    assert_eq!(repository.find(&name("a")).await.expect("found"), Some(kept));

    let taken = acquired(repository, "a", "b", at(70_000)).await;
    assert_eq!(renewed(repository, &name("a"), &paused.fence, at(70_001)).await, Renewal::Lost);
    assert_eq!(repository.find(&name("a")).await.expect("found"), Some(taken));
}

/// A holder whose clock went back still holds for as long as it was promised to.
pub async fn a_clock_that_steps_back_shortens_nothing(repository: Repository<'_>) {
    let lease = acquired(repository, "a", "a", at(60_000)).await;
    assert_eq!(renewed(repository, &name("a"), &lease.fence, at(1_000)).await, Renewal::Renewed(lease.clone()));
    let answer = repository.acquire(&name("a"), &id("b"), at(69_999), TERM).await.expect("answered");
    assert_eq!(answer, Acquisition::Held(lease));
}

/// The holder of the right clock loses the lease, and knows.
pub async fn a_clock_that_steps_forward_takes_a_lease_but_never_two_hold_one(repository: Repository<'_>) {
    let first = acquired(repository, "a", "a", at(0)).await;
    let ahead = acquired(repository, "a", "b", at(3_600_000)).await;
    assert_eq!(renewed(repository, &name("a"), &first.fence, at(3_000)).await, Renewal::Lost);
    let answer = repository.acquire(&name("a"), &id("a"), at(3_000), TERM).await.expect("answered");
    assert_eq!(answer, Acquisition::Held(ahead));
}

/// A release by somebody who lost it before does nothing.
pub async fn a_released_lease_is_free_at_once_and_only_its_holder_releases_it(repository: Repository<'_>) {
    let first = acquired(repository, "a", "a", at(0)).await;
    let second = acquired(repository, "a", "b", at(10_000)).await;
    repository.release(&name("a"), &first.fence).await.expect("answered");
    assert_eq!(repository.find(&name("a")).await.expect("found"), Some(second.clone()));
    repository.release(&name("a"), &second.fence).await.expect("released");
    assert_eq!(repository.find(&name("a")).await.expect("found"), None);
    assert_eq!(renewed(repository, &name("a"), &second.fence, at(10_001)).await, Renewal::Lost);
    acquired(repository, "a", "c", at(10_001)).await;
}

/// A lease in force is not among them.
pub async fn expired_leases_are_listed_oldest_first(repository: Repository<'_>) {
    for (lease, time) in [("c", 300), ("a", 100), ("d", 400), ("b", 200)] {
        acquired(repository, lease, lease, at(time)).await;
    }
    let expired = async |now: Timestamp, limit| {
        let found = repository.expired(now, limit).await.expect("listed");
        found.into_iter().map(|lease| lease.fence.holder.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(expired(at(10_099), 9).await, Vec::<String>::new());
    assert_eq!(expired(at(10_300), 9).await, ["a", "b", "c"]);
    assert_eq!(expired(at(10_300), 2).await, ["a", "b"]);
}

fn id(instance: &str) -> InstanceId {
    InstanceId::new(instance)
}

fn name(instance: &str) -> LeaseName {
    LeaseName::of_instance(&id(instance))
}

async fn acquired(repository: Repository<'_>, lease: &str, holder: &str, now: Timestamp) -> Lease {
    match repository.acquire(&name(lease), &id(holder), now, TERM).await.expect("answered") {
        Acquisition::Acquired(lease) => lease,
        Acquisition::Held(by) => panic!("`{lease}` is held: {by:?}"),
    }
}

async fn renewed(repository: Repository<'_>, name: &LeaseName, fence: &Fence, now: Timestamp) -> Renewal {
    repository.renew(name, fence, now, TERM).await.expect("answered")
}
