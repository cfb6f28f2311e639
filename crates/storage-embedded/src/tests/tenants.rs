//! The password of a tenant's database: sealed where it is stored, and told by nobody.

use std::fs;

use domain::execution::{Bounds, ExecutionRepository as _};
use domain::identity::Secret;
use domain::page::PageRequest;
use domain::request::Committed;
use domain::tenant::{Listed, Tenant, TenantChange, TenantQuery, TenantRepository, TenantStates as _, Unreadable};
use keys::Place;
use rusqlite::Connection;
use test_support::sample::{at, scope, tenant};

use super::Scratch;
use super::retention::ran;
use crate::error::during;

/// A text that stands nowhere else.
const PASSWORD: &str = "plumbus-and-fleeb-juice";

async fn sealed(store: &Scratch, code: &str) -> Option<Vec<u8>> {
    let code = code.to_owned();
    let read = move |connection: &Connection| {
        let query = "SELECT db_password FROM tenants WHERE code = ?1";
        connection.query_row(query, [code], |row| row.get(0)).map_err(during("reading a password"))
    };
    store.read(read).await.unwrap()
}

async fn opens(store: &Scratch, code: &str, field: &'static str, sealed: Vec<u8>) -> Option<String> {
    let (vault, code) = (store.vault(), tenant(code));
    let open = move |connection: &Connection| {
        let place = Place { tenant: code.as_str(), collection: "tenants", id: "", field };
        Ok(vault.open_of_tenant(connection, &code, "tenants", place, &sealed).ok())
    };
    store.read(open).await.unwrap().map(|text| String::from_utf8(text.to_vec()).unwrap())
}

#[tokio::test]
async fn the_password_of_a_database_stands_in_no_file_in_plain_text_and_opens_only_where_it_was_sealed() {
    let store = Scratch::new();
    let mut made = Vec::new();
    for code in ["acme", "beta"] {
        let new = Tenant::new(tenant(code), at(1));
        let Committed::Answered(tenant) = store.create(&scope("system"), new, Some(Secret::new(PASSWORD)), None).await.unwrap() else {
            panic!("it is not answered")
        };
        made.push(*tenant);
    }
    let of_acme = sealed(&store, "acme").await.expect("it is kept");
    assert_ne!(sealed(&store, "beta").await.as_ref(), Some(&of_acme), "each is sealed by its tenant's key");
    assert_eq!(opens(&store, "acme", "db_password", of_acme.clone()).await.as_deref(), Some(PASSWORD));
    assert_eq!(opens(&store, "beta", "db_password", of_acme.clone()).await, None);
    assert_eq!(opens(&store, "acme", "db_host", of_acme.clone()).await, None);
    let change = |tenant: &Tenant, db_password| {
        let expected = tenant.revision;
        TenantChange { expected, tenant: Tenant { revision: expected.next(), ..tenant.clone() }, db_password, shreds: false, request: None }
    };
    store.commit(&scope("acme"), change(&made[0], None)).await.unwrap();
    assert_eq!(sealed(&store, "acme").await, Some(of_acme), "it stays as it is");
    store.commit(&scope("beta"), change(&made[1], Some(Secret::new("")))).await.unwrap();
    assert_eq!(sealed(&store, "beta").await, None);
    let holds = |path: &std::path::Path| fs::read(path).unwrap().windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes());
    let files: Vec<_> = fs::read_dir(store.directory.path().join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2 && !files.iter().filter(|path| path.is_file()).any(|path| holds(path)), "{files:?}");
}

#[tokio::test]
async fn tenants_that_cannot_be_read_hide_no_other_and_are_listed_as_far_as_they_can() {
    let store = Scratch::new();
    store.ensure(&["a", "b", "c", "d", "e"].map(tenant), at(1)).await.unwrap();
    let damage = |connection: &Connection| {
        let sql = "UPDATE tenants SET document = '{\"display_name\":' WHERE code = 'b'; \
                   UPDATE tenants SET document = CAST(x'ff' AS TEXT), state = 'gone' WHERE code = 'c'; \
                   UPDATE tenants SET code = 'No Code' WHERE code = 'd'";
        connection.execute_batch(sql).map_err(during("damaging tenants"))
    };
    store.write(damage).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = TenantRepository::list(&*store, TenantQuery::default(), &PageRequest { size: 1, after })
            .await
            .unwrap()
            .open_for_system()
            .unwrap();
        seen.extend(page.items.into_iter().map(|listed| match listed {
            Listed::Whole(tenant) => format!("{} {}", tenant.code, tenant.number),
            Listed::Unreadable(Unreadable { code, number, state }) => format!("{code} {number} {state:?}"),
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a 1", "b 2 Some(Active)", "c 3 None", "e 5"]);
    assert!(TenantRepository::find(&*store, &scope("b")).await.is_err(), "whoever asks for it alone is told");
    for (code, held) in [("a", false), ("b", true), ("c", true), ("e", false)] {
        assert_eq!(store.is_held(&tenant(code)).await.unwrap(), held, "{code}: what cannot be read may be held");
    }
    ran(&store, "a", 1, 5).await;
    ran(&store, "b", 2, 5).await;
    let bounds = Bounds { ended_before: at(9), max_output_bytes: u64::MAX, except: Vec::new() };
    assert_eq!(store.prune(&bounds).await.unwrap().executions, 1, "of others goes what is due, and of these nothing");
}
