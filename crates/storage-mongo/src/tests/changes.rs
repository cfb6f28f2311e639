//! Listeners hear of changes: of their own server's before these are answered, of others' soon, and of each that was made while nobody
//! followed the feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::change::{ChangeListener, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;
use domain::utility::UtilityRepository;
use mongodb::bson::DateTime;
use test_support::sample::{creation, scope, tenant, utility};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Scratch;
use super::proxy::{Proxy, Then};
use super::server;
use crate::collections::NEWS_KEPT;
use crate::feed::{Heard, listen};
use crate::{Config, MongoStore};

/// Far above what it takes to hear of a change: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

/// Remembers what it hears, and wakes who waits for it.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Changed>>,
    /// How often it was told that this is all.
    told_all: AtomicU64,
    more: Notify,
}

#[async_trait::async_trait]
impl ChangeListener for Ear {
    async fn changed(&self, what: &Changed) {
        self.heard.lock().unwrap().push(what.clone());
        self.more.notify_one();
    }

    fn heard_all(&self) {
        self.told_all.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }
}

impl Ear {
    fn take(&self) -> Vec<Changed> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// Until it was told so often that it has heard of everything.
    async fn until_told_all(&self, times: u64) {
        while self.told_all.load(Ordering::SeqCst) < times {
            self.more.notified().await;
        }
    }

    async fn until(&self, what: &Changed) {
        while !self.heard.lock().unwrap().contains(what) {
            self.more.notified().await;
        }
    }
}

#[tokio::test]
async fn what_one_server_changes_its_listener_hears_before_the_answer_and_others_soon() {
    let (scratch, acme) = (Scratch::new().await, scope("acme"));
    let [(own, here), (others, there)] = [listening(&scratch).await, listening(&scratch).await];
    let made = utility(&acme, "extract");
    UtilityRepository::commit(&here, &acme, creation(made.clone())).await.unwrap();
    let of_utility = Changed::Utility { tenant: acme.tenant().clone(), id: made.name.utility.clone() };
    assert_eq!(own.take(), std::slice::from_ref(&of_utility));
    timeout(SOON, others.until(&of_utility)).await.expect("another server hears of it");
    // The feed is followed by now: what was before it is read in its beginning only, so this one comes by the stream.
    let of_policy = change(&here, "acme").await;
    timeout(SOON, others.until(&of_policy)).await.expect("another server hears what comes by the stream");
    assert_eq!(own.take(), [of_policy], "what a server has changed itself it does not hear again");
    drop(there);
}

#[tokio::test]
async fn while_others_cannot_be_heard_nobody_is_told_otherwise_and_every_copy_is_void_then() {
    let (proxy, deadline) = (Proxy::before(server::port()), Duration::from_secs(5));
    let scratch = Scratch::with(|config| Config { uri: proxy.uri(), deadline, selection: deadline, ..config }).await;
    let (ear, there) = listening(&scratch).await;
    timeout(SOON, ear.until_told_all(3)).await.expect("where nothing happens it is told, too");
    assert_eq!(ear.take(), []);
    proxy.when("getMore", Then::Deaf);
    timeout(SOON, ear.until(&Changed::Anything)).await.expect("it breaks off");
    let told = ear.told_all.load(Ordering::SeqCst);
    proxy.mend();
    timeout(SOON, ear.until_told_all(told + 1)).await.expect("it is followed again");
    drop(there);
}

#[tokio::test]
async fn a_feed_that_breaks_off_goes_on_where_it_was_whatever_clocks_say() {
    let scratch = Scratch::new().await;
    let (another, mut heard) = (scratch.another().await, Heard::nothing());
    let before = change(&another, "one").await;
    hear(&scratch, &mut heard, async |ear| {
        ear.until(&before).await;
        let by_stream = change(&another, "two").await;
        ear.until(&by_stream).await;
    })
    .await;
    let meanwhile = change(&another, "three").await;
    // Its clock has gone far ahead: nothing is found by the time at which it was added.
    heard.at = DateTime::from_millis(heard.at.timestamp_millis() + i64::try_from(NEWS_KEPT.as_millis()).unwrap());
    assert!(heard.place.is_some(), "the stream says where it is");
    hear(&scratch, &mut heard, async |ear| ear.until(&meanwhile).await).await;
}

#[tokio::test]
async fn where_the_place_in_the_feed_is_lost_what_was_added_lately_is_told_again() {
    let scratch = Scratch::new().await;
    let (another, mut heard) = (scratch.another().await, Heard::nothing());
    let lately = change(&another, "one").await;
    for _ in ["begins", "lost"] {
        hear(&scratch, &mut heard, async |ear| ear.until(&lately).await).await;
        heard.place = None;
    }
}

#[tokio::test]
async fn a_server_that_was_away_for_longer_than_changes_are_remembered_voids_every_copy() {
    let scratch = Scratch::new().await;
    let another = scratch.another().await;
    let ago = |away: Duration| DateTime::from_millis(DateTime::now().timestamp_millis() - i64::try_from(away.as_millis()).unwrap());
    let shortly = NEWS_KEPT / 2;
    for (away, is_void) in [(NEWS_KEPT, true), (shortly, false)] {
        let mut heard = Heard { place: None, at: ago(away) };
        let ear = Ear::default();
        let hearing = async {
            let lately = change(&another, if is_void { "one" } else { "two" }).await;
            ear.until(&lately).await;
            // It was told before whatever came behind the gap.
            assert_eq!(ear.take().contains(&Changed::Anything), is_void, "{away:?}");
        };
        tokio::select! {
            ended = listen(&scratch.shared, &ear, &mut heard) => panic!("it broke off by itself: {ended:?}"),
            done = timeout(SOON, hearing) => done.expect("it is heard"),
        }
    }
}

/// Follows the feed from where it was heard last until something is done, and breaks off.
async fn hear(store: &MongoStore, heard: &mut Heard, until: impl AsyncFnOnce(&Ear)) {
    let ear = Ear::default();
    tokio::select! {
        ended = listen(&store.shared, &ear, heard) => panic!("it broke off by itself: {ended:?}"),
        done = timeout(SOON, until(&ear)) => done.expect("it is heard"),
    }
}

async fn change(store: &MongoStore, code: &str) -> Changed {
    let policy = CodePolicy { revision: Revision::NONE.next(), ..CodePolicy::default_of(tenant(code)) };
    assert!(CodePolicyRepository::commit(store, &scope(code), Revision::NONE, &policy).await.unwrap());
    Changed::CodePolicy { tenant: tenant(code) }
}

async fn listening(scratch: &Scratch) -> (Arc<Ear>, MongoStore) {
    let ear = Arc::new(Ear::default());
    (ear.clone(), scratch.another().await.telling(ear))
}
