//! That something was added to a log, for whoever follows it: heard at once where this process has added it, and looked for again and
//! again otherwise, as other processes may add to the same store.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::Event;
use futures_util::future::{Either, select};

use crate::time::{Clock, Timestamp};

/// How often it is looked for what others have added.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least time from one wait to the next: where much is added, a follower looks once for all of it.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Completes once something was added since it was asked for; perhaps also where nothing was. A hint: what there is is in the store.
pub type News = Pin<Box<dyn Future<Output = ()> + Send>>;

/// News of a store that tells none.
pub fn never() -> News {
    Box::pin(pending())
}

/// Who waits for news of what. Cheap to clone: clones are the same.
#[derive(Debug)]
pub struct Bells<K>(Arc<Mutex<HashMap<K, Event>>>);

/// How one follower waits between its looks.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    waited: Timestamp,
}

// === impl Bells ===

impl<K: Hash + Eq> Bells<K> {
    /// News of this from now on.
    pub fn listen(&self, key: K) -> News {
        Box::pin(self.events().entry(key).or_default().listen())
    }

    /// Tells everybody who listens. Nothing is kept of what nobody waits for any more.
    pub fn ring(&self, key: &K) {
        if let Some(event) = self.events().remove(key) {
            event.notify(usize::MAX);
        }
    }

    fn events(&self) -> MutexGuard<'_, HashMap<K, Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for Bells<K> {
    fn default() -> Self {
        Bells(Arc::default())
    }
}

impl<K> Clone for Bells<K> {
    fn clone(&self) -> Self {
        Bells(Arc::clone(&self.0))
    }
}

// === impl Patience ===

impl Patience {
    /// Waits until it is worth to look again. Says whether that is because time has passed, and not for `news`, which were listened to
    /// before the last look: what is added beside a look is heard.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock, news: News) -> bool {
        let is_silent = matches!(select(news, clock.sleep(LOOK_EVERY)).await, Either::Right(_));
        let rest = AT_ONCE.saturating_sub(clock.now().since(self.waited));
        if !is_silent && !rest.is_zero() {
            clock.sleep(rest).await;
        }
        self.waited = clock.now();
        is_silent
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;

    use async_trait::async_trait;
    use futures_util::FutureExt as _;

    use super::*;

    /// Moved by hand; whoever sleeps is asked again by the test.
    struct Driven(AtomicU64);

    #[async_trait]
    impl Clock for Driven {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }

        async fn sleep(&self, duration: Duration) {
            let begun = self.now();
            poll_fn(|_| if self.now().since(begun) >= duration { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }

    #[test]
    fn who_listens_hears_what_is_rung_since_and_of_nothing_else() {
        let bells = Bells::<u32>::default();
        bells.ring(&1);
        let (mut first, mut again, mut other) = (bells.listen(1), bells.listen(1), bells.listen(2));
        assert!(first.as_mut().now_or_never().is_none(), "that was before");
        bells.clone().ring(&1);
        assert!(first.now_or_never().is_some() && again.as_mut().now_or_never().is_some());
        assert!(other.as_mut().now_or_never().is_none());
        assert!(bells.listen(1).now_or_never().is_none(), "it was heard");
    }

    #[tokio::test]
    async fn news_are_looked_for_at_once_many_of_them_together_and_silence_after_a_while() {
        let (clock, bells, mut patience) = (Driven(AtomicU64::new(1_000_000)), Bells::<u32>::default(), Patience::default());
        let news = bells.listen(1);
        bells.ring(&1);
        assert_eq!(patience.wait(&clock, news).now_or_never(), Some(false), "at once");
        let news = bells.listen(1);
        bells.ring(&1);
        let mut second = Box::pin(patience.wait(&clock, news));
        assert_eq!(second.as_mut().now_or_never(), None, "with those that come right behind");
        clock.0.fetch_add(50, Ordering::Relaxed);
        assert_eq!(second.now_or_never(), Some(false));
        let mut third = Box::pin(patience.wait(&clock, never()));
        assert_eq!(third.as_mut().now_or_never(), None);
        clock.0.fetch_add(500, Ordering::Relaxed);
        assert_eq!(third.now_or_never(), Some(true), "others may have added something");
    }
}
