//! A sender that sends nowhere: it remembers what it was asked to send, and refuses what a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::event::Event;
use domain::identity::Secret;
use domain::time::Timestamp;
use domain::webhook::{Refusal, WebhookSecrets, WebhookSender};

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
    secrets: AtomicU64,
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
        if self.is_helpless.load(Ordering::SeqCst) {
            return Err(Refusal::Ours("nothing to send with".to_owned()));
        }
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push((event.sequence, now));
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
