//! A sender that sends nowhere: it remembers what it was asked to send, and refuses what a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
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
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push((event.sequence, now));
        let waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).contains(event.tenant.as_str());
        if waits {
            std::future::pending::<()>().await;
        }
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match refusals.get_mut(&event.sequence) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Refusal("the answer has the status 500".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
