//! Transactions: whole or not at all, one after the other, and again where they met.

use std::future;
use std::time::Duration;

use domain::ErrorKind;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use test_support::sample::scope;

use super::Scratch;
use crate::Config;
use crate::collections::EPOCHS;
use crate::error::Error;
use crate::migrations::migrate;
use crate::session::Select;
use crate::transaction::{read, transact};

#[tokio::test]
async fn what_fails_in_a_transaction_leaves_nothing_of_it() {
    let (scratch, acme) = (Scratch::new().await, scope("acme").tenant().clone());
    let done: Result<(), Error> = transact!(&scratch, "testing", &acme, |session| {
        session.add(EPOCHS.name, doc! { "_id": "acme", "tenant": "acme" }).await?;
        Err(Error::Misused("a test"))
    });
    assert!(matches!(done, Err(Error::Misused("a test"))), "{done:?}");
    let found = read!(&scratch, "testing", |session| session.exists(EPOCHS.name, doc! { "_id": "acme" }).await);
    assert!(!found.unwrap());
}

#[tokio::test]
async fn transactions_of_two_servers_that_change_one_document_are_all_stored() {
    const EACH: usize = 20;
    let (scratch, acme) = (Scratch::new().await, scope("acme").tenant().clone());
    let another = scratch.another().await;
    let advance = async |store: &crate::MongoStore| {
        let done: Result<i64, Error> = transact!(store, "testing", &acme, |session| {
            session.advance(EPOCHS.name, doc! { "_id": "acme", "tenant": "acme" }, "epoch", 1).await
        });
        done.unwrap()
    };
    let all = (0..EACH).flat_map(|_| [advance(&scratch), advance(&another)]);
    let mut numbers = join_all(all).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2 * EACH as i64).collect::<Vec<_>>(), "each advanced it once, and saw all before it");
}

#[tokio::test]
async fn a_transaction_that_runs_out_of_time_is_undone_and_hinders_no_other() {
    let (scratch, acme) = (Scratch::new().await, scope("acme").tenant().clone());
    let hasty = crate::MongoStore::open(Config { deadline: Duration::from_secs(5), ..scratch.config.clone() }).await.unwrap();
    let key = || doc! { "_id": "acme", "tenant": "acme" };
    let late: Result<(), Error> = transact!(&hasty, "testing", &acme, |session| {
        session.upsert(EPOCHS.name, key(), doc! { "$inc": { "epoch": 1_i64 } }).await?;
        future::pending().await
    });
    assert!(matches!(late, Err(Error::Deadline(_))), "{late:?}");
    // Undone by the database alone, it would stand in the way for a minute, and longer than others try.
    let done: Result<i64, Error> = transact!(&scratch, "testing", &acme, |session| session.advance(EPOCHS.name, key(), "epoch", 1).await);
    assert_eq!(done.unwrap(), 1);
}

#[tokio::test]
async fn a_read_ends_early_where_documents_are_large() {
    let (scratch, acme) = (Scratch::new().await, scope("acme").tenant().clone());
    let text = "x".repeat(100 * 1024);
    let rows: Vec<_> = (0..5).map(|number| doc! { "_id": format!("acme/{number}"), "tenant": "acme", "text": &text }).collect();
    let stored: Result<(), Error> = transact!(&scratch, "testing", &acme, |session| session.add_all(EPOCHS.name, &rows).await);
    stored.unwrap();
    for (most_bytes, expected) in [(1, 1), (150 * 1024, 2), (usize::MAX, 4)] {
        let select = Select::sorted(doc! { "_id": 1 }, 4);
        let of_acme = doc! { "tenant": "acme" };
        let found = read!(&scratch, "testing", |session| session.find_some(EPOCHS.name, of_acme, select, most_bytes).await);
        assert_eq!(found.unwrap().len(), expected, "{most_bytes} bytes");
    }
}

#[tokio::test]
async fn a_document_that_the_database_does_not_take_is_refused_before_it_is_sent() {
    let (scratch, acme) = (Scratch::new().await, scope("acme").tenant().clone());
    let text = "x".repeat(17 * 1024 * 1024);
    let done: Result<(), Error> = transact!(&scratch, "testing", &acme, |session| {
        session.add(EPOCHS.name, doc! { "_id": "acme", "tenant": "acme", "text": &text }).await
    });
    let error = done.unwrap_err();
    assert!(matches!(error, Error::TooLarge { table: "epochs", .. }), "{error}");
    assert_eq!(domain::Error::from(error).kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn servers_that_start_at_the_same_time_on_an_empty_database_all_start() {
    let scratch = Scratch::new().await;
    let empty = scratch.shared.client.database(&format!("{}_empty", scratch.config.database));
    let started = join_all((0..4).map(|_| migrate(&empty, scratch.config.deadline))).await;
    assert!(started.iter().all(Result::is_ok), "{started:?}");
    let schemas = empty.collection::<Document>("schema").count_documents(doc! { "version": { "$gt": 0 } }).await.unwrap();
    assert_eq!(schemas, 1);
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_untouched() {
    let scratch = Scratch::new().await;
    let mut config = scratch.config.clone();
    config.database = format!("{}_other", config.database);
    let theirs = scratch.shared.client.database(&config.database);
    theirs.create_collection("theirs").await.unwrap();
    let error = crate::MongoStore::open(config).await.err().expect("it is refused");
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    assert_eq!(theirs.list_collection_names().await.unwrap(), ["theirs"]);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let scratch = Scratch::new().await;
    let schema = scratch.shared.database.collection::<mongodb::bson::Document>("schema");
    schema.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 999_i64 } }).await.unwrap();
    let error = crate::MongoStore::open(scratch.config.clone()).await.err().expect("it is refused");
    assert!(matches!(error, Error::Newer { found: 999, .. }), "{error}");
}
