//! Having the engine make what is wanted so, behind the call that wanted it, and again where a server gets the platform's lease.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::error::{ErrorKind, Result};
use crate::lease::Fence;
use crate::process::{Failure, Outcome, PlatformRevision, Platforms};

/// The first pause where the engine does not answer, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Platforms {
    /// Begins to have the engine make a revision so, unless that was begun under this lease already; a newer one takes over. `newest` is the
    /// newest number that there is: what is in force may be older.
    pub(super) fn begin(&self, fence: Fence, newest: u64, revision: PlatformRevision) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.as_ref().is_some_and(|(of, number)| *of == fence && *number >= newest) {
            return;
        }
        *begun = Some((fence.clone(), newest));
        drop(begun);
        let platforms = self.clone();
        self.ports.spawner.spawn("platform", Box::pin(async move { platforms.make_so(revision, fence).await }));
    }

    /// Whether everything up to a revision was begun under this lease.
    pub(super) fn has_begun(&self, fence: &Fence, newest: u64) -> bool {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.as_ref().is_some_and(|(of, number)| of == fence && *number >= newest)
    }

    async fn make_so(&self, revision: PlatformRevision, fence: Fence) {
        let Some(outcome) = self.insist(&fence, || self.attempt(&revision)).await else { return };
        // Apart from that: a store that does not answer for a while must not have everything rolled out once more.
        self.insist(&fence, || self.settle(&revision, &outcome)).await;
    }

    /// Asks until there is an answer, as long as the lease is held: what comes of it then is for its next holder to say.
    async fn insist<T, F: Future<Output = Result<T>>>(&self, fence: &Fence, ask: impl Fn() -> F) -> Option<T> {
        let mut pause = FIRST_PAUSE;
        while self.ports.tenure.is_held_by(fence) {
            match ask().await {
                Ok(answer) => return Some(answer),
                // Neither the engine nor the store is given up on: whoever waits sees that it is under way, and why services are not.
                Err(_unavailable) if self.ports.tenure.is_held_by(fence) => self.ports.clock.sleep(pause).await,
                Err(_unavailable) => return None,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        None
    }

    async fn attempt(&self, revision: &PlatformRevision) -> Result<Outcome> {
        let number = revision.desired.revision;
        let newest = self.ports.repository.newest().await?;
        if newest.is_some_and(|newest| newest.desired.revision > number && newest.is_in_force()) {
            return Ok(Outcome::Superseded);
        }
        let reached = self.ports.repository.reached().await?;
        let last_good = reached.filter(|reached| reached.desired.revision < number).map(|reached| Arc::new(reached.desired));
        match self.ports.platform.apply(Arc::new(revision.desired.clone()), last_good).await {
            Ok(outcome) => Ok(outcome),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
            // Asked again it would be refused again, as a manifest is that breaks a rule which has come since.
            Err(error) => Ok(Outcome::Failed(Failure { step: "begin".to_owned(), message: error.to_string(), ..Failure::default() })),
        }
    }

    async fn settle(&self, revision: &PlatformRevision, outcome: &Outcome) -> Result<()> {
        if revision.standing.gives_way_to(outcome) {
            self.ports.repository.settle(revision.desired.revision, outcome, self.ports.clock.now()).await?;
        }
        Ok(())
    }
}
