//! Attempts that are under way, in bounds of each webhook, of each tenant and of all together: whoever is slow holds up nobody else. Each is
//! a task of its own, so that it goes on while nobody asks for its end, and one that panics ends alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::name::{TenantId, WebhookName};
use crate::time::Timestamp;
use crate::webhook::Delivery;
use crate::work::{Restarts, Spawner};

/// Attempts at one webhook at once; at one that has not taken the last one, a single one.
pub(super) const AT_ONCE: usize = 4;
/// Attempts at those of one tenant, of which each may last as long as an attempt may.
const OF_TENANT: usize = 16;
/// Attempts at all of them: each holds a connection.
const ALL_AT_ONCE: usize = 128;

/// What they are called where tasks are named.
const TASK: &str = "webhook attempt";

/// What has become of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    Taken,
    Refused,
    /// Nothing was sent, or nobody knows: it is due as before.
    Postponed,
    /// This server could not even try, at this time: it is due as before, and tried again ever later.
    Unable(Timestamp),
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub(super) webhook: WebhookName,
    pub(super) attempted: Attempted,
    sequence: u64,
}

/// Attempts that are under way.
#[derive(Default)]
pub(super) struct UnderWay {
    attempts: FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    places: HashMap<WebhookName, BTreeSet<u64>>,
    of_tenants: HashMap<TenantId, usize>,
    /// Those that have not taken the last one.
    refusing: HashSet<WebhookName>,
    /// Those that this server could not even try to reach the last time, and from when on it tries again.
    unable: HashMap<WebhookName, (Restarts, Timestamp)>,
}

impl UnderWay {
    pub(super) fn has(&self, delivery: &Delivery) -> bool {
        self.places.get(&delivery.webhook).is_some_and(|places| places.contains(&delivery.event.sequence))
    }

    pub(super) fn is_full(&self) -> bool {
        self.attempts.len() >= ALL_AT_ONCE
    }

    /// How many attempts more there may be at a webhook now.
    pub(super) fn room_for(&self, name: &WebhookName, now: Timestamp) -> usize {
        let most = match self.unable.get(name) {
            Some((_, again)) if now < *again => 0,
            Some(_) => 1,
            None if self.refusing.contains(name) => 1,
            None => AT_ONCE,
        };
        let own = most.saturating_sub(self.places.get(name).map_or(0, BTreeSet::len));
        let of_tenant = OF_TENANT.saturating_sub(self.of_tenants.get(&name.tenant).copied().unwrap_or_default());
        own.min(of_tenant).min(ALL_AT_ONCE.saturating_sub(self.attempts.len()))
    }

    /// Begins an attempt, which ends where this goes away.
    pub(super) fn add(
        &mut self,
        spawner: &dyn Spawner,
        webhook: &WebhookName,
        sequence: u64,
        attempt: impl Future<Output = Attempted> + Send + 'static,
    ) {
        let webhook = webhook.clone();
        self.places.entry(webhook.clone()).or_default().insert(sequence);
        *self.of_tenants.entry(webhook.tenant.clone()).or_default() += 1;
        let (end, ended) = oneshot::channel();
        spawner.spawn(TASK, Box::pin(unless_forgotten(attempt, end)));
        self.attempts.push(Box::pin(async move {
            // One that has panicked says nothing.
            let attempted = ended.await.unwrap_or(Attempted::Postponed);
            Ended { webhook, attempted, sequence }
        }));
    }

    /// Waits for the end of an attempt, which is answered with the rest of `wait`, or for that of `wait`.
    pub(super) async fn next<W: Future<Output = ()> + Unpin>(&mut self, wait: W) -> Option<(Ended, W)> {
        if self.attempts.is_empty() {
            wait.await;
            return None;
        }
        match select(wait, self.attempts.next()).await {
            Either::Right((Some(ended), rest)) => {
                self.remove(&ended);
                Some((ended, rest))
            }
            Either::Right((None, _)) | Either::Left(_) => None,
        }
    }

    /// Makes room where attempts have ended.
    pub(super) fn take_ended(&mut self) {
        while let Some(Some(ended)) = self.attempts.next().now_or_never() {
            self.remove(&ended);
        }
    }

    /// Forgets who refuses: webhooks may be gone by now.
    pub(super) fn forget_refusals(&mut self) {
        self.refusing.clear();
        self.unable.clear();
    }

