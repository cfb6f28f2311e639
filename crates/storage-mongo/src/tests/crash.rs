//! A database that is killed again and again under writers: nothing that was answered is lost, and what is asked for again under its request
//! id is done once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::ErrorKind;
use domain::event::EventRepository;
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityRepository};
use test_support::sample::{change, creation, request, scope, utility};
use test_support::{in_time, repeat};
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};

use super::Scratch;
use super::server::Server;
use crate::{Config, MongoStore};

const WRITERS: usize = 16;
/// Changes that are answered between two kills.
const BETWEEN: u64 = 40;

/// What all writers know.
#[derive(Default)]
struct Progress {
    answered: AtomicU64,
    more: Notify,
    is_over: AtomicBool,
}

impl Progress {
    fn answered(&self) {
        self.answered.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    async fn until(&self, answered: u64) {
        while self.answered.load(Ordering::SeqCst) < answered {
            self.more.notified().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_answered_nothing_is_lost_and_nothing_is_done_twice_however_often_the_database_is_killed() {
    let kills = repeat(3, 50);
    let mut server = Server::start(&[]);
    // Each call gives up soon, and is repeated: what is tested is what becomes of it then.
    let (deadline, selection) = (Duration::from_secs(5), Duration::from_secs(5));
    let scratch = Arc::new(Scratch::with(|config| Config { uri: server.uri(), deadline, selection, ..config }).await);
    let progress = Arc::new(Progress::default());
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (scratch, progress) = (Arc::clone(&scratch), Arc::clone(&progress));
        writers.spawn(async move { write(&scratch.store, writer, &progress).await });
    }
    for kill in 1..=u64::from(kills) {
        in_time(progress.until(kill * BETWEEN)).await;
        server = spawn_blocking(move || {
            server.kill();
            server.start_again(&[]);
            server
        })
        .await
        .unwrap();
    }
    in_time(progress.until((u64::from(kills) + 1) * BETWEEN)).await;
    progress.is_over.store(true, Ordering::SeqCst);
    let (acme, mut changes, mut repeated) = (scope("acme"), 0, 0);
    for done in writers.join_all().await {
        let found = in_time(UtilityRepository::find(&**scratch, &acme, &done.last.name.utility)).await.unwrap().open_for_system();
        assert_eq!(found.as_ref(), Some(&done.last), "the last change that was answered is the last that was done");
        changes += done.answered;
        repeated += done.repeated;
    }
    // Each change is one event, whether or not somebody was told of it.
    let events = EventRepository::span(&**scratch, &acme).await.unwrap().newest;
    assert_eq!(events, changes, "{kills} kills");
    println!("{kills} kills, {changes} changes, {repeated} of them asked for again");
}

/// What one writer has done.
struct Done {
    last: Utility,
    answered: u64,
    repeated: u64,
}

/// Makes a utility and changes it, one revision after the other, until it is told that that is enough.
async fn write(store: &MongoStore, writer: usize, progress: &Progress) -> Done {
    let acme = scope("acme");
    let first = utility(&acme, &format!("writer-{writer}"));
    let mut done = Done { last: first.clone(), answered: 0, repeated: 0 };
    done.repeated += ask(store, with_request(creation(first), writer, 0)).await;
    done.answered += 1;
    progress.answered();
    while !progress.is_over.load(Ordering::SeqCst) {
        let next = with_request(change(&done.last, done.last.clone()), writer, done.answered);
        let after = next.utility.clone();
        done.repeated += ask(store, next).await;
        (done.last, done.answered) = (after, done.answered + 1);
        progress.answered();
    }
    done
}

fn with_request(change: UtilityChange, writer: usize, number: u64) -> UtilityChange {
    let request: RequestKey = request("UpdateUtility", &format!("{writer}-{number}"), 1);
    UtilityChange { request: Some(request), ..change }
}

/// Asks under one request id until it is answered; how often it had to ask again.
async fn ask(store: &MongoStore, change: UtilityChange) -> u64 {
    let (acme, mut again) = (scope("acme"), 0);
    let asking = async {
        loop {
            match UtilityRepository::commit(store, &acme, change.clone()).await {
                Ok(Committed::Stored | Committed::Answered(_)) => return again,
                Ok(other) => panic!("{other:?}: it was done, and under another request"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
            again += 1;
            // The database may be starting: nothing says when it is there.
            test_support::breathe().await;
        }
    };
    in_time(asking).await
}
