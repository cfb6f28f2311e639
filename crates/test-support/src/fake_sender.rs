//! A sender that sends nowhere: it remembers what it was asked to send, and refuses what a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::event::Event;
use domain::identity::Secret;
use domain::time::Timestamp;
use domain::webhook::{Refusal, WebhookSecrets, WebhookSender};
use tokio::sync::watch;

/// Remembers what it was asked to send.
#[derive(Default)]
pub struct FakeSender {
    tried: Mutex<Vec<(u64, Timestamp)>>,
    /// How often each place is refused yet.
    refusals: Mutex<BTreeMap<u64, u32>>,
    /// Of which tenants nothing is ever answered.
    waiting: Mutex<BTreeSet<String>>,
    /// Places at which it panics once.
    panics: Mutex<BTreeSet<u64>>,
    /// Whether it cannot send at all.
    is_helpless: AtomicBool,
    /// How often it was asked to while it could not.
    in_vain: AtomicUsize,
    /// Whether it answers nothing for the time being.
    is_holding: watch::Sender<bool>,
    /// Attempts that have not ended.
    at_work: AtomicUsize,
    secrets: AtomicU64,
}

/// An attempt that has not ended.
struct AtWork<'a>(&'a AtomicUsize);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeSender {
    /// Refuses the event at this place so many times.
    pub fn refuse(&self, sequence: u64, times: u32) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence, times);
    }

    /// Never answers what happens in a tenant.
    pub fn keep_waiting(&self, tenant: &str) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.to_owned());
    }

    /// Panics at the event at this place, once.
    pub fn panic_at(&self, sequence: u64) {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence);
    }

    /// Cannot send, as a server without what it needs for that, until it can again.
    pub fn be_helpless(&self, is_helpless: bool) {
        self.is_helpless.store(is_helpless, Ordering::SeqCst);
    }

    /// How often it was asked to send while it could not.
    pub fn in_vain(&self) -> usize {
        self.in_vain.load(Ordering::SeqCst)
    }

    /// Answers nothing until it is let go on.
    pub fn hold(&self, is_holding: bool) {
        self.is_holding.send_replace(is_holding);
    }

    /// Attempts that have not ended.
    pub fn at_work(&self) -> usize {
        self.at_work.load(Ordering::SeqCst)
    }

    /// Attempts, in order: the places of events, and when.
    pub fn tried(&self) -> Vec<(u64, Timestamp)> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The places of events that were tried, each once.
    pub fn tried_once(&self) -> BTreeSet<u64> {
        self.tried().into_iter().map(|(sequence, _)| sequence).collect()
    }
}

#[async_trait]
impl WebhookSender for FakeSender {
    fn check(&self, url: &str) -> Result<(), String> {
        if url.starts_with("https://") { Ok(()) } else { Err("must be an https address".to_owned()) }
    }

    fn new_secret(&self) -> Secret {
        Secret::new(format!("whsec_{}", self.secrets.fetch_add(1, Ordering::Relaxed)))
    }

    async fn send(&self, _url: &str, _secrets: &WebhookSecrets, event: &Event, now: Timestamp) -> Result<(), Refusal> {
        self.at_work.fetch_add(1, Ordering::SeqCst);
        let _at_work = AtWork(&self.at_work);
        if self.is_helpless.load(Ordering::SeqCst) {
            self.in_vain.fetch_add(1, Ordering::SeqCst);
            return Err(Refusal::Ours("nothing to send with".to_owned()));
        }
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push((event.sequence, now));
        self.is_holding.subscribe().wait_for(|is_holding| !is_holding).await.map(drop).expect("this holds the sender");
        let panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner).remove(&event.sequence);
        assert!(!panics, "a test asked for it");
        let waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).contains(event.tenant.as_str());
        if waits {
            std::future::pending::<()>().await;
        }
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match refusals.get_mut(&event.sequence) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Refusal::Theirs("the answer has the status 500".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
