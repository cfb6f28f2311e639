//! What every `PlatformRepository` promises. Each check wants an empty repository.

use std::collections::BTreeMap;

use domain::hash::Hash;
use domain::process::{
    Asked, Desired, Failure, IntegrationOverride, IntegrationsWanted, KEPT_REVISIONS, Notation, Outcome, Override, PlatformRepository,
    PlatformRevision, PortHolder, Sighting, Standing,
};
use domain::request::{Committed, RequestKey};

use crate::sample::{at, user};

/// Makes one test of each check. `$make` is an expression that dereferences to a `PlatformRepository`.
#[macro_export]
macro_rules! platform_repository_contract {
    ($make:expr) => {
        $crate::platform_repository_contract! { $make;
            a_revision_survives_whole,
            a_revision_follows_the_newest_only,
            the_newest_number_is_known_without_reading_it,
            a_revision_is_settled_once,
            what_has_failed_gives_way_to_what_a_later_attempt_comes_to,
            old_revisions_go_but_for_the_newest_that_was_reached,
            what_was_told_is_known_until_it_is_removed,
            a_remembered_request_is_answered_with_its_revision_as_it_is_now,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::platform_repository::$check(&*repository).await;
        })*
    };
}

fn revision(number: u64) -> PlatformRevision {
    PlatformRevision {
        desired: Desired {
            revision: number,
            manifest: format!("name: shop-{number}").into(),
            notation: Notation::Yaml,
            environment: None,
            overrides: BTreeMap::new(),
            integrations: IntegrationsWanted::default(),
        },
        asked: Asked::Apply,
        author: user("ann"),
        created: at(7),
        standing: Standing::UnderWay,
    }
}

fn failure() -> Failure {
    Failure {
        service: "web".to_owned(),
        step: "wait until healthy".to_owned(),
        message: "it ended with 1".to_owned(),
        log: vec!["no config".to_owned()],
        left: vec!["api".to_owned()],
    }
}

async fn stored(repository: &dyn PlatformRepository, revision: &PlatformRevision) {
    assert_eq!(repository.add(revision, None).await.expect("the store answers"), Committed::Stored);
}

async fn newest(repository: &dyn PlatformRepository) -> Option<PlatformRevision> {
    repository.newest().await.expect("the store answers")
}

async fn reached(repository: &dyn PlatformRepository) -> Option<u64> {
    repository.reached().await.expect("the store answers").map(|revision| revision.desired.revision)
}

/// Every field comes back.
pub async fn a_revision_survives_whole(repository: &dyn PlatformRepository) {
    assert_eq!(newest(repository).await, None);
    let parameters = BTreeMap::from([("HOST".to_owned(), "mail.example".to_owned())]);
    let integrations = IntegrationsWanted {
        overrides: BTreeMap::from([(7, IntegrationOverride { enabled: Some(true), parameters }), (9, IntegrationOverride::default())]),
        leases: BTreeMap::from([(PortHolder { integration_id: 7, port: "http".to_owned() }, 2_001)]),
    };
    let full = |number, asked, outcome| {
        let overrides = BTreeMap::from([
            ("web".to_owned(), Override { enabled: Some(false), replicas: Some(3), restarts: 2 }),
            ("db".to_owned(), Override::default()),
        ]);
        let desired = Desired {
            notation: Notation::Json,
            environment: Some("production".to_owned()),
            overrides,
            integrations: integrations.clone(),
            ..revision(number).desired
        };
        PlatformRevision { desired, asked, standing: Standing::Ended(outcome, at(9)), ..revision(number) }
    };
    let all = [
        (Asked::Start("web".to_owned()), Outcome::Reached),
        (Asked::Stop("web".to_owned()), Outcome::RolledBack(failure())),
        (Asked::Restart("web".to_owned()), Outcome::Failed(failure())),
        (Asked::Scale("web".to_owned(), 3), Outcome::Superseded),
        (Asked::StartIntegration(7), Outcome::Superseded),
        (Asked::StopIntegration(7), Outcome::Superseded),
    ];
    for (number, (asked, outcome)) in (1..).zip(all) {
        let revision = full(number, asked, outcome);
        stored(repository, &revision).await;
        assert_eq!(newest(repository).await, Some(revision));
    }
    assert_eq!(reached(repository).await, Some(1));
}

/// It grows with each revision.
pub async fn the_newest_number_is_known_without_reading_it(repository: &dyn PlatformRepository) {
    for number in 0..3 {
        assert_eq!(repository.last().await.expect("the store answers"), number);
        stored(repository, &revision(number + 1)).await;
    }
}

/// Of two that follow the same one, one is stored.
pub async fn a_revision_follows_the_newest_only(repository: &dyn PlatformRepository) {
    let add = async |number| repository.add(&revision(number), None).await.expect("the store answers");
    assert_eq!(add(2).await, Committed::Conflict, "there is no first");
    assert_eq!(add(1).await, Committed::Stored);
    assert_eq!(add(1).await, Committed::Conflict);
    assert_eq!(add(3).await, Committed::Conflict);
    assert_eq!(add(2).await, Committed::Stored);
    assert_eq!(newest(repository).await, Some(revision(2)));
}

