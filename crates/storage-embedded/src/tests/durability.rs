//! What was answered is on disk: after a kill, after a close, and for many at once.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use domain::execution::ExecutionRepository;
use domain::request::Committed;
use domain::utility::UtilityRepository;
use tempfile::TempDir;
use test_support::sample::{creation, execution, execution_id, fence, output, scope, utility, utility_id};

use super::{Scratch, open};

/// Makes the test binary, started again by a test, the child that writes until it is killed.
const VICTIM: &str = "ZONA_TEST_STORE_VICTIM";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_commits_are_all_stored() {
    const COMMITS: usize = 1_000;
    let store = Arc::new(Scratch::new());
    let begun = Instant::now();
    let commits: Vec<_> = (0..COMMITS)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let acme = scope("acme");
                store.commit(&acme, creation(utility(&acme, &format!("u-{number}")))).await
            })
        })
        .collect();
    for commit in commits {
        assert_eq!(commit.await.unwrap().unwrap(), Committed::Stored);
    }
    println!("{COMMITS} parallel commits in {:?}", begun.elapsed());
    for number in 0..COMMITS {
        assert!(
            store.find_current(&scope("acme"), &utility_id(&format!("u-{number}"))).await.unwrap().open_for_system().is_some(),
            "{number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_write_does_not_spoil_its_group() {
    let store = Arc::new(Scratch::new());
    let writes: Vec<_> = (0..200_u32)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.write(move |connection| {
                    let sql = "INSERT INTO totals (name, value) VALUES (?1, ?2)";
                    connection.execute(sql, (format!("t-{number}"), number)).map_err(crate::error::during("testing"))?;
                    match number % 3 {
                        0 => Err(crate::Error::Misused("on purpose")),
                        1 if number % 2 == 0 => panic!("on purpose"),
                        _ => Ok(()),
                    }
                });
                (number, write.await)
            })
        })
        .collect();
    let mut wanted = Vec::new();
    for write in writes {
        let (number, outcome) = write.await.unwrap();
        let fails = number % 3 == 0 || (number % 3 == 1 && number % 2 == 0);
        assert_eq!(outcome.is_err(), fails, "{number}: {outcome:?}");
        if !fails {
            wanted.push(format!("t-{number}"));
        }
    }
    let read = store.read(|connection| {
        let mut statement = connection.prepare("SELECT name FROM totals WHERE name LIKE 't-%'").map_err(crate::error::during("testing"))?;
        let names = statement.query_map([], |row| row.get(0)).map_err(crate::error::during("testing"))?;
        names.collect::<Result<Vec<String>, _>>().map_err(crate::error::during("testing"))
    });
    let mut held = read.await.unwrap();
    held.sort();
    wanted.sort();
    assert_eq!(held, wanted);
}

#[tokio::test]
async fn a_write_that_fails_alone_leaves_nothing_behind_and_keeps_nobody_from_writing() {
    let store = Scratch::new();
    let put = |name: &'static str, then: fn() -> crate::error::Result<()>| {
        store.write(move |connection| {
            let sql = "INSERT INTO totals (name, value) VALUES (?1, 1)";
            connection.execute(sql, [name]).map_err(crate::error::during("testing"))?;
            then()
        })
    };
    for _ in 0..3 {
        assert!(put("refused", || Err(crate::Error::Misused("on purpose"))).await.is_err());
        assert!(put("panicked", || panic!("on purpose")).await.is_err());
        put("stored", || Ok(())).await.unwrap_or_else(|error| panic!("{error:?}"));
        let removed = store.write(|connection| {
            let left = "DELETE FROM totals WHERE name IN ('refused', 'panicked', 'stored') RETURNING name";
            let mut statement = connection.prepare(left).map_err(crate::error::during("testing"))?;
            let names = statement.query_map([], |row| row.get(0)).map_err(crate::error::during("testing"))?;
            names.collect::<Result<Vec<String>, _>>().map_err(crate::error::during("testing"))
        });
        assert_eq!(removed.await.unwrap(), ["stored"]);
    }
}

