//! What a server does for executions of its own accord, for no caller: it keeps its lease, settles what dead servers left, hears
//! wishes to stop that were told to others, and ends.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};

use crate::access::TenantScope;
use crate::audit::Notes;
use crate::error::{Error, Result};
use crate::execution::{Body, Event, Execution, Executions, Hint};
use crate::incident::Incident;
use crate::lease::{Fence, Keeper, TERM};
use crate::name::{ExecutionId, ExecutionName};
use crate::tenant::TenantState;

/// Executions of dead servers that are settled in one step: what a server has in memory of them at once.
const SETTLED_AT_ONCE: u32 = 20;
/// How often it is asked whose tenant is suspended by now: with it, what runs ends within the second that is promised.
const HEED_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether the lease was renewed: often enough that what must end before it expires has ended by then.
const LEASE_WATCHED_EVERY: Duration = Duration::from_secs(1);
/// What records call the ending of what a dead server left.
const LOSE: &str = "execution.lose";

impl Executions {
    /// Acquires this server's lease, and settles what dead servers left. Answers how many executions were lost.
    ///
    /// # Errors
    /// Those of the store; then nothing can be executed.
    pub async fn begin(&self) -> Result<u64> {
        self.acquire_lease().await?;
        self.recover().await
    }

    /// Goes round for as long as the server lives: see [`Executions::tend`].
    pub async fn tend_forever(&self) {
        loop {
            self.shared.ports.clock.sleep(Keeper::period()).await;
            self.tend().await;
        }
    }

    /// One round: renews the lease, or acquires it anew where it was lost; stops what others were asked to stop here; settles what
    /// dead servers left. What fails is reported, and tried again in the next round.
    pub async fn tend(&self) {
        self.attempt("keep the lease", self.keep_lease().await);
        self.attempt("find wishes to stop", self.stop_what_was_asked().await);
        self.attempt("give executions back", self.settle_claims().await);
        self.attempt("settle what dead servers left", self.recover().await.map(drop));
    }

    /// Watches for as long as the server lives that its lease is renewed: see [`Executions::yield_what_may_be_claimed`].
    pub async fn watch_lease(&self) {
        loop {
            self.shared.ports.clock.sleep(LEASE_WATCHED_EVERY).await;
            self.yield_what_may_be_claimed();
        }
    }

    /// Where the lease was not renewed for so long that others may soon take it for expired, stops what they would run again: it never runs
    /// twice at the same time. Asks nobody, as the store may be what does not answer; a later round has it wait.
    pub fn yield_what_may_be_claimed(&self) {
        let now = self.shared.ports.clock.now();
        if now.since(self.shared.rounds.last_renewal()) < TERM.saturating_sub(Keeper::period()) {
            return;
        }
        for live in self.shared.registry.all() {
            let held = live.snapshot();
            if held.claimable.is_some_and(|claimable| claimable.retries > 0) {
                self.shared.ports.incidents.report(&Incident::Overtaken { execution: &held.name });
                self.shared.orphans.add(held.name.clone());
                self.shared.registry.remove(&held.name.execution);
                live.overtake();
                live.ask_stop(now);
            }
        }
    }

    /// Hears wishes to stop as they are told, for as long as the server lives.
    pub async fn hear_stops(&self) {
        let shared = &self.shared;
        let mut hints = shared.ports.signals.stops_of(shared.ports.keeper.instance());
        while let Some(hint) = hints.next().await {
            match hint {
                Hint::Of(name) => self.stop_here(&name.execution),
                Hint::Missed => self.attempt("find wishes to stop", self.stop_what_was_asked().await),
            }
        }
    }

    /// Ends what runs or waits here of suspended and deleted tenants, for as long as the server lives.
    pub async fn heed_suspensions(&self) {
        loop {
            self.shared.ports.clock.sleep(HEED_EVERY).await;
            self.attempt("end executions of suspended tenants", self.stop_what_is_closed().await);
            self.attempt("end waiting executions of suspended tenants", self.end_waiting_of_closed().await);
        }
    }

