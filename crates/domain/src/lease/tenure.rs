//! The lease under which one server at a time does what cannot be undone by a store: whoever acts asks right before whether it still may, and
//! for how long. What it does lies outside of the store, so no fence is compared there; it must have come to its end, or been given up, before
//! anybody else can hold the lease.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::lease::fence::{Fence, InstanceId};
use crate::lease::repository::LeaseRepository;
use crate::lease::rules::{Acquisition, LeaseName, Renewal, TERM};
use crate::time::{Clock, Timestamp};

/// Parts of a term. One of them is the period of renewal, so that one renewal may fail; the last one belongs to nobody: clocks may differ by
/// it, and what was given up may still be on its way.
const PARTS: u32 = 3;
/// How long a release waits for what is under way, within the time that a server has to stop. What takes longer keeps the lease until it
/// ends by itself.
const QUIET: Duration = Duration::from_millis(500);
/// How often it looks meanwhile.
const QUIET_STEP: Duration = Duration::from_millis(20);

/// The lease of a job, and how long this server surely holds it.
pub struct Tenure {
    leases: Arc<dyn LeaseRepository>,
    clock: Arc<dyn Clock>,
    name: LeaseName,
    holder: InstanceId,
    term: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Who acts at the moment.
    acting: usize,
}

#[derive(Debug, Clone)]
struct Held {
    fence: Fence,
    renewed: Timestamp,
    until: Timestamp,
}

/// Somebody who acts under the lease, from right before to the end.
pub struct Acting {
    tenure: Arc<Tenure>,
    fence: Fence,
}

// === impl Tenure ===

impl Tenure {
    /// The lease of a job, for `holder`; nothing is held yet.
    pub fn of_job(job: &str, leases: Arc<dyn LeaseRepository>, clock: Arc<dyn Clock>, holder: InstanceId) -> Self {
        Tenure { leases, clock, name: LeaseName::of_job(job), holder, term: TERM, state: Mutex::default() }
    }

    /// The same with another term than [`TERM`].
    pub fn lasting(self, term: Duration) -> Self {
        Tenure { term, ..self }
    }

    /// The time between two renewals.
    pub fn period(&self) -> Duration {
        self.term / PARTS
    }

    /// Acquires the lease, or renews it where that is due; says under which fence it is held. Once it has lapsed here, also while a renewal
    /// was under way, it is acquired under a new token, even where nobody else had it meanwhile: what was given up is begun anew.
    ///
    /// # Errors
    /// Those of the store. What is held stays so until its time has come.
    pub async fn keep(&self) -> Result<Option<Fence>> {
        // Counted from before the store was asked: for others the lease ends later, never earlier.
        let now = self.clock.now();
        let held = self.state().held.clone().filter(|held| now < held.until);
        let fence = match held {
            Some(held) if now.since(held.renewed) < self.period() => return Ok(Some(held.fence)),
            Some(held) => match self.leases.renew(&self.name, &held.fence, now, self.term).await? {
                Renewal::Renewed(_) if self.clock.now() < held.until => Some(held.fence),
                // Where it lapsed before the store answered, what was begun under it was given up by then.
                Renewal::Renewed(_) | Renewal::Lost => None,
            },
            None => match self.leases.acquire(&self.name, &self.holder, now, self.term).await? {
                Acquisition::Acquired(lease) => Some(lease.fence),
                Acquisition::Held(_) => None,
            },
        };
        let until = now.plus(self.term - self.period());
        self.state().held = fence.clone().map(|fence| Held { fence, renewed: now, until });
        Ok(fence)
    }

    /// Under which fence the lease is held now, if it is.
    pub fn fence(&self) -> Option<Fence> {
        self.held().map(|held| held.fence)
    }

    /// Whether it is held under this fence.
    pub fn is_held_by(&self, fence: &Fence) -> bool {
        self.fence().as_ref() == Some(fence)
    }

    /// Begins to act; `None` where that is somebody else's.
    pub fn act(self: &Arc<Self>) -> Option<Acting> {
        let now = self.clock.now();
        let mut state = self.state();
        let fence = state.held.as_ref().filter(|held| now < held.until)?.fence.clone();
        state.acting += 1;
        drop(state);
        Some(Acting { tenure: Arc::clone(self), fence })
    }

    /// Gives the lease up, so that another server has it at once, unless something is under way that does not end soon.
    ///
    /// # Errors
    /// Those of the store: then it ends by itself.
    pub async fn release(&self) -> Result<()> {
        let Some(held) = self.state().held.take() else { return Ok(()) };
        let mut waited = Duration::ZERO;
        while self.state().acting > 0 {
            if waited >= QUIET {
                return Ok(());
            }
            self.clock.sleep(QUIET_STEP).await;
            waited += QUIET_STEP;
        }
        self.leases.release(&self.name, &held.fence).await
    }

    fn held(&self) -> Option<Held> {
        let now = self.clock.now();
        self.state().held.clone().filter(|held| now < held.until)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Acting ===

impl Acting {
    /// Of which acquisition it is.
    pub fn token(&self) -> u64 {
        self.fence.token
    }

    /// How long it may go on unless the lease is renewed meanwhile. `None` once it must be given up.
    pub fn left(&self) -> Option<Duration> {
        let now = self.tenure.clock.now();
        let held = self.tenure.held().filter(|held| held.fence == self.fence)?;
        Some(held.until.since(now)).filter(|left| !left.is_zero())
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.tenure.state().acting -= 1;
    }
}
