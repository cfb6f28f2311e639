//! A server that begins goes on with what the platform shall be.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::process::{
    Asked, Desired, Failure, IntegrationsWanted, Notation, Outcome, PlatformPorts, PlatformRepository as _, PlatformRevision, Platforms,
    Standing,
};
use test_support::sample::{at, user};
use test_support::{FakeClock, FakeManifests, FakePlatform, InMemoryPlatform, TokioSpawner};

#[tokio::test]
async fn what_has_failed_is_reached_where_a_server_that_begins_has_it_made_so() {
    let clock = Arc::new(FakeClock::default());
    let (repository, spawner) = (Arc::new(InMemoryPlatform::new(clock.clone())), Arc::new(TokioSpawner::current()));
    let platforms = Platforms::new(PlatformPorts {
        manifests: Arc::new(FakeManifests),
        platform: Arc::new(FakePlatform::new(Arc::new(FakeManifests), clock.clone())),
        repository: repository.clone(),
        spawner: spawner.clone(),
        clock,
    });
    let desired = Desired {
        revision: 1,
        manifest: "web APP 1 web:1\n".into(),
        notation: Notation::Yaml,
        environment: None,
        overrides: BTreeMap::new(),
        integrations: IntegrationsWanted::default(),
    };
    let standing = Standing::Ended(Outcome::Failed(Failure::default()), at(8));
    let failed = PlatformRevision { desired, asked: Asked::Apply, author: user("ann"), created: at(7), standing };
    repository.add(&failed, None).await.unwrap();
    platforms.resume().await.unwrap();
    spawner.settle().await;
    let newest = repository.newest().await.unwrap().unwrap();
    assert!(matches!(newest.standing, Standing::Ended(Outcome::Reached, _)), "{newest:?}");
}