    /// Ends what dead servers left: executions that have not ended and whose fence is not that of a lease in force are lost; and what
    /// failures left of this server's own. Answers how many. One that cannot be settled now is reported and left for the next round.
    ///
    /// # Errors
    /// Those of the store when it cannot say what is left, or when the lease cannot be kept meanwhile.
    pub async fn recover(&self) -> Result<u64> {
        let ports = &self.shared.ports;
        let mut count = self.settle_orphans().await?;
        let mut skipped = HashSet::new();
        loop {
            // What was skipped comes again, and must not hide what lies behind it.
            let limit = SETTLED_AT_ONCE.saturating_add(u32::try_from(skipped.len()).unwrap_or(u32::MAX));
            let mut left = ports.executions.abandoned(ports.clock.now(), limit).await?;
            left.retain(|execution| !skipped.contains(&execution.name));
            if left.is_empty() {
                return Ok(count);
            }
            for execution in left {
                match self.lose(&execution).await {
                    Ok(true) => count += 1,
                    Ok(false) => drop(skipped.insert(execution.name)),
                    Err(error) => {
                        ports.incidents.report(&Incident::NotSettled { execution: &execution.name, error: &error });
                        skipped.insert(execution.name);
                    }
                }
                self.keep_lease_meanwhile().await?;
            }
        }
    }

