//! Attempts that are under way, in bounds of each webhook, of each tenant and of all together: whoever is slow holds up nobody else.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::name::{TenantId, WebhookName};
use crate::webhook::{Delivery, Webhook};

/// Attempts at one webhook at once; at one that has not taken the last one, a single one.
pub(super) const AT_ONCE: usize = 4;
/// Attempts at those of one tenant, of which each may last as long as an attempt may.
const OF_TENANT: usize = 16;
/// Attempts at all of them: each holds a connection.
const ALL_AT_ONCE: usize = 128;

/// What has become of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    Taken,
    Refused,
}

/// An attempt that has ended.
struct Ended {
    webhook: WebhookName,
    sequence: u64,
    attempted: Attempted,
}

/// Attempts that are under way.
#[derive(Default)]
pub(super) struct UnderWay {
    attempts: FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    places: HashMap<WebhookName, BTreeSet<u64>>,
    of_tenants: HashMap<TenantId, usize>,
    /// Those that have not taken the last one.
    refusing: HashSet<WebhookName>,
    /// The last that got a turn.
    last: Option<WebhookName>,
}

impl UnderWay {
    pub(super) fn has(&self, delivery: &Delivery) -> bool {
        self.places.get(&delivery.webhook).is_some_and(|places| places.contains(&delivery.event.sequence))
    }

    pub(super) fn is_full(&self) -> bool {
        self.attempts.len() >= ALL_AT_ONCE
    }

    /// How many attempts more there may be at a webhook.
    pub(super) fn room_for(&self, name: &WebhookName) -> usize {
        let most = if self.refusing.contains(name) { 1 } else { AT_ONCE };
        let own = most.saturating_sub(self.places.get(name).map_or(0, BTreeSet::len));
        let of_tenant = OF_TENANT.saturating_sub(self.of_tenants.get(&name.tenant).copied().unwrap_or_default());
        own.min(of_tenant).min(ALL_AT_ONCE.saturating_sub(self.attempts.len()))
    }

    /// Webhooks in the order of their names, from the one whose turn it is.
    pub(super) fn in_turn(&self, mut webhooks: Vec<Webhook>) -> Vec<Webhook> {
        let first = webhooks.partition_point(|webhook| Some(&webhook.name) <= self.last.as_ref());
        webhooks.rotate_left(first);
        webhooks
    }

    pub(super) fn add(&mut self, webhook: &WebhookName, sequence: u64, attempt: impl Future<Output = Attempted> + Send + 'static) {
        let webhook = webhook.clone();
        self.places.entry(webhook.clone()).or_default().insert(sequence);
        *self.of_tenants.entry(webhook.tenant.clone()).or_default() += 1;
        self.last = Some(webhook.clone());
        self.attempts.push(Box::pin(async move {
            let attempted = attempt.await;
            Ended { webhook, sequence, attempted }
        }));
    }

    /// Waits for the end of an attempt, whose webhook is answered with the rest of `wait`, or for that of `wait`.
    pub(super) async fn next<W: Future<Output = ()> + Unpin>(&mut self, wait: W) -> Option<(WebhookName, W)> {
        if self.attempts.is_empty() {
            wait.await;
            return None;
        }
        match select(wait, self.attempts.next()).await {
            Either::Right((Some(ended), rest)) => Some((self.remove(ended), rest)),
            Either::Right((None, _)) | Either::Left(_) => None,
        }
    }

    /// Forgets who refuses: webhooks may be gone by now.
    pub(super) fn forget_refusals(&mut self) {
        self.refusing.clear();
    }

    fn remove(&mut self, ended: Ended) -> WebhookName {
        let Ended { webhook, sequence, attempted } = ended;
        if let Some(places) = self.places.get_mut(&webhook) {
            places.remove(&sequence);
            if places.is_empty() {
                self.places.remove(&webhook);
            }
        }
        if let Some(many) = self.of_tenants.get_mut(&webhook.tenant) {
            *many -= 1;
            if *many == 0 {
                self.of_tenants.remove(&webhook.tenant);
            }
        }
        match attempted {
            Attempted::Taken => self.refusing.remove(&webhook),
            Attempted::Refused => self.refusing.insert(webhook.clone()),
        };
        webhook
    }
}
