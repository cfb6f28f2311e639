//! What a server does for executions of its own accord, for no caller: it keeps its lease, settles what dead servers left, hears
//! wishes to stop that were told to others, removes what is old, and ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};

use crate::access::TenantScope;
use crate::error::Result;
use crate::execution::{Body, Event, Execution, Executions, Hint, Pruned};
use crate::incident::Incident;
use crate::lease::Keeper;

/// Executions of dead servers that are settled in one step: what a server has in memory of them at once.
const SETTLED_AT_ONCE: u32 = 100;

impl Executions {
    /// Acquires this server's lease, and settles what dead servers left. Answers how many executions were lost.
    ///
    /// # Errors
    /// Those of the store; then nothing can be executed.
    pub async fn begin(&self) -> Result<u64> {
        self.shared.ports.keeper.acquire().await?;
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
        self.attempt("settle what dead servers left", self.recover().await.map(drop));
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

    /// Ends what dead servers left: executions that have not ended and whose fence is not that of a lease in force are lost.
    /// Answers how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recover(&self) -> Result<u64> {
        let ports = &self.shared.ports;
        let mut count = 0;
        loop {
            let left = ports.executions.abandoned(ports.clock.now(), SETTLED_AT_ONCE).await?;
            let mut settled = 0;
            for execution in &left {
                settled += u64::from(self.lose(execution).await?);
            }
            count += settled;
            // What others have taken over meanwhile is theirs to settle.
            if settled == 0 {
                return Ok(count);
            }
        }
    }

    /// Removes what is older than `keep`, or more than `max_output_bytes` of output.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune(&self, keep: Duration, max_output_bytes: u64) -> Result<Pruned> {
        let ports = &self.shared.ports;
        ports.executions.prune(ports.clock.now().minus(keep), max_output_bytes).await
    }

    /// Stops every execution and returns when all are stored, or after `patience`. Says whether all ended. The lease is given up,
    /// so that others settle at once what did not end.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        let shared = &self.shared;
        for live in shared.registry.all() {
            live.ask_stop(shared.ports.clock.now());
        }
        let empty = std::pin::pin!(shared.registry.empty());
        let all_ended = matches!(select(empty, shared.ports.clock.sleep(patience)).await, Either::Left(_));
        self.attempt("give the lease up", shared.ports.keeper.release().await);
        all_ended
    }

    async fn keep_lease(&self) -> Result<()> {
        let keeper = &self.shared.ports.keeper;
        if !keeper.renew().await? {
            keeper.acquire().await?;
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

    fn stop_here(&self, id: &crate::name::ExecutionId) {
        if let Some(live) = self.shared.registry.find(id) {
            live.ask_stop(self.shared.ports.clock.now());
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
        let scope = TenantScope::for_system(left.name.tenant.clone());
        let now = ports.clock.now();
        let taken = ports.executions.take_over(&scope, &left.name.execution, &left.fence, &fence, now).await?;
        let Some(mut execution) = taken else { return Ok(false) };
        let stored = self.shared.last_stored_sequence(&scope, &execution).await?;
        execution.lose(now);
        execution.revision = execution.revision.next();
        execution.last_sequence = stored + 1;
        let event = Event { sequence: execution.last_sequence, time: now, body: Body::Finished(Box::new(execution.clone())) };
        ports.executions.save(&scope, &execution, &[event]).await?;
        ports.signals.new_sequence(&execution.name, execution.last_sequence);
        Ok(true)
    }

    fn attempt(&self, work: &'static str, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.shared.ports.incidents.report(&Incident::WorkFailed { work, error: &error });
        }
    }
}
