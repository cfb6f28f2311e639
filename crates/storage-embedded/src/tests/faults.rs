//! Stores that cannot serve: in use, foreign, broken, full, slow. Each is a typed error and never a panic.

use std::fs::{self, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::ErrorKind;
use domain::code::Kind;
use domain::execution::ExecutionRepository;
use domain::page::PageRequest;
use domain::utility::{UtilityQuery, UtilityRepository};
use rusqlite::Connection;
use tempfile::TempDir;
use test_support::sample::{at, creation, execution, execution_id, fence, output, scope, utility, utility_id, version};

use super::{Scratch, open};
use crate::{Config, EmbeddedStore, Error};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_directory_serves_one_store_at_a_time() {
    let first = Scratch::new();
    let second = open(first.directory.path()).map(drop);
    assert!(matches!(&second, Err(Error::InUse { path }) if path.ends_with("data")), "{second:?}");
    first.close().await.unwrap();
    open(first.directory.path()).unwrap();
}

#[tokio::test]
async fn the_data_is_private_also_where_it_was_not() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("zona.db"), "").unwrap();
    fs::set_permissions(data.join("zona.db"), Permissions::from_mode(0o644)).unwrap();
    let store = open(directory.path()).unwrap();
    let acme = scope("acme");
    store.commit(&acme, creation(utility(&acme, "one"))).await.unwrap();
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5, "{files:?}");
    let keys: Vec<_> = fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(keys.len(), 1);
    for file in files.iter().chain(&keys) {
        assert_eq!(mode(file), if file.is_dir() { 0o700 } else { 0o600 }, "{}", file.display());
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("data"), "a file").unwrap();
    let error = open(directory.path()).map(drop).unwrap_err();
    let Error::Directory(error) = &error else { panic!("{error:?}") };
    assert!(error.to_string().contains("data cannot be trusted: it is no directory"), "{error}");
}

