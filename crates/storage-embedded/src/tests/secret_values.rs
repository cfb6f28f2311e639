//! Values of named secrets on disk: sealed for their place, and gone with the tenant's key.

use domain::ErrorKind;
use domain::identity::Secret;
use domain::request::Committed;
use domain::retention::{Due, RetentionStore as _};
use domain::secret::{NamedSecret, SecretChange, SecretRepository};
use domain::server::KeyRepository;
use domain::tenant::TenantState;
use rusqlite::{Connection, params};
use test_support::sample::scope;
use test_support::secret_repository::{change, creation, id, secret};

use super::Scratch;
use super::personal::holds;
use super::retention::{revision, turn};
use crate::error::during;

const VALUE: &str = "correct horse battery staple";

async fn stored(names: &[(&'static str, &'static str)]) -> Scratch {
    let store = Scratch::new();
    for (tenant, name) in names {
        let made = creation(&secret(tenant, name), VALUE);
        assert_eq!(SecretRepository::commit(&*store, &scope(tenant), made).await.unwrap(), Committed::Stored);
    }
    store
}

/// What became of opening it.
async fn opens(store: &Scratch, tenant: &str, name: &str) -> Result<Option<String>, ErrorKind> {
    let opened = store.open(&scope(tenant), &id(name)).await.map_err(|error| error.kind())?;
    Ok(opened.map(|(_, value)| value.expose().to_owned()))
}

async fn sealed(store: &Scratch, tenant: &'static str, name: &'static str) -> Vec<u8> {
    let query = "SELECT value FROM secrets WHERE tenant = ?1 AND id = ?2";
    let read = move |connection: &Connection| connection.query_row(query, [tenant, name], |row| row.get(0)).map_err(during("testing"));
    store.read(read).await.unwrap()
}

async fn overwrite(store: &Scratch, tenant: &'static str, name: &'static str, sealed: Vec<u8>) {
    let query = "UPDATE secrets SET value = ?3 WHERE tenant = ?1 AND id = ?2";
    let write = move |connection: &Connection| connection.execute(query, params![tenant, name, sealed]).map_err(during("testing"));
    assert_eq!(store.write(write).await.unwrap(), 1);
}

#[tokio::test]
async fn a_value_is_in_no_file_and_is_opened_in_no_other_row_and_not_once_it_is_damaged() {
    let store = stored(&[("acme", "a"), ("acme", "b"), ("beta", "a")]).await;
    assert!(!holds(store.directory.path(), VALUE));
    let own = sealed(&store, "acme", "a").await;
    assert_ne!(own, sealed(&store, "acme", "b").await, "equal values are not seen to be equal");
    for (tenant, name) in [("acme", "b"), ("beta", "a")] {
        let before = sealed(&store, tenant, name).await;
        overwrite(&store, tenant, name, own.clone()).await;
        assert_eq!(opens(&store, tenant, name).await, Err(ErrorKind::Internal), "{tenant}/{name}");
        overwrite(&store, tenant, name, before).await;
        assert_eq!(opens(&store, tenant, name).await, Ok(Some(VALUE.to_owned())));
    }
    for at in 0..own.len() {
        let mut damaged = own.clone();
        damaged[at] ^= 1;
        overwrite(&store, "acme", "a", damaged).await;
        assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal), "byte {at}");
    }
}

#[tokio::test]
async fn a_rotation_of_keys_touches_no_value_and_all_open_behind_it() {
    let store = stored(&[("acme", "a")]).await;
    let before = sealed(&store, "acme", "a").await;
    KeyRepository::rotate(&*store, None).await.unwrap();
    assert_eq!(sealed(&store, "acme", "a").await, before);
    assert_eq!(opens(&store, "acme", "a").await, Ok(Some(VALUE.to_owned())));
}

#[tokio::test]
async fn what_a_purged_tenant_had_is_gone_and_opens_from_no_copy() {
    let store = stored(&[("acme", "a"), ("beta", "a")]).await;
    let copied = sealed(&store, "acme", "a").await;
    turn(&store, "acme", TenantState::Deleted, false).await;
    let judged = revision(&store, "acme").await;
    while store.remove_some(&scope("acme"), Due::Everything, judged).await.unwrap().more {}
    assert!(!store.is_due(&scope("acme"), Due::Everything).await.unwrap());
    assert_eq!(opens(&store, "acme", "a").await, Ok(None));
    assert_eq!(opens(&store, "beta", "a").await, Ok(Some(VALUE.to_owned())));
    // As a backup would bring it back; the key is destroyed, and a new one is another.
    SecretRepository::commit(&*store, &scope("acme"), creation(&secret("acme", "a"), "other")).await.unwrap();
    overwrite(&store, "acme", "a", copied).await;
    assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal));
}

#[tokio::test]
async fn a_change_of_something_else_leaves_the_sealed_value_as_it_is() {
    let store = stored(&[("acme", "a")]).await;
    let (before, made) = (sealed(&store, "acme", "a").await, secret("acme", "a"));
    SecretRepository::commit(&*store, &scope("acme"), change(&made, &made)).await.unwrap();
    assert_eq!(sealed(&store, "acme", "a").await, before);
}

#[tokio::test]
async fn a_value_of_before_does_not_open_as_the_one_of_now() {
    let store = stored(&[("acme", "a")]).await;
    let (before, made) = (sealed(&store, "acme", "a").await, secret("acme", "a"));
    let second = NamedSecret { version: made.version + 1, ..made.clone() };
    let changed = SecretChange { value: Some(Secret::new("another")), ..change(&made, &second) };
    SecretRepository::commit(&*store, &scope("acme"), changed).await.unwrap();
    overwrite(&store, "acme", "a", before.clone()).await;
    assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal), "the one that was replaced");
    let second = NamedSecret { revision: made.revision.next(), ..second };
    SecretRepository::commit(&*store, &scope("acme"), SecretChange { deletes: true, ..change(&second, &second) }).await.unwrap();
    let again = NamedSecret { created: made.updated, ..made };
    SecretRepository::commit(&*store, &scope("acme"), creation(&again, "other")).await.unwrap();
    assert_eq!(opens(&store, "acme", "a").await, Ok(Some("other".to_owned())));
    overwrite(&store, "acme", "a", before).await;
    assert_eq!(opens(&store, "acme", "a").await, Err(ErrorKind::Internal), "one that was deleted");
}
