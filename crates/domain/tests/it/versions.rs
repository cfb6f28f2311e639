//! Which changes of a utility make a version.

use domain::hash::Hash;
use domain::sandbox::Isolation;
use domain::utility::{Call, Patch, UtilityRepository as _};
use test_support::sample;

use crate::world::{World, name};

#[tokio::test]
async fn a_stored_hash_of_an_older_formula_makes_no_version_where_nothing_changes() {
    let world = World::new();
    let scope = sample::scope("acme");
    let older = Hash::from_bytes([7; 32]);
    let mut creation = sample::creation(sample::utility(&scope, "some"));
    creation.utility.content_hash = older;
    creation.new_version.as_mut().unwrap().head.content_hash = older;
    world.stored.commit(&scope, creation).await.unwrap();
    let update = async |patch| world.utilities.update(&world.permit(name("some")).await, patch, Call::default()).await.unwrap();

    let (unchanged, version) = update(Patch::default()).await;
    assert_eq!((unchanged.revision.as_u64(), version.number, version.content_hash), (1, 1, older));
    let (tagged, version) = update(Patch { tags: Some(vec!["new".to_owned()]), ..Patch::default() }).await;
    assert_eq!((version.number, tagged.latest_version, tagged.content_hash), (1, 1, older), "it stays its current version's");
    let isolation = if tagged.definition.isolation == Isolation::SingleUse { Isolation::TenantWarm } else { Isolation::SingleUse };
    let (moved, version) = update(Patch { isolation: Some(isolation), ..Patch::default() }).await;
    assert_eq!((version.number, moved.content_hash), (2, version.definition.content_hash(&version.code)));
}