    fn remove(&mut self, ended: &Ended) {
        let Ended { webhook, attempted, sequence } = ended;
        if let Some(places) = self.places.get_mut(webhook) {
            places.remove(sequence);
            if places.is_empty() {
                self.places.remove(webhook);
            }
        }
        if let Some(many) = self.of_tenants.get_mut(&webhook.tenant) {
            *many -= 1;
            if *many == 0 {
                self.of_tenants.remove(&webhook.tenant);
            }
        }
        match attempted {
            Attempted::Taken => {
                self.refusing.remove(webhook);
                self.unable.remove(webhook);
            }
            Attempted::Refused => {
                self.refusing.insert(webhook.clone());
                self.unable.remove(webhook);
            }
            Attempted::Postponed => {}
            Attempted::Unable(at) => self.put_off(webhook, *at),
        }
    }

    /// Has the next attempt at a webhook wait. Those that were under way together count as one.
    fn put_off(&mut self, webhook: &WebhookName, at: Timestamp) {
        let (restarts, again) = self.unable.entry(webhook.clone()).or_default();
        if at >= *again {
            *again = at.plus(restarts.pause(Duration::ZERO));
        }
    }
}

/// Makes an attempt, as long as anybody waits for its end: what is under way ends with whoever has begun it, for the next one to send again.
async fn unless_forgotten(attempt: impl Future<Output = Attempted>, mut end: oneshot::Sender<Attempted>) {
    let attempted = {
        let (attempt, forgotten) = (pin!(attempt), pin!(end.cancellation()));
        match select(attempt, forgotten).await {
            Either::Left((attempted, _)) => attempted,
            Either::Right(_) => return,
        }
    };
    // Whoever went away just now needs it no more.
    let _ = end.send(attempted);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::work::Work;

    struct Tasks;

    impl Spawner for Tasks {
        fn spawn(&self, _: &'static str, work: Work) {
            tokio::spawn(work);
        }
    }

    fn webhook() -> WebhookName {
        WebhookName::parse("name", "tenants/acme/webhooks/a").unwrap()
    }

    async fn let_others_go_on() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_attempt_goes_on_while_nobody_asks_for_its_end() {
        let (mut under_way, done) = (UnderWay::default(), Arc::new(AtomicBool::new(false)));
        let attempt = {
            let done = done.clone();
            async move {
                tokio::task::yield_now().await;
                done.store(true, Ordering::SeqCst);
                Attempted::Taken
            }
        };
        under_way.add(&Tasks, &webhook(), 1, attempt);
        let_others_go_on().await;
        assert!(done.load(Ordering::SeqCst));
        under_way.take_ended();
        assert_eq!(under_way.room_for(&webhook(), Timestamp::default()), AT_ONCE);
    }

    #[tokio::test]
    async fn an_attempt_ends_with_whoever_has_begun_it() {
        let (mut under_way, held) = (UnderWay::default(), Arc::new(()));
        let holds = held.clone();
        under_way.add(&Tasks, &webhook(), 1, async move {
            std::future::pending::<()>().await;
            drop(holds);
            Attempted::Taken
        });
        let_others_go_on().await;
        assert_eq!(Arc::strong_count(&held), 2);
        drop(under_way);
        let_others_go_on().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    async fn ended(under_way: &mut UnderWay, attempted: Attempted) {
        under_way.add(&Tasks, &webhook(), 1, async move { attempted });
        let_others_go_on().await;
        under_way.take_ended();
    }

    #[tokio::test]
    async fn what_this_server_cannot_even_try_is_tried_ever_later_one_at_a_time_and_as_before_once_it_can() {
        let (mut under_way, mut now) = (UnderWay::default(), Timestamp::from_millis(5));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            ended(&mut under_way, Attempted::Unable(now)).await;
            let again = now.plus(Duration::from_secs(seconds));
            // One that was under way at the same time.
            ended(&mut under_way, Attempted::Unable(now)).await;
            let before = again.minus(Duration::from_millis(1));
            assert_eq!((under_way.room_for(&webhook(), before), under_way.room_for(&webhook(), again)), (0, 1), "{seconds} s");
            now = again;
        }
        ended(&mut under_way, Attempted::Taken).await;
        assert_eq!(under_way.room_for(&webhook(), now), AT_ONCE);
    }
}