#[tokio::test]
async fn nothing_of_what_is_being_stored_lies_in_the_systems_temporary_directories() {
    let store = Scratch::new();
    let open_files = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        // How files without a name are shown, and how the engine names its own.
        links.map(|link| link.display().to_string()).filter(|link| link.contains("/#") || link.contains("etilqs")).collect::<Vec<_>>()
    };
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                INSERT INTO totals (name, value) SELECT 'total-' || i || hex(zeroblob(100)), i FROM n;";
    store.write(move |connection| connection.execute_batch(fill).map_err(crate::error::during("testing"))).await.unwrap();
    let found = store.write(move |connection| {
        // Taken back or not: meanwhile the engine keeps each page as it was before.
        let change = "SAVEPOINT large; UPDATE totals SET value = value + 1; DELETE FROM totals WHERE name LIKE 'total-%';";
        connection.execute_batch(change).map_err(crate::error::during("testing"))?;
        let found = open_files();
        connection.execute_batch("ROLLBACK TO large; RELEASE large").map_err(crate::error::during("testing"))?;
        Ok(found)
    });
    assert_eq!(found.await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_closed_store_is_one_file_and_opens_again_with_everything() {
    let scratch = Scratch::new();
    let acme = scope("acme");
    scratch.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap();
    scratch.append(&acme, &execution_id(1), &fence("server-1", 1), &[output(1, 100_000)]).await.unwrap();
    scratch.close().await.unwrap();
    scratch.close().await.unwrap();
    let refused = scratch.events_after(&acme, &execution_id(1), 0, 1).await.map(drop);
    assert!(matches!(refused, Err(domain::Error::Unavailable { .. })), "{refused:?}");
    let refused = scratch.append(&acme, &execution_id(1), &fence("server-1", 1), &[output(2, 1)]).await;
    assert!(matches!(refused, Err(domain::Error::Unavailable { .. })), "{refused:?}");

    let log = scratch.directory.path().join("data/zona.db-wal");
    assert!(!log.exists(), "the log was not merged");
    let again = open(scratch.directory.path()).unwrap();
    assert_eq!(again.events_after(&acme, &execution_id(1), 0, 1).await.unwrap(), [output(1, 100_000)]);
}

#[test]
fn every_acknowledged_write_survives_a_kill() {
    if let Ok(order) = std::env::var(VICTIM) {
        return write_until_killed(&order);
    }
    let directory = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for round in 1..=u64::from(test_support::repeat(3, 50)) {
        acknowledged = kill_while_writing(directory.path(), round, acknowledged);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, acme) = (open(directory.path()).unwrap(), scope("acme"));
        for number in 1..=acknowledged {
            let events = store.events_after(&acme, &execution_id(number), 0, usize::MAX).await.unwrap();
            assert_eq!(events, [output(1, 1_000)], "execution {number} of {acknowledged}");
        }
        let check: String =
            store.read(|connection| Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap())).await.unwrap();
        assert_eq!(check, "ok");
    });
}

/// Lets a child write and kills it after some acknowledgements; returns the number of the last that was acknowledged.
fn kill_while_writing(directory: &Path, round: u64, before: u64) -> u64 {
    let test = "tests::durability::every_acknowledged_write_survives_a_kill";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(VICTIM, format!("{before}:{}", directory.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut last = before;
    for line in lines {
        // The test harness writes the test's name, unfinished, before the first number.
        if let Some((_, number)) = line.rsplit_once("stored ") {
            last = number.parse().unwrap();
            if last == before + 40 * round {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(last >= before + 40 * round, "the child ended by itself after {last}");
    last
}

/// Writes and acknowledges until it is killed; `order` says after which number, and where.
fn write_until_killed(order: &str) {
    let (before, directory) = order.split_once(':').unwrap();
    let before: u64 = before.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, acme) = (open(Path::new(directory)).unwrap(), scope("acme"));
        for number in before + 1.. {
            // A conflict is the execution that the round before stored and could not acknowledge any more.
            store.insert(&acme, &execution(&acme, number), None, &[], None).await.unwrap();
            store.append(&acme, &execution_id(number), &fence("server-1", 1), &[output(1, 1_000)]).await.unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "stored {number}").and_then(|()| out.flush()).unwrap();
        }
    });
}