/// What was reached or taken back stays so.
pub async fn a_revision_is_settled_once(repository: &dyn PlatformRepository) {
    stored(repository, &revision(1)).await;
    assert_eq!(reached(repository).await, None);
    let settle = async |number, outcome: &Outcome, time| repository.settle(number, outcome, at(time)).await.expect("the store answers");
    assert!(!settle(2, &Outcome::Reached, 8).await, "there is none");
    assert!(settle(1, &Outcome::Reached, 8).await);
    assert!(!settle(1, &Outcome::Failed(failure()), 9).await);
    let settled = PlatformRevision { standing: Standing::Ended(Outcome::Reached, at(8)), ..revision(1) };
    assert_eq!(newest(repository).await, Some(settled));
    stored(repository, &revision(2)).await;
    assert!(settle(2, &Outcome::RolledBack(failure()), 9).await);
    assert_eq!(reached(repository).await, Some(1), "what was taken back was not reached");
}

/// A server that begins tries again what has failed, and what is left to a newer revision that was taken back.
pub async fn what_has_failed_gives_way_to_what_a_later_attempt_comes_to(repository: &dyn PlatformRepository) {
    let settle = async |number, outcome: &Outcome, time| repository.settle(number, outcome, at(time)).await.expect("the store answers");
    let standing = async || newest(repository).await.map(|revision| revision.standing);
    stored(repository, &revision(1)).await;
    assert!(settle(1, &Outcome::Failed(failure()), 8).await);
    assert!(!settle(1, &Outcome::Superseded, 9).await, "why it failed is not forgotten");
    assert_eq!(standing().await, Some(Standing::Ended(Outcome::Failed(failure()), at(8))));
    assert!(settle(1, &Outcome::Reached, 9).await);
    assert_eq!((standing().await, reached(repository).await), (Some(Standing::Ended(Outcome::Reached, at(9))), Some(1)));
    stored(repository, &revision(2)).await;
    assert!(settle(2, &Outcome::Superseded, 10).await);
    assert!(settle(2, &Outcome::RolledBack(failure()), 11).await);
    assert!(!settle(2, &Outcome::Reached, 12).await);
    assert_eq!(standing().await, Some(Standing::Ended(Outcome::RolledBack(failure()), at(11))));
}

/// What everything is taken back to is there however long ago it was reached.
pub async fn old_revisions_go_but_for_the_newest_that_was_reached(repository: &dyn PlatformRepository) {
    for number in 1..=2 {
        stored(repository, &revision(number)).await;
        assert!(repository.settle(number, &Outcome::Reached, at(8)).await.expect("the store answers"));
    }
    for number in 3..=KEPT_REVISIONS + 3 {
        stored(repository, &revision(number)).await;
    }
    assert_eq!(reached(repository).await, Some(2));
    let settle = async |number| repository.settle(number, &Outcome::Superseded, at(9)).await.expect("the store answers");
    assert!(!settle(3).await, "it is gone");
    assert!(settle(4).await);
}

/// A repetition finds what its first request made, as that is by now.
pub async fn a_remembered_request_is_answered_with_its_revision_as_it_is_now(repository: &dyn PlatformRepository) {
    let key =
        |body: u8| RequestKey { method: "ApplyManifest", caller: user("ann"), id: "7".to_owned(), body: Hash::from_bytes([body; 32]) };
    let find = async |key: &RequestKey| repository.find_answer(key).await.expect("the store answers");
    assert_eq!(find(&key(1)).await, None);
    assert_eq!(repository.add(&revision(1), Some(&key(1))).await.expect("the store answers"), Committed::Stored);
    assert_eq!(find(&key(2)).await, Some(Committed::KeyReused));
    assert!(repository.settle(1, &Outcome::Reached, at(8)).await.expect("the store answers"));
    let now = PlatformRevision { standing: Standing::Ended(Outcome::Reached, at(8)), ..revision(1) };
    assert_eq!(find(&key(1)).await, Some(Committed::Answered(Box::new(now.clone()))));
    let again = repository.add(&revision(2), Some(&key(1))).await.expect("the store answers");
    assert_eq!(again, Committed::Answered(Box::new(now)), "nothing is stored twice");
    assert_eq!(newest(repository).await.map(|revision| revision.desired.revision), Some(1));
}

/// The same is told once, and what was removed is as if it had never been there.
pub async fn what_was_told_is_known_until_it_is_removed(repository: &dyn PlatformRepository) {
    let tell = async |sighting: &Sighting| repository.tell(sighting, at(8)).await.expect("the store answers");
    let told = async || repository.told().await.expect("the store answers");
    let (db, web) = (Sighting::of_service("db", "running", false, 1), Sighting::of_service("web", "starting", false, 1));
    for (sighting, is_told) in [(&web, true), (&web, false), (&db, true), (&Sighting { revision: 2, ..web.clone() }, false)] {
        assert_eq!(tell(sighting).await, is_told, "{sighting:?}");
    }
    assert_eq!(told().await, [db.clone(), web.clone()]);
    let given_up = Sighting::of_service("web", "failed", true, 3);
    assert!(tell(&given_up).await && !tell(&given_up).await);
    assert!(tell(&db.clone().removed(4)).await && !tell(&db.removed(4)).await);
    assert_eq!(told().await, [given_up]);
}
