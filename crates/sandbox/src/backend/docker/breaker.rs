//! Makes calls fail at once while the daemon is known to be down, and lets one through now and then to see whether it is back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const THRESHOLD: u32 = 2;
/// How long it stays open before a call is tried again.
const PAUSE: Duration = Duration::from_secs(3);

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    /// After this long without an answer, a trial counts as given up.
    trial: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    last: String,
}

impl Breaker {
    /// A closed one, for calls that take at most `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Breaker { trial: longest, state: Mutex::default() }
    }

    /// Whether calls are worth being asked for; the error is that of the last one.
    pub(super) fn check(&self, now: Instant) -> Result<(), String> {
        self.state().check(now)
    }

    /// Whether this call may be made. Of those after a pause the first one tries, and the others fail until it is answered: a
    /// daemon that hangs would keep each of them for the whole deadline.
    pub(super) fn admit(&self, now: Instant) -> Result<(), String> {
        let mut state = self.state();
        state.check(now)?;
        if state.open_until.is_some() {
            state.open_until = Some(now + self.trial);
        }
        Ok(())
    }

    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(super) fn failed(&self, error: &str, now: Instant) {
        let mut state = self.state();
        state.failures += 1;
        error.clone_into(&mut state.last);
        if state.failures >= THRESHOLD {
            state.open_until = Some(now + PAUSE);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self, now: Instant) -> Result<(), String> {
        match self.open_until {
            Some(until) if now < until => Err(self.last.clone()),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(DEADLINE);
        breaker.failed("first", now);
        assert_eq!(breaker.admit(now), Ok(()));
        breaker.failed("second", now);
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_success() {
        let now = Instant::now();
        let breaker = open(now);
        assert_eq!((breaker.check(now), breaker.admit(now)), (Err("second".to_owned()), Err("second".to_owned())));
        breaker.succeeded();
        assert_eq!((breaker.check(now), breaker.admit(now), breaker.admit(now)), (Ok(()), Ok(()), Ok(())));
    }

    #[test]
    fn of_calls_at_the_same_moment_after_a_pause_exactly_one_tries() {
        const CALLS: usize = 8;
        for _ in 0..100 {
            let now = Instant::now();
            let (breaker, start) = (open(now), std::sync::Barrier::new(CALLS));
            let admitted = || {
                start.wait();
                breaker.admit(now + PAUSE).is_ok()
            };
            let tried: usize = std::thread::scope(|scope| {
                let calls: Vec<_> = (0..CALLS).map(|_| scope.spawn(admitted)).collect();
                calls.into_iter().map(|call| usize::from(call.join().unwrap())).sum()
            });
            assert_eq!(tried, 1);
        }
    }

    #[test]
    fn after_a_pause_one_call_tries_while_the_others_go_on_failing() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + PAUSE;
        assert_eq!(breaker.check(later), Ok(()), "asking whether takes nobody's turn");
        assert_eq!((breaker.admit(later), breaker.admit(later)), (Ok(()), Err("second".to_owned())));
        breaker.failed("third", later);
        assert_eq!(breaker.check(later + PAUSE - Duration::from_millis(1)), Err("third".to_owned()));
        assert_eq!(breaker.admit(later + PAUSE), Ok(()));
        assert_eq!(breaker.admit(later + PAUSE + DEADLINE), Ok(()), "a trial that nobody waits for any more is given up");
    }
}
