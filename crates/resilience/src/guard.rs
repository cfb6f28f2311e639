//! What stands before a dependency: the parts together, in the order in which they cost least.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::breaker::{Breaker, State};
use crate::budget::Budget;

/// How patient somebody is with a dependency.
#[derive(Debug, Clone)]
pub struct Config {
    /// From when on an answer is not waited for any more, attempts and pauses together.
    pub deadline: Duration,
    /// How many may ask at the same time; one more is refused.
    pub concurrent: usize,
    /// After how many failures in a row nothing is asked for a while.
    pub failures: u32,
    /// For how long.
    pub pause: Duration,
    /// Whether it is asked again.
    pub retries: Retries,
}

/// Whether something is asked again within its deadline, as far as the budget of the guard reaches: a tenth of what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// It is not.
    None,
    /// At most so often, behind pauses that double from the first, give or take chance.
    UpTo {
        /// How often.
        times: usize,
        /// The first pause.
        first: Duration,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure<E> {
    /// It has failed too often lately and was not asked.
    #[error("it has failed too often lately and is not asked for a while")]
    Open,
    /// Too many are asking and it was not asked.
    #[error("too many are asking at the same time")]
    Full,
    /// It did not answer in time.
    #[error("it did not answer in time")]
    Deadline,
    /// It failed.
    #[error(transparent)]
    Failed(E),
}

/// What a guard saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether anything is asked now.
    pub state: State,
    /// Attempts, first ones and others.
    pub attempts: u64,
    /// Those that failed or were late.
    pub failures: u64,
    /// What was not asked.
    pub refusals: u64,
    /// How often it was given up for a while.
    pub openings: u64,
}

/// Stands before a dependency, or one use of it.
pub struct Guard {
    config: Config,
    breaker: Breaker,
    budget: Budget,
    places: Semaphore,
    attempts: AtomicU64,
    failures: AtomicU64,
    refusals: AtomicU64,
    openings: AtomicU64,
}

impl Guard {
    /// A guard of this patience.
    pub fn new(config: Config) -> Self {
        Guard {
            breaker: Breaker::new(config.failures, config.pause, config.deadline),
            budget: Budget::default(),
            places: Semaphore::new(config.concurrent),
            attempts: AtomicU64::default(),
            failures: AtomicU64::default(),
            refusals: AtomicU64::default(),
            openings: AtomicU64::default(),
            config,
        }
    }

    /// Asks. `counts` says which errors speak against the dependency and are worth another attempt: one that refuses what was asked answers.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn ask<T, E, F>(&self, counts: impl Fn(&E) -> bool, mut attempt: impl FnMut() -> F) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(self.refuse(Failure::Full));
        };
        let until = Instant::now() + self.config.deadline;
        self.budget.earn();
        let mut pauses = self.pauses();
        loop {
            let failure = match self.once(until, &counts, &mut attempt).await {
                Err(failure) => failure,
                Ok(answer) => return Ok(answer),
            };
            let may_help = matches!(&failure, Failure::Failed(error) if counts(error));
            let pause = pauses.next().filter(|pause| may_help && Instant::now() + *pause < until);
            let Some(pause) = pause.filter(|_| self.budget.pay()) else { return Err(failure) };
            sleep(pause).await;
        }
    }

    /// What it saw.
    pub fn standing(&self) -> Standing {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Standing {
            state: self.breaker.state(Instant::now()),
            attempts: read(&self.attempts),
            failures: read(&self.failures),
            refusals: read(&self.refusals),
            openings: read(&self.openings),
        }
    }

    async fn once<T, E, F>(&self, until: Instant, counts: impl Fn(&E) -> bool, attempt: &mut impl FnMut() -> F) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let Some(pass) = self.breaker.admit(Instant::now()) else {
            return Err(self.refuse(Failure::Open));
        };
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let failure = match timeout_at(until, attempt()).await {
            Ok(Ok(answer)) => {
                self.breaker.succeeded(pass);
                return Ok(answer);
            }
            Ok(Err(error)) if !counts(&error) => {
                self.breaker.succeeded(pass);
                return Err(Failure::Failed(error));
            }
            Ok(Err(error)) => Failure::Failed(error),
            Err(_elapsed) => Failure::Deadline,
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        if self.breaker.failed(pass, Instant::now()) {
            self.openings.fetch_add(1, Ordering::Relaxed);
        }
        Err(failure)
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let (times, first) = match self.config.retries {
            Retries::None => (0, Duration::ZERO),
            Retries::UpTo { times, first } => (times, first),
        };
        ExponentialBuilder::default().with_min_delay(first).with_max_times(times).with_jitter().build()
    }

    fn refuse<E>(&self, failure: Failure<E>) -> Failure<E> {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        failure
    }
}
