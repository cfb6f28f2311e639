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
/// The least time from one wait to the next: where much is added, a follower looks once for all of it. Twice as long after each look that
/// brought nothing to tell, up to [`LOOK_EVERY`]: who wants little of much must not read for all of it.
const AT_ONCE: Duration = Duration::from_millis(50);
/// A follower that was told nothing for so long hears that the stream lives, and how far it has come.
const SILENCE: Duration = Duration::from_secs(15);

/// Completes once something was added since it was asked for; perhaps also where nothing was. A hint: what there is is in the store.
pub type News = Pin<Box<dyn Future<Output = ()> + Send>>;

/// News of a store that tells none.
pub fn never() -> News {
    Box::pin(pending())
}

/// Who waits for news of what. Cheap to clone: clones are the same.
#[derive(Debug)]
pub struct Bells<K>(Arc<Mutex<HashMap<K, Event>>>);

/// How one follower waits between its looks, and how long it was told nothing.
#[derive(Debug)]
pub(crate) struct Patience {
    waited: Timestamp,
    /// The least time from the last wait to the next.
    rest: Duration,
    told: Timestamp,
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
    /// Of a follower that begins now.
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Patience { waited: Timestamp::default(), rest: AT_ONCE, told: clock.now() }
    }

    /// The follower was told something.
    pub(crate) fn told(&mut self, clock: &dyn Clock) {
        (self.told, self.rest) = (clock.now(), AT_ONCE);
    }

    /// Whether the follower was told nothing for as long as it may be, whatever was added meanwhile that it does not want.
    pub(crate) fn is_over(&self, clock: &dyn Clock) -> bool {
        clock.now().since(self.told) >= SILENCE
    }

    /// Waits until it is worth to look again: for time to pass, or for `news`, which were listened to before the last look, so that what is
    /// added beside a look is heard.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock, news: News) {
        let is_silent = matches!(select(news, clock.sleep(LOOK_EVERY)).await, Either::Right(_));
        let rest = self.rest.saturating_sub(clock.now().since(self.waited));
        if !is_silent && !rest.is_zero() {
            clock.sleep(rest).await;
        }
        self.rest = if is_silent { AT_ONCE } else { LOOK_EVERY.min(self.rest * 2) };
        self.waited = clock.now();
        // A clock that was set back prolongs no silence.
        self.told = self.told.min(self.waited);
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

    impl Driven {
        fn pass(&self, millis: u64) {
            self.0.fetch_add(millis, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn news_are_looked_for_at_once_many_of_them_together_and_silence_after_a_while() {
        let (clock, bells) = (Driven(AtomicU64::new(1_000_000)), Bells::<u32>::default());
        let mut patience = Patience::new(&clock);
        let news = bells.listen(1);
        bells.ring(&1);
        assert!(patience.wait(&clock, news).now_or_never().is_some(), "at once");
        patience.told(&clock);
        let news = bells.listen(1);
        bells.ring(&1);
        let mut second = Box::pin(patience.wait(&clock, news));
        assert!(second.as_mut().now_or_never().is_none(), "with those that come right behind");
        clock.pass(50);
        assert!(second.now_or_never().is_some());
        let mut third = Box::pin(patience.wait(&clock, never()));
        assert!(third.as_mut().now_or_never().is_none());
        clock.pass(500);
        assert!(third.now_or_never().is_some(), "others may have added something");
    }

    /// How often it is looked within a second in which something is added every 10 ms.
    fn looks_in_a_second(clock: &Driven, patience: &mut Patience, tells: bool) -> u32 {
        let (bells, end, mut looks) = (Bells::<u32>::default(), clock.now().plus(Duration::from_secs(1)), 0);
        while clock.now() < end {
            let mut wait = Box::pin(patience.wait(clock, bells.listen(1)));
            while wait.as_mut().now_or_never().is_none() {
                clock.pass(10);
                bells.ring(&1);
            }
            drop(wait);
            if tells {
                patience.told(clock);
            }
            looks += 1;
        }
        looks
    }

    #[test]
    fn a_follower_that_wants_nothing_of_much_looks_twice_a_second() {
        let clock = Driven(AtomicU64::new(1_000_000));
        let mut patience = Patience::new(&clock);
        assert!(looks_in_a_second(&clock, &mut patience, false) <= 6, "less often each time");
        assert_eq!(looks_in_a_second(&clock, &mut patience, false), 2);
        assert!(looks_in_a_second(&clock, &mut patience, true) >= 10, "and at once for what it wants");
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_no_silence() {
        let clock = Driven(AtomicU64::new(10_000_000));
        let mut patience = Patience::new(&clock);
        clock.0.store(1_000_000, Ordering::Relaxed);
        looks_in_a_second(&clock, &mut patience, false);
        clock.pass(15_000);
        assert!(patience.is_over(&clock));
    }
}
