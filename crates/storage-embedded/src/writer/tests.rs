//! How writes come together: what is counted is commits, under a clock of the test's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keys::FileKeys;
use rusqlite::params;
use tempfile::TempDir;

use super::*;
use crate::connection;

/// A clock by which each commit takes as long, and a pause as long as it takes `meanwhile` to happen.
struct Driven<F> {
    now: Instant,
    commit: Duration,
    pauses: Vec<Duration>,
    meanwhile: F,
}

impl<F: FnMut(usize) + Send> Pace for Driven<F> {
    fn now(&mut self) -> Instant {
        // Asked before a commit and behind it.
        self.now += self.commit;
        self.now
    }

    fn pause(&mut self, long: Duration) {
        self.pauses.push(long);
        (self.meanwhile)(self.pauses.len());
    }
}

/// A database of which is seen how much of it is committed.
struct Scratch {
    directory: TempDir,
    vault: Vault,
}

impl Scratch {
    fn new() -> (Self, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        std::fs::File::create(&path).unwrap();
        let connection = connection::writing(&path).unwrap();
        connection.execute_batch("CREATE TABLE written (number INTEGER PRIMARY KEY)").unwrap();
        let vault = Vault::new(Arc::new(FileKeys::open(&directory.path().join("keys"), &[]).unwrap()));
        (Scratch { directory, vault }, connection)
    }

    /// A write that answers how many writes had been committed before its group.
    fn write(&self) -> (Waiting, oneshot::Receiver<Result<i64>>) {
        let (reply, answer) = oneshot::channel();
        let path = path(self.directory.path());
        let work = move |connection: &Connection| {
            connection.execute("INSERT INTO written DEFAULT VALUES", params![]).map_err(during("a test"))?;
            let beside = connection::reading(&path)?;
            beside.query_row("SELECT count(*) FROM written", [], |row| row.get(0)).map_err(during("a test"))
        };
        (Waiting::Alone(Box::new(Pending { work: Some(work), outcome: None, telling: None, reply })), answer)
    }
}

fn answered_with(answer: oneshot::Receiver<Result<i64>>) -> i64 {
    answer.blocking_recv().unwrap().unwrap()
}

fn path(directory: &Path) -> PathBuf {
    directory.join("test.db")
}

/// Writes in lots: those of one lot come together, and the next lot once they are answered. In the pause of this number more come. Answers
/// how many commits each lot took, with what came in its pauses, and how often the thread paused and how long.
fn written(lots: &[usize], commit: Duration, more: (usize, usize)) -> (Vec<usize>, Vec<Duration>) {
    let (scratch, connection) = Scratch::new();
    let (sender, waiting) = mpsc::channel(MAX_WAITING);
    let (sender, late) = (Mutex::new(Some(sender)), Mutex::new(Vec::new()));
    let send = |many| {
        let (writes, answers): (Vec<_>, Vec<_>) = (0..many).map(|_| scratch.write()).unzip();
        let sender = sender.lock().unwrap();
        writes.into_iter().for_each(|write| assert!(sender.as_ref().unwrap().try_send(write).is_ok(), "there is room"));
        answers
    };
    let meanwhile = |pause| {
        if pause == more.0 {
            late.lock().unwrap().extend(send(more.1));
        }
    };
    let mut pace = Driven { now: Instant::now(), commit, pauses: Vec::new(), meanwhile };
    let mut commits = Vec::new();
    let mut first = send(lots[0]);
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("store-writer".to_owned());
        let (vault, added, pace) = (&scratch.vault, Added::default(), &mut pace);
        let serving = thread.spawn_scoped(scope, move || serve(&connection, waiting, (vault, &added), pace)).unwrap();
        for (number, lot) in lots.iter().enumerate() {
            let answers = if number == 0 { std::mem::take(&mut first) } else { send(*lot) };
            let mut before: BTreeSet<i64> = answers.into_iter().map(answered_with).collect();
            before.extend(std::mem::take(&mut *late.lock().unwrap()).into_iter().map(answered_with));
            commits.push(before.len());
        }
        sender.lock().unwrap().take();
        serving.join().unwrap();
    });
    (commits, pace.pauses)
}

#[test]
fn a_write_that_is_alone_waits_for_nobody() {
    assert_eq!(written(&[1, 1, 1], Duration::ZERO, (0, 0)), (vec![1, 1, 1], vec![]));
    assert_eq!(written(&[CROWD - 1, 1, 1], Duration::ZERO, (0, 0)), (vec![1, 1, 1], vec![]), "behind a few");
}

#[test]
fn a_write_that_is_alone_behind_a_crowd_waits_once_and_no_longer_than_the_bound() {
    assert_eq!(written(&[CROWD, 1, 1, 1], Duration::ZERO, (0, 0)), (vec![1; 4], vec![GATHER]));
}

#[test]
fn writes_that_come_one_by_one_behind_a_crowd_share_one_commit() {
    assert_eq!(written(&[CROWD, 1], Duration::ZERO, (1, CROWD - 1)), (vec![1, 1], vec![GATHER]));
    assert!(!Before { writes: CROWD, took: Duration::ZERO }.expects_more_than(CROWD), "who is complete waits for nobody");
}

#[test]
fn behind_a_slow_commit_nobody_waits_for_more() {
    assert_eq!(written(&[CROWD, 1, 1], SLOW, (0, 0)), (vec![1, 1, 1], vec![]));
}
