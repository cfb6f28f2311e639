//! Makes calls fail at once while the daemon is known to be down, and lets one try through now and then.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const THRESHOLD: u32 = 2;
/// How long it stays open before a call is tried again.
const PAUSE: Duration = Duration::from_secs(3);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    last: String,
}

impl Breaker {
    /// Whether a call may be made; the error is that of the last one.
    pub(super) fn check(&self) -> Result<(), String> {
        let state = self.state();
        match state.open_until {
            Some(until) if Instant::now() < until => Err(state.last.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(super) fn failed(&self, error: &str) {
        let mut state = self.state();
        state.failures += 1;
        error.clone_into(&mut state.last);
        if state.failures >= THRESHOLD {
            state.open_until = Some(Instant::now() + PAUSE);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_success() {
        let breaker = Breaker::default();
        breaker.failed("first");
        assert_eq!(breaker.check(), Ok(()));
        breaker.failed("second");
        assert_eq!(breaker.check(), Err("second".to_owned()));
        breaker.succeeded();
        assert_eq!(breaker.check(), Ok(()));
    }
}
