//! A cluster of three masters with a replica each.

use domain::utility::UtilityRepository as _;
use test_support::RedisCluster;
use test_support::sample::{change, creation, tenant, utility};

use super::{World, limits};
use crate::second::Place;

#[test]
fn everything_of_a_tenant_lies_in_one_slot() {
    let slot = |tenant_code: &str, area: &str, name: &str| {
        let place = Place::new(&tenant(tenant_code), area, name);
        assert!(place.key.starts_with(&format!("zona:{{{tenant_code}}}:{area}:")), "{}", place.key);
        fred::util::redis_keyslot(place.key.as_bytes())
    };
    let acme = slot("acme", "utilities", "extract");
    for (area, name) in [("utilities", "other"), ("versions", "extract:7"), ("versions", "a{b}c")] {
        assert_eq!(slot("acme", area, name), acme);
    }
    assert_ne!(slot("beta", "utilities", "extract"), acme);
}

#[tokio::test]
async fn a_cluster_is_read_written_and_listened_to_whichever_node_is_asked() {
    let cluster = RedisCluster::start();
    let world = World::new(&cluster.url(), &[true, true]);
    let mut held = utility(&world.acme, "extract");
    let first = world.made_by(0);
    first.commit(&world.acme, creation(held.clone())).await.unwrap();
    world
        .until(async |world| {
            assert_eq!(world.current(0, "extract").await.as_ref(), Some(&held));
            world.nodes[1].cache.forget_first();
            world.nodes[0].cache.forget_first();
            assert!(world.current(1, "extract").await.is_some());
            world.nodes[1].cache.stats().second.hits > 0
        })
        .await;
    world
        .until(async |world| {
            let next = change(&held, held.clone());
            first.commit(&world.acme, next.clone()).await.unwrap();
            held = next.utility;
            world.nodes[1].cache.stats().news.heard > 0
        })
        .await;
    limits::check_two_servers_together(&cluster.url()).await;
}
