//! What a server does for operations of its own accord: it goes on with what dead servers have left, and removes what ended long ago.

use std::time::Duration;

use crate::access::TenantScope;
use crate::error::Result;
use crate::lease::Keeper;
use crate::name::OperationName;
use crate::operation::ports::Operations;

/// How often it is looked for what dead servers have left: with the term of a lease, so long an operation may rest.
pub const TEND_PERIOD: Duration = Keeper::period();
/// How long an operation that has ended can be read, with what became of its items.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// Operations that are taken over in one step.
const TAKEN_AT_ONCE: u32 = 20;

impl Operations {
    /// Goes round for as long as the server lives: see [`Operations::tend`].
    pub async fn tend_forever(&self) {
        loop {
            self.tend().await;
            self.executions.ports().clock.sleep(TEND_PERIOD).await;
        }
    }

    /// One round. What fails is reported, and tried again in the next.
    pub async fn tend(&self) {
        self.executions.note_attempt("take over operations", self.take_over_all().await);
        self.executions.note_attempt("remove old operations", self.prune().await);
    }

    /// Goes on with operations that nobody does. One that cannot be taken over hides no others.
    async fn take_over_all(&self) -> Result<()> {
        if self.executions.is_stopping() {
            return Ok(());
        }
        for name in self.held.left() {
            self.go_on(name);
        }
        let ports = self.executions.ports();
        let Some(fence) = ports.keeper.fence() else { return Ok(()) };
        let (now, mut failed) = (ports.clock.now(), None);
        for left in self.repository.abandoned(now, TAKEN_AT_ONCE).await? {
            let scope = TenantScope::for_system(left.name.tenant.clone());
            // Held before, as of one that is new: where the answer is lost, the next round finds out.
            let Some(hold) = self.held.hold(&left.name) else { continue };
            match self.repository.take_over(&scope, &left.name.operation, &left.fence, &fence, now).await {
                Ok(Some(taken)) => self.drive(taken.name, hold),
                Ok(None) => hold.end(),
                // Dropped as where the task dies: the answer may be what was lost.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn go_on(&self, name: OperationName) {
        if let Some(hold) = self.held.hold(&name) {
            self.drive(name, hold);
        }
    }

    async fn prune(&self) -> Result<()> {
        let now = self.executions.ports().clock.now();
        let before = now.minus(KEPT_FOR);
        while self.repository.prune(before).await? {}
        Ok(())
    }
}
