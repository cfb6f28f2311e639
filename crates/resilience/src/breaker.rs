//! When nothing is asked for a while: after some failures in a row. Then one attempt tries whether it is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether anything is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Everything is.
    Closed,
    /// One attempt tries whether it is over.
    HalfOpen,
    /// Nothing is.
    Open,
}

/// Counts failures in a row, and is told the time.
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    /// After this long without an answer, a trial counts as given up.
    longest: Duration,
    phase: Mutex<Phase>,
}

#[derive(Debug)]
enum Phase {
    Closed {
        failed: u32,
    },
    Open {
        until: Instant,
    },
    /// A trial that is heard of no more, as its caller has gone, is followed by the next.
    HalfOpen {
        until: Instant,
    },
}

/// What an attempt was let through by, and is reported with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    is_trial: bool,
}

impl Breaker {
    /// Opens after so many failures in a row, for so long; an attempt takes at most `longest`.
    pub fn new(failures: u32, pause: Duration, longest: Duration) -> Self {
        Breaker { failures, pause, longest, phase: Mutex::new(Phase::Closed { failed: 0 }) }
    }

    /// Whether an attempt would be let through now; nobody's turn is taken by that.
    pub fn would_admit(&self, now: Instant) -> bool {
        match *self.phase() {
            Phase::Closed { .. } => true,
            Phase::Open { until } | Phase::HalfOpen { until } => now >= until,
        }
    }

    /// Lets an attempt through, or not. Of those behind a pause the first one tries, and the others are not let through until it is
    /// answered: what hangs would keep each of them for the whole deadline.
    pub fn admit(&self, now: Instant) -> Option<Pass> {
        let mut phase = self.phase();
        match *phase {
            Phase::Closed { .. } => Some(Pass { is_trial: false }),
            Phase::Open { until } | Phase::HalfOpen { until } if now < until => None,
            Phase::Open { .. } | Phase::HalfOpen { .. } => {
                *phase = Phase::HalfOpen { until: now + self.longest };
                Some(Pass { is_trial: true })
            }
        }
    }

    /// It went well. Who was let through before it opened says nothing about now.
    pub fn succeeded(&self, pass: Pass) {
        let mut phase = self.phase();
        if pass.is_trial || matches!(*phase, Phase::Closed { .. }) {
            *phase = Phase::Closed { failed: 0 };
        }
    }

    /// It failed. Answers whether that has opened it.
    pub fn failed(&self, pass: Pass, now: Instant) -> bool {
        let mut phase = self.phase();
        let failed = match *phase {
            Phase::Closed { failed } => failed + 1,
            Phase::HalfOpen { .. } if pass.is_trial => self.failures,
            Phase::HalfOpen { .. } | Phase::Open { .. } => return false,
        };
        let opens = failed >= self.failures;
        *phase = if opens { Phase::Open { until: now + self.pause } } else { Phase::Closed { failed } };
        opens
    }

    /// What it does now.
    pub fn state(&self, now: Instant) -> State {
        match *self.phase() {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { until } if now < until => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