/// Opens a store whose data directory was prepared so, and says why it is refused.
fn refusal(prepare: impl FnOnce(&Path)) -> String {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    prepare(&data);
    match open(directory.path()).map(drop) {
        Err(Error::Directory(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_directory_or_database_of_somebody_else_is_refused() {
    let give_away = |path: &Path| std::os::unix::fs::chown(path, Some(4_242), Some(4_242)).expect("this test needs root");
    let error = refusal(give_away);
    assert!(error.contains("data cannot be trusted: it belongs to user 4242") && error.contains("chown"), "{error}");
    for name in ["zona.db", "zona.db-wal", "zona.db-shm", "zona.lock"] {
        let error = refusal(|data| {
            fs::write(data.join(name), "").unwrap();
            give_away(&data.join(name));
        });
        assert!(error.contains(&format!("{name} cannot be trusted: it belongs to user 4242")), "{error}");
    }
}

#[test]
fn a_directory_that_others_can_write_is_refused_since_what_lies_in_it_could_be_theirs() {
    for mode in [0o770, 0o777, 0o1777] {
        let error = refusal(|data| fs::set_permissions(data, Permissions::from_mode(mode)).unwrap());
        assert!(error.contains("others can write it") && error.contains("chmod go-w"), "{error}");
    }
}

#[test]
fn a_foreign_file_becomes_no_database_through_a_link() {
    let foreign = TempDir::new().unwrap();
    let file = foreign.path().join("theirs");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    for name in ["zona.db", "zona.db-wal", "zona.db-shm", "zona.lock"] {
        let error = refusal(|data| std::os::unix::fs::symlink(&file, data.join(name)).unwrap());
        assert!(error.contains("it is a symbolic link"), "{error}");
        let error = refusal(|data| fs::hard_link(&file, data.join(name)).unwrap());
        assert!(error.contains("the file has 2 names"), "{error}");
    }
    assert_eq!((fs::read(&file).unwrap(), mode(&file)), (Vec::new(), 0o644));
}

#[test]
fn a_pipe_in_the_place_of_the_database_holds_nobody_up() {
    for name in ["zona.db", "zona.lock"] {
        let error = refusal(|data| {
            let made = std::process::Command::new("mkfifo").arg(data.join(name)).status().unwrap();
            assert!(made.success());
        });
        assert!(error.contains("it is no regular file"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::write(directory.path().join("data/zona.db"), "x".repeat(10_000)).unwrap();
    let error = open(directory.path()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
    assert_eq!(domain::Error::from(error).kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_newer_database_is_refused_with_both_versions() {
    let scratch = Scratch::new();
    scratch.close().await.unwrap();
    let file = Connection::open(scratch.directory.path().join("data/zona.db")).unwrap();
    file.pragma_update(None, "user_version", 4_711).unwrap();
    drop(file);
    let error = open(scratch.directory.path()).map(drop).unwrap_err();
    assert!(error.to_string().contains("4711"), "{error}");
    assert!(matches!(error, Error::Newer { found: 4_711, .. }));
}

#[tokio::test]
async fn a_damaged_page_is_an_internal_error() {
    let scratch = Scratch::new();
    let acme = scope("acme");
    for number in 0..200 {
        scratch.commit(&acme, creation(utility(&acme, &format!("u-{number}")))).await.unwrap();
    }
    scratch.close().await.unwrap();
    let path = scratch.directory.path().join("data/zona.db");
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // The schema's page stays whole, so that the store opens.
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(8_192 * 2)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 8_192 * 2]).unwrap();
    drop(file);

    let store = match open(scratch.directory.path()) {
        Ok(store) => store,
        Err(error) => return assert_eq!(domain::Error::from(error).kind(), ErrorKind::Internal),
    };
    let error = store.find_current(&acme, &utility_id("u-1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let error = store.commit(&acme, creation(utility(&acme, "new"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_row_that_does_not_decode_is_named_without_its_content() {
    let scratch = Scratch::new();
    let acme = scope("acme");
    scratch.commit(&acme, creation(utility(&acme, "one"))).await.unwrap();
    scratch.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap();
    scratch.append(&acme, &execution_id(1), &fence("server-1", 1), &[output(1, 10)]).await.unwrap();
    let damage = "UPDATE utilities SET document = '{\"secret\": 1}'; UPDATE version_code SET code = 'import os', sealed = NULL;
         UPDATE executions SET document = replace(document, 'PENDING', 'SECRET'); UPDATE output SET events = x'09';";
    scratch.write(move |connection| connection.execute_batch(damage).map_err(crate::error::during("testing"))).await.unwrap();

    check(scratch.find_current(&acme, &utility_id("one")).await, "`utilities` with key `acme/one`");
    let page = PageRequest { size: 5, after: None };
    check(scratch.find_version(&acme, &utility_id("one"), 1).await, "`version_code` with key `acme/one/1`");
    check(ExecutionRepository::find(&scratch.store, &acme, &execution_id(1)).await, "`executions` with key `acme/018f");
    check(scratch.events_after(&acme, &execution_id(1), 0, 1).await, "`output` with key `acme/018f");
    // Where several are looked for, it is left out.
    let listed = UtilityRepository::list(&scratch.store, &acme, &UtilityQuery::default(), &page).await.unwrap();
    assert_eq!(listed.open_for_system().unwrap().items, []);
    assert_eq!(scratch.abandoned(at(0), 10).await.unwrap(), []);
    assert_eq!(scratch.unreadable_rows(), 2);
}

#[tokio::test]
async fn lists_need_no_code() {
    let scratch = Scratch::new();
    let acme = scope("acme");
    scratch.commit(&acme, creation(utility(&acme, "one"))).await.unwrap();
    let without_code = "DROP TABLE version_code";
    scratch.write(move |connection| connection.execute_batch(without_code).map_err(crate::error::during("testing"))).await.unwrap();

    let page = PageRequest { size: 5, after: None };
    let versions = scratch.list_versions(&acme, &utility_id("one"), &page).await.unwrap().open_for_system().unwrap();
    assert_eq!(versions.items, [version(1, Kind::Transformer).head]);
    let utilities =
        UtilityRepository::list(&scratch.store, &acme, &UtilityQuery::default(), &page).await.unwrap().open_for_system().unwrap();
    assert_eq!(utilities.items, [utility(&acme, "one")]);
    assert!(scratch.find_version(&acme, &utility_id("one"), 1).await.is_err());
}

fn check<T: std::fmt::Debug>(outcome: domain::Result<T>, names: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let mut chain = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        chain += &format!(": {error}");
        cause = error.source();
    }
    assert!(chain.contains(names), "{chain}");
    assert!(!chain.to_lowercase().contains("secret") && !chain.contains("import"), "{chain}");
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_ends_with_the_space() {
    let scratch = Scratch::new();
    let acme = scope("acme");
    scratch.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap();
    // The engine reports a full database exactly as it reports a full disk.
    limit_pages(&scratch, 60).await;
    let mut sequence = 0;
    let error = loop {
        sequence += 1;
        if let Err(error) = scratch.append(&acme, &execution_id(1), &fence("server-1", 1), &[output(sequence, 60_000)]).await {
            break error;
        }
        assert!(sequence < 100, "the disk never filled up");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(scratch.find_current(&acme, &utility_id("one")).await.unwrap().open_for_system().is_none(), "reads go on");
    limit_pages(&scratch, 1_000_000).await;
    scratch.append(&acme, &execution_id(1), &fence("server-1", 1), &[output(sequence, 60_000)]).await.unwrap();
    assert_eq!(scratch.events_after(&acme, &execution_id(1), 0, usize::MAX).await.unwrap().len() as u64, sequence);
}

async fn limit_pages(store: &EmbeddedStore, pages: u32) {
    let limit = move |connection: &Connection| {
        let limit = connection.pragma_update_and_check(None, "max_page_count", pages, |_row| Ok(()));
        limit.map_err(crate::error::during("testing"))
    };
    store.write(limit).await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_an_outside_tool_is_unavailable() {
    let scratch = Scratch::new();
    let outside = Connection::open(scratch.directory.path().join("data/zona.db")).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let acme = scope("acme");
    let error = scratch.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(scratch.abandoned(at(0), 10).await.unwrap(), []);
    outside.execute_batch("ROLLBACK").unwrap();
    scratch.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_past_its_deadline_is_unavailable_and_a_read_is_interrupted() {
    let directory = TempDir::new().unwrap();
    let config = Config { deadline: Duration::from_millis(200), readers: std::num::NonZeroUsize::MIN, ..Config::new(directory.path()) };
    let store = EmbeddedStore::open(config).unwrap();
    let begun = Instant::now();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let run = move |connection: &Connection| {
        connection.query_row(endless, [], |row| row.get::<_, i64>(0)).map_err(crate::error::during("testing"))
    };
    let error = domain::Error::from(store.read(run).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // Only the interrupt frees the one reader.
    while store.abandoned(at(0), 10).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the read was not interrupted");
    }
}
