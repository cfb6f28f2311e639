//! Having the engine make what is wanted so, behind the call that wanted it, and again where a server begins.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorKind, Result};
use crate::process::{Failure, Outcome, PlatformRevision, Platforms};

/// The first pause where the engine does not answer, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Platforms {
    /// Has the engine go on with what is stored: a server that begins adopts what runs, and goes on with what another has left undone. Does
    /// nothing where nothing is stored, or no engine is configured.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn resume(&self) -> Result<()> {
        if self.ports.platform.check().is_err() {
            return Ok(());
        }
        if let Some(revision) = self.in_force().await? {
            self.reconcile(revision);
        }
        Ok(())
    }

    /// Begins to have the engine make a revision so; a newer one takes over.
    pub(super) fn reconcile(&self, revision: PlatformRevision) {
        let platforms = self.clone();
        self.ports.spawner.spawn("platform", Box::pin(async move { platforms.make_so(revision).await }));
    }

    async fn make_so(&self, revision: PlatformRevision) {
        let outcome = self.insist(|| self.attempt(&revision)).await;
        // Apart from that: a store that does not answer for a while must not have everything rolled out once more.
        self.insist(|| self.settle(&revision, &outcome)).await;
    }

    /// Asks until there is an answer.
    async fn insist<T, F: Future<Output = Result<T>>>(&self, ask: impl Fn() -> F) -> T {
        let mut pause = FIRST_PAUSE;
        loop {
            match ask().await {
                Ok(answer) => return answer,
                // Neither the engine nor the store is given up on: whoever waits sees that it is under way, and why services are not.
                Err(_unavailable) => self.ports.clock.sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
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
