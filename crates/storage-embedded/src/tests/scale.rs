//! Many utilities of many tenants: pages are right, and their time is shown.

use std::time::{Duration, Instant};

use domain::access::TenantScope;
use domain::code::Kind;
use domain::name::UtilityId;
use domain::page::PageRequest;
use domain::utility::{Utility, UtilityOrder, UtilityQuery, UtilityRepository};
use rusqlite::Connection;
use test_support::sample::{at, creation, scope, user, utility};

use super::Scratch;
use crate::EmbeddedStore;
use crate::error::during;
use crate::utilities::insert_for_tests;

const TENANTS: u64 = 10;
const UTILITIES: u64 = 10_000;

fn sample(scope: &TenantScope, number: u64) -> Utility {
    let mut one = utility(scope, &format!("u-{number:05}"));
    one.created = at(number / 3);
    one.updated = at(UTILITIES - number);
    one.definition.kind = if number.is_multiple_of(100) { Kind::Script } else { Kind::Transformer };
    one.owner = user(if number.is_multiple_of(50) { "bob" } else { "ann" });
    one.metadata.tags = if number.is_multiple_of(1_000) { vec!["rare".to_owned()] } else { vec!["common".to_owned()] };
    one
}

/// Fills one tenant and copies it to the others.
async fn fill(store: &EmbeddedStore) {
    let first = scope("tenant-0");
    // Several writes, so that a busy machine keeps within the deadline of each.
    for from in (0..UTILITIES).step_by(500) {
        let (first, vault) = (first.clone(), store.vault());
        let fill = move |connection: &Connection| {
            (from..from + 500).try_for_each(|number| insert_for_tests(connection, &vault, &first, creation(sample(&first, number))))
        };
        store.write(fill).await.unwrap();
    }
    for tenant in 1..TENANTS {
        let copy = move |connection: &Connection| {
            let tenant = format!("tenant-{tenant}");
            let utilities = "INSERT INTO utilities SELECT ?1, id, kind, owner, deleted, created, updated, revision, latest_version, \
                 document FROM utilities WHERE tenant = 'tenant-0'";
            let tags = "INSERT INTO utility_tags SELECT ?1, tag, id, kind, owner, deleted, created, updated \
                 FROM utility_tags WHERE tenant = 'tenant-0'";
            connection.execute(utilities, [&tenant]).map_err(during("copying"))?;
            connection.execute(tags, [&tenant]).map_err(during("copying"))
        };
        store.write(copy).await.unwrap();
    }
}

/// Reads all pages; returns ids and the slowest page.
async fn walk(store: &EmbeddedStore, scope: &TenantScope, query: &UtilityQuery) -> (Vec<UtilityId>, Duration) {
    let (mut found, mut slowest, mut after) = (Vec::new(), Duration::ZERO, None);
    loop {
        let begun = Instant::now();
        let page = UtilityRepository::list(store, scope, query, &PageRequest { size: 200, after })
            .await
            .unwrap()
            .open_for_system()
            .expect("a page is always there");
        slowest = slowest.max(begun.elapsed());
        found.extend(page.items.into_iter().map(|one| one.name.utility));
        after = page.next;
        if after.is_none() {
            return (found, slowest);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_ten_thousand_utilities_join_to_the_whole() {
    let scratch = Scratch::new();
    fill(&scratch).await;
    let all = UtilityQuery::default();
    let cases = [
        (all.clone(), UTILITIES),
        (UtilityQuery { kind: Some(Kind::Script), ..all.clone() }, UTILITIES / 100),
        (UtilityQuery { owner: Some(user("bob")), ..all.clone() }, UTILITIES / 50),
        (UtilityQuery { tag: Some("rare".to_owned()), ..all.clone() }, UTILITIES / 1_000),
        (UtilityQuery { id_prefix: Some("u-012".to_owned()), ..all }, 100),
    ];
    for (query, count) in cases {
        for order in [UtilityOrder::Id, UtilityOrder::NewestFirst, UtilityOrder::LastChangedFirst] {
            let query = UtilityQuery { order, ..query.clone() };
            let (mut found, slowest) = walk(&scratch, &scope("tenant-3"), &query).await;
            println!("{count:>6} found, slowest page of 200: {slowest:>10.1?}  {query:?}");
            assert_eq!(found.len() as u64, count, "{query:?}");
            if order == UtilityOrder::Id {
                assert!(found.is_sorted());
            }
            found.sort();
            found.dedup();
            assert_eq!(found.len() as u64, count, "{query:?} repeats");
        }
    }
}
