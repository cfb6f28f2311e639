//! A clock that stands still until the test moves it.

use std::time::Duration;

use async_trait::async_trait;
use domain::time::{Clock, Timestamp};
use tokio::sync::watch;

/// A clock moved by hand. Sleepers wake when the time they wait for has come.
#[derive(Debug)]
pub struct FakeClock {
    now: watch::Sender<Timestamp>,
}

impl FakeClock {
    /// 2026-01-01T00:00:00Z: a time like those that are stored in earnest.
    pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        FakeClock { now: watch::Sender::new(now) }
    }

    /// Moves the time on.
    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("tests stay within this age");
        self.now.send_modify(|now| *now = Timestamp::from_millis(now.as_millis() + millis));
    }

    /// How many sleepers wait.
    pub fn sleepers(&self) -> usize {
        self.now.receiver_count()
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        FakeClock::at(Self::START)
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let mut moved = self.now.subscribe();
        let start = *moved.borrow();
        moved.wait_for(|now| now.since(start) >= duration).await.expect("the clock outlives its borrower");
    }
}
