//! Which server acts: of all servers of a store, the one that holds the platform's lease has the platform made so. The others show how it is,
//! and take over within the lease's term.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{join, select};

use crate::error::Result;
use crate::lease::Fence;
use crate::process::{Platforms, Standing};

/// The longest time between two looks for a lease that is free, or a revision that another server has stored.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a server that only looks on shows.
#[derive(Default)]
struct Shown {
    /// The newest revision, and whether it has ended. None before anything was shown.
    newest: Option<(u64, bool)>,
}

impl Platforms {
    /// Has the engine make what is stored so whenever this server holds the platform's lease, until `stop`; what runs is adopted then, and what
    /// another server has left undone goes on. Ends at once where no engine is configured.
    pub async fn manage_until(&self, stop: impl Future<Output = ()> + Send) {
        if self.ports.platform.check().is_err() {
            return;
        }
        {
            let (stop, work) = (pin!(stop), pin!(join(self.manage(), self.tell_forever())));
            select(stop, work).await;
        }
        // The release begins first, and waits for what is let go of: that was not superseded, and its next holder says what comes of it. Where the
        // store does not answer, the lease ends by itself.
        let (_ends_by_itself, ()) = join(self.ports.tenure.release(), async { self.ports.platform.let_go() }).await;
    }

    async fn manage(&self) {
        let (mut shown, mut was_ours) = (Shown::default(), None::<Fence>);
        let pause = LOOK_EVERY.min(self.ports.tenure.period());
        loop {
            // While the store does not answer, the lease is held until its time has come.
            let held = self.ports.tenure.keep().await.unwrap_or_else(|_unavailable| self.ports.tenure.fence());
            let looked = match held {
                Some(fence) => {
                    shown = Shown::default();
                    // It may have lapsed and come back between two looks: what was begun before does not go on.
                    if was_ours.replace(fence.clone()).is_some_and(|before| before != fence) {
                        self.ports.platform.let_go();
                    }
                    self.see_to(fence).await
                }
                None => {
                    if was_ours.take().is_some() {
                        self.ports.platform.let_go();
                    }
                    self.look_on(&mut shown).await
                }
            };
            // The next look asks again.
            let _later = looked;
            self.ports.clock.sleep(pause).await;
        }
    }

    /// Begins what was not begun under this lease.
    async fn see_to(&self, fence: Fence) -> Result<()> {
        let newest = self.ports.repository.last().await?;
        if !self.has_begun(&fence, newest)
            && let Some(revision) = self.in_force().await?
        {
            // What came between the two reads is begun by this, and not once more by the next look.
            self.begin(fence, newest.max(revision.desired.revision), revision);
        }
        Ok(())
    }

    /// Shows what another server makes so: what is in force changes with a new revision, and with the end of the newest one.
    async fn look_on(&self, shown: &mut Shown) -> Result<()> {
        let last = self.ports.repository.last().await?;
        if last == 0 || shown.newest == Some((last, true)) {
            return Ok(());
        }
        let newest = self.ports.repository.newest().await?;
        let is_ended = newest.is_none_or(|newest| newest.standing != Standing::UnderWay);
        if shown.newest != Some((last, is_ended)) {
            if let Some(revision) = self.in_force().await? {
                self.ports.platform.show(&revision.desired).await?;
            }
            shown.newest = Some((last, is_ended));
        }
        Ok(())
    }
}