    /// Begins nothing more, and returns when what runs and waits here has ended, or after `patience`. Says whether all has ended.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.shared.claims.stop();
        self.all_ended(patience).await
    }

    /// Claims nothing more, stops every execution that is here, and returns when all are stored, or after `patience`. Says whether all ended.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        let shared = &self.shared;
        // What waits in the store stays there, for other servers or the next start.
        shared.claims.stop();
        for live in shared.registry.all() {
            live.ask_stop(shared.ports.clock.now());
        }
        self.all_ended(patience).await
    }

    async fn all_ended(&self, patience: Duration) -> bool {
        let empty = std::pin::pin!(self.shared.registry.empty());
        matches!(select(empty, self.shared.ports.clock.sleep(patience)).await, Either::Left(_))
    }

    /// Gives the lease up, the last of what a server does: others settle at once what it has not ended.
    pub async fn leave(&self) {
        self.attempt("give the lease up", self.shared.ports.keeper.release().await);
    }

    async fn keep_lease(&self) -> Result<()> {
        let ports = &self.shared.ports;
        // The term counts from when it was asked for: the answer may have taken as long as it likes.
        let begun = ports.clock.now();
        if !ports.keeper.renew().await? {
            return self.acquire_lease().await;
        }
        if ports.clock.now().since(self.shared.rounds.last_renewal()) >= TERM {
            // Before the renewal is noted: where this fails, the next round tries it again.
            self.yield_what_was_taken().await?;
        }
        self.shared.rounds.renewed(begun);
        Ok(())
    }

    /// Between two steps of long work: however much there is to do, and however slow the store, it must not outlast the lease under
    /// which it is done.
    async fn keep_lease_meanwhile(&self) -> Result<()> {
        let since = self.shared.ports.clock.now().since(self.shared.rounds.last_renewal());
        if since < Keeper::period() { Ok(()) } else { self.keep_lease().await }
    }

    async fn acquire_lease(&self) -> Result<()> {
        let ports = &self.shared.ports;
        let begun = ports.clock.now();
        ports.keeper.acquire().await?;
        self.shared.rounds.renewed(begun);
        Ok(())
    }

    /// This server was paused for longer than its lease: others may have taken over what it runs. A program that prints nothing would
    /// not hear so by a write.
    async fn yield_what_was_taken(&self) -> Result<()> {
        let ports = &self.shared.ports;
        for live in self.shared.registry.all() {
            let held = live.snapshot();
            let scope = TenantScope::for_system(held.name.tenant.clone());
            let stored = ports.executions.find(&scope, &held.name.execution).await?.open_for_system();
            if stored.is_some_and(|stored| stored.fence != held.fence) {
                ports.incidents.report(&Incident::Overtaken { execution: &held.name });
                self.shared.registry.remove(&held.name.execution);
                live.overtake();
                live.ask_stop(ports.clock.now());
            }
        }
        Ok(())
    }

    async fn stop_what_was_asked(&self) -> Result<()> {
        let ports = &self.shared.ports;
        for name in ports.executions.stops_asked(ports.keeper.instance()).await? {
            self.stop_here(&name.execution);
        }
        Ok(())
    }

    /// What was permitted right before its tenant was suspended shows up after it, so each round looks at all there is.
    async fn stop_what_is_closed(&self) -> Result<()> {
        let ports = &self.shared.ports;
        for live in self.shared.registry.all() {
            if !live.stop_asked() && ports.tenants.state(&live.tenant()).await? != Some(TenantState::Active) {
                live.ask_stop(ports.clock.now());
            }
        }
        Ok(())
    }

    fn stop_here(&self, id: &ExecutionId) {
        if let Some(live) = self.shared.registry.find(id) {
            live.ask_stop(self.shared.ports.clock.now());
        }
    }

    /// Ends what failures left under this server's own fence; answers how many were lost.
    async fn settle_orphans(&self) -> Result<u64> {
        let mut count = 0;
        for name in self.shared.orphans.all() {
            match self.settle_orphan(&name).await {
                Ok(lost) => {
                    self.shared.orphans.remove(&name);
                    count += u64::from(lost);
                }
                Err(error) => self.shared.ports.incidents.report(&Incident::NotSettled { execution: &name, error: &error }),
            }
            self.keep_lease_meanwhile().await?;
        }
        Ok(count)
    }

    async fn settle_orphan(&self, name: &ExecutionName) -> Result<bool> {
        let ports = &self.shared.ports;
        let scope = TenantScope::for_system(name.tenant.clone());
        let found = ports.executions.find(&scope, &name.execution).await?.open_for_system();
        match found {
            Some(execution) if !execution.state.is_terminal() && Some(&execution.fence) == ports.keeper.fence().as_ref() => {
                let entry = ports.auditor.own_entry(name.tenant.clone(), LOSE, name);
                ports.auditor.own_work(entry, Notes::default(), self.end_as_lost(&scope, execution)).await.map(|()| true)
            }
            // It was not stored, has ended, or is under another fence: then it is settled like what the dead left.
            Some(_) | None => Ok(false),
        }
    }

    /// Takes an abandoned execution over and ends it; says whether it was there to be taken.
    async fn lose(&self, left: &Execution) -> Result<bool> {
        let ports = &self.shared.ports;
        let Some(fence) = ports.keeper.fence() else { return Ok(false) };
        // What this server runs is not abandoned, whatever a clock says.
        if self.shared.registry.find(&left.name.execution).is_some() {
            return Ok(false);
        }
        let entry = ports.auditor.own_entry(left.name.tenant.clone(), LOSE, &left.name);
        match ports.auditor.own_work(entry, Notes::default(), self.take_over(left, &fence)).await {
            Ok(()) => Ok(true),
            Err(Error::StaleFence { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// [`Error::StaleFence`] where somebody else has taken it.
    async fn take_over(&self, left: &Execution, fence: &Fence) -> Result<()> {
        let ports = &self.shared.ports;
        let scope = TenantScope::for_system(left.name.tenant.clone());
        let taken = ports.executions.take_over(&scope, &left.name.execution, &left.fence, fence, ports.clock.now()).await;
        // From here on it may be under this server's fence, where nobody else looks for it.
        self.shared.orphans.add(left.name.clone());
        let Some(execution) = taken? else {
            self.shared.orphans.remove(&left.name);
            return Err(Error::StaleFence { resource: left.name.to_string() });
        };
        self.end_as_lost(&scope, execution).await?;
        self.shared.orphans.remove(&left.name);
        Ok(())
    }

    /// What may be claimed once more waits again; everything else ends.
    async fn end_as_lost(&self, scope: &TenantScope, mut execution: Execution) -> Result<()> {
        let ports = &self.shared.ports;
        if let Some(waiting) = execution.clone().retried() {
            ports.queue.put_back(&waiting, &execution.fence).await?;
            ports.signals.work_waits();
            self.claim_for(scope.tenant());
            return Ok(());
        }
        execution.lose(ports.clock.now());
        self.store_end(scope, &mut execution).await
    }

    /// Stores the end of an execution that nobody drives, under this server's fence.
    pub(super) async fn store_end(&self, scope: &TenantScope, execution: &mut Execution) -> Result<()> {
        let ports = &self.shared.ports;
        let now = ports.clock.now();
        let stored = self.shared.last_stored_sequence(scope, execution).await?;
        execution.revision = execution.revision.next();
        execution.last_sequence = stored + 1;
        let event = Event { sequence: execution.last_sequence, time: now, body: Body::Finished(Box::new(execution.clone())) };
        ports.executions.save(scope, execution, &[event]).await?;
        ports.signals.new_sequence(&execution.name, execution.last_sequence);
        Ok(())
    }

    /// Tells operators when work begins to fail, and when it succeeds again.
    pub(super) fn attempt(&self, work: &'static str, outcome: Result<()>) {
        let incidents = &self.shared.ports.incidents;
        let is_news = self.shared.rounds.is_news(work, outcome.is_err());
        match outcome {
            Err(error) if is_news => incidents.report(&Incident::WorkFailed { work, error: &error }),
            Ok(()) if is_news => incidents.report(&Incident::WorkResumed { work }),
            Err(_) | Ok(()) => {}
        }
    }
}
