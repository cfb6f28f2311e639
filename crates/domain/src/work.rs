//! Work beside that of a call as ports: the domain owns no runtime and no threads. And when work is begun anew that should not have ended.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_channel::oneshot;

use crate::error::{Error, Result};

/// The first pause before work is begun anew: a fault that goes away is over by then.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest: what panics each time costs next to nothing, and what it waits for is not missed for long.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Work that has gone on for as long is taken for well again.
const WELL_AGAIN: Duration = Duration::from_secs(600);

/// When work that goes on for as long as its server, and has panicked, is begun anew: never at once, ever later, and never given up.
#[derive(Debug)]
pub struct Restarts {
    next: Duration,
}

/// A unit of background work.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// A computation that takes long.
pub type Computation = Box<dyn FnOnce() + Send + 'static>;

/// Port: runs background work, by name. Work that is running when the process shuts down is awaited for a bounded time.
pub trait Spawner: Send + Sync {
    /// Starts `work`; `name` shows up in traces and in the shutdown report.
    fn spawn(&self, name: &'static str, work: Work);
}

impl Restarts {
    /// The pause before work is begun anew that has gone on for `lasted`.
    pub fn pause(&mut self, lasted: Duration) -> Duration {
        let pause = if lasted >= WELL_AGAIN { FIRST_PAUSE } else { self.next };
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl Default for Restarts {
    fn default() -> Self {
        Restarts { next: FIRST_PAUSE }
    }
}

/// Port: makes computations away from the threads that serve, a bounded number at once.
#[async_trait]
pub trait Processor: Send + Sync {
    /// Makes a computation once its turn has come; returns when it is made.
    async fn make(&self, computation: Computation) -> Result<()>;
}

/// What comes of a computation.
pub(crate) async fn computed<T: Send + 'static>(processor: &dyn Processor, compute: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    // Whoever waited may have gone.
    processor.make(Box::new(move || drop(answer.send(compute())))).await?;
    answered.await.map_err(|lost| Error::internal("computing", lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_again_and_again_is_begun_ever_later_and_what_was_well_for_long_soon() {
        let (mut restarts, seconds) = (Restarts::default(), Duration::from_secs);
        let pauses: Vec<_> = (0..9).map(|_| restarts.pause(seconds(3)).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(restarts.pause(WELL_AGAIN - seconds(1)), seconds(60));
        assert_eq!(restarts.pause(WELL_AGAIN), seconds(1));
        assert_eq!(restarts.pause(seconds(3)), seconds(2));
    }
}
