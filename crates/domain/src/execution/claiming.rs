//! Executions that wait in the store: put there when no place is free where they were asked for, and claimed by any server that has one.
//!
//! Each server has at most one claimant for each tenant of which something waits. It takes its turn among what waits for a place of this
//! server, as everything else of its tenant does, and looks into the store only once it has a place. So turns between tenants are those of the
//! admission, on every server, and what is claimed runs at once. Who claims first, the store says.

use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};

use crate::access::{Action, Permit, TenantScope};
use crate::admission::{Ticket, queue_full};
use crate::error::{Error, ErrorKind, Result};
use crate::execution::driver::Owned;
use crate::execution::live::LiveExecution;
use crate::execution::ports::no_lease;
use crate::execution::use_cases::{Launched, abandoned, overtaken_as_stale};
use crate::execution::{Claimed, Enqueued, Execution, Executions, Room, actions, driver, inserting};
use crate::lease::Fence;
use crate::name::{ExecutionName, TenantId, UtilityName};
use crate::request::{Committed, RequestKey};
use crate::revision::Revision;
use crate::sandbox::{self, Failure, Job, Reason};
use crate::schedule::Firing;
use crate::tenant::TenantState;

/// How often a server looks for what waits: so long a free place may stay free while other servers are full. A look that finds nothing is
/// one read of a collection that is empty.
pub const CLAIM_PERIOD: Duration = Duration::from_millis(500);
/// How soon after a hint: what comes meanwhile is found by the same look.
const HURRY: Duration = Duration::from_millis(20);
/// Tenants that one read of a look brings.
const TENANTS_AT_ONCE: u32 = 200;
/// Executions that a claimant reads to claim one of them: where others claim at the same time, the first may be gone.
const SEEN_AT_ONCE: u32 = 8;

/// Whether a claimant goes on.
#[derive(PartialEq, Eq)]
enum Next {
    /// There may be more.
    Again,
    /// There is nothing to claim, or nowhere to run it.
    Nothing,
    /// What was claimed cannot run here now.
    Rest,
}

/// Who claims what waits of one tenant on this server, for as long as there is something.
struct Claimant {
    executions: Executions,
    tenant: TenantId,
    ended: bool,
}

/// That nobody else on this server claims an execution meanwhile, or has it wait on.
struct Hold {
    executions: Executions,
    name: ExecutionName,
}

/// That an execution may have been claimed, and nobody drives it. Where it is not settled, a later round has it wait on.
struct Doubt {
    hold: Hold,
    settled: bool,
}

impl Claimant {
    async fn claim(mut self) {
        loop {
            self.executions.shared.claims.look(&self.tenant);
            let next = self.executions.claim_next(&self.tenant).await;
            let goes_on = match &next {
                Ok(Next::Again) => true,
                Ok(Next::Rest) | Err(_) => false,
                Ok(Next::Nothing) => {
                    self.ended = self.executions.shared.claims.end_unless_more(&self.tenant);
                    !self.ended
                }
            };
            self.executions.attempt("claim executions", next.map(drop));
            if !goes_on {
                return;
            }
        }
    }
}

impl Drop for Claimant {
    fn drop(&mut self) {
        if !self.ended {
            self.executions.shared.claims.end(&self.tenant);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.executions.shared.claims.release(&self.name);
    }
}

impl Doubt {
    fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if !self.settled {
            self.hold.executions.shared.claims.unsettled.add(self.hold.name.clone());
        }
    }
}

impl Executions {
    /// Stores an execution as waiting. Its own task does, as of others: whoever asked may go away meanwhile.
    pub(super) async fn enqueue<A>(
        &self,
        permit: &Permit<A>,
        execution: Execution,
        request: Option<RequestKey>,
        firing: Option<Firing>,
    ) -> Result<Launched>
    where
        A: Action<Target = UtilityName>,
    {
        let (limits, scope, intent) =
            (self.shared.ports.admission.queue_limits(permit.account().tenant()), permit.account(), permit.take_intent());
        let is_scheduled = firing.is_some();
        let (sender, answer) = oneshot::channel();
        let (executions, stored) = (self.clone(), execution.clone());
        let work = async move {
            let room = Room { of_tenant: limits.0, in_all: limits.1 };
            let beside = (request.as_ref(), firing.as_ref());
            let enqueued = inserting::enqueue(&executions.shared, &scope, &stored, beside, intent, room).await;
            if matches!(enqueued, Ok(Enqueued::Committed(Committed::Stored))) {
                executions.claim_for(scope.tenant());
                executions.shared.ports.signals.work_waits();
            }
            // Whoever asked may be gone: it waits all the same.
            let _ = sender.send(enqueued);
        };
        self.shared.ports.spawner.spawn("queueing", Box::pin(work));
        match answer.await.unwrap_or_else(|_dropped| Err(abandoned()))? {
            Enqueued::Committed(committed) => self.launched(permit, overtaken_as_stale(is_scheduled, committed)?, || (execution, None)),
            Enqueued::TenantFull => Err(queue_full(format!("tenants/{}", execution.name.tenant), limits.0)),
            Enqueued::Full => Err(queue_full("executions".to_owned(), limits.1)),
        }
    }

    /// Whoever claims it meanwhile finds the wish.
    pub(super) async fn cancel_waiting(&self, permit: &Permit<actions::CancelExecution>, execution: Execution) -> Result<Execution> {
        self.shared.ports.executions.ask_stop(&permit.scope(), &execution.name.execution).await?;
        if let Some(ended) = self.end_one_that_waits(&execution.name, "cancelled before it started").await? {
            return Ok(ended);
        }
        let execution = self.find(permit).await?;
        match self.shared.registry.find(&execution.name.execution) {
            Some(live) => Ok(live.ask_stop(self.shared.ports.clock.now())),
            None if execution.state.is_terminal() => Ok(execution),
            None => self.ask_holder_to_stop(permit.scope(), execution).await,
        }
    }

    /// Looks for what waits, for as long as the server lives: again and again, and sooner where a hint says that there is something.
    pub async fn claim_forever(&self) {
        let (clock, mut hints) = (&self.shared.ports.clock, self.shared.ports.signals.work());
        loop {
            self.claim().await;
            if let Either::Left((_hint, _)) = select(hints.next(), clock.sleep(CLAIM_PERIOD)).await {
                // Many hints are one look.
                clock.sleep(HURRY).await;
            }
        }
    }

    /// One look: from then on somebody claims for each tenant of which something waits. What fails is reported, and tried again by the next.
    pub async fn claim(&self) {
        self.attempt("look for executions that wait", self.claim_for_all().await);
    }

    async fn claim_for_all(&self) -> Result<()> {
        let mut after = None;
        loop {
            let found = self.shared.ports.queue.tenants_waiting(after.as_ref(), TENANTS_AT_ONCE).await?;
            found.iter().for_each(|tenant| self.claim_for(tenant));
            if found.len() < TENANTS_AT_ONCE as usize {
                return Ok(());
            }
            after = found.into_iter().next_back();
        }
    }

    /// Has somebody claim what waits of a tenant.
    pub(super) fn claim_for(&self, tenant: &TenantId) {
        if !self.shared.claims.begin(tenant) {
            return;
        }
        let claimant = Claimant { executions: self.clone(), tenant: tenant.clone(), ended: false };
        self.shared.ports.spawner.spawn("claims", Box::pin(claimant.claim()));
    }

    /// Waits for a place, and claims one execution for it.
    async fn claim_next(&self, tenant: &TenantId) -> Result<Next> {
        let ports = &self.shared.ports;
        if ports.tenants.state(tenant).await? != Some(TenantState::Active) {
            self.end_waiting(tenant).await?;
            return Ok(Next::Nothing);
        }
        let scope = TenantScope::for_system(tenant.clone());
        if ports.queue.waiting(&scope, None, 1).await?.is_empty() {
            return Ok(Next::Nothing);
        }
        let most = ports.tenants.settings(tenant).await?.quota.running;
        let ticket = match ports.admission.enter(tenant, most) {
            Ok(ticket) => ticket,
            // So many wait here that nobody else may: the next look comes soon.
            Err(error) if error.kind() == ErrorKind::Exhausted => return Ok(Next::Rest),
            Err(error) => return Err(error),
        };
        if !self.has_turn(&ticket).await {
            return Ok(Next::Rest);
        }
        self.claim_oldest(&scope, ticket).await
    }

    /// Claims the oldest that nobody else claims. What cannot be read, or cannot run here, holds up nothing behind it.
    async fn claim_oldest(&self, scope: &TenantScope, ticket: Ticket) -> Result<Next> {
        let ports = &self.shared.ports;
        let Some(fence) = ports.keeper.fence() else { return Ok(Next::Rest) };
        let (mut after, mut unreadable) = (None, None);
        loop {
            let seen = ports.queue.waiting(scope, after.as_ref(), SEEN_AT_ONCE).await?;
            let Some(last) = seen.last().cloned() else { return unreadable.map_or(Ok(Next::Nothing), Err) };
            for execution in seen {
                let name = ExecutionName { tenant: scope.tenant().clone(), execution };
                if self.shared.claims.resting.holds(&name, ports.clock.now()) {
                    continue;
                }
                if self.is_hopeless(scope, &name).await {
                    self.shared.claims.resting.begin(name, ports.clock.now());
                    continue;
                }
                match self.claim_one(scope, &name, &fence).await {
                    Ok(Some((claimed, doubt))) => return Ok(self.begin_claimed(claimed, doubt, ticket).await),
                    Ok(None) => {}
                    Err(error) if error.kind() == ErrorKind::Internal => unreadable = Some(error),
                    Err(error) => return Err(error),
                }
            }
            after = Some(last);
        }
    }

    /// Whether this host is known to have no sandbox for it. A claim that is given back costs commits, so where something rests already,
    /// this is asked first. What cannot be found out is no reason.
    async fn is_hopeless(&self, scope: &TenantScope, name: &ExecutionName) -> bool {
        let ports = &self.shared.ports;
        if !self.shared.claims.resting.holds_any(ports.clock.now()) {
            return false;
        }
        let Ok(found) = ports.executions.find(scope, &name.execution).await else { return false };
        let Some(execution) = found.open_for_system() else { return false };
        let (utility, number) = (&execution.version.utility, execution.version.number);
        let of = TenantScope::for_system(utility.tenant.clone());
        let Ok(found) = ports.utilities.find_version(&of, &utility.utility, number).await else { return false };
        let ready = found.open_for_system().map(|version| ports.sandbox.ready(version.definition.isolation, &version.definition.runtime));
        matches!(ready, Some(Err(_)))
    }

    /// Whether its turn came before the server stops.
    async fn has_turn(&self, ticket: &Ticket) -> bool {
        loop {
            let (turn, stop) = (ticket.listen(), self.shared.claims.listen_stop());
            if self.shared.claims.is_stopping() {
                return false;
            }
            if ticket.admitted() {
                return true;
            }
            select(turn, stop).await;
        }
    }

    /// Claims one, which is in doubt until somebody drives it or its end is stored; `None` also while another attempt of this server goes
    /// on.
    async fn claim_one(&self, scope: &TenantScope, name: &ExecutionName, fence: &Fence) -> Result<Option<(Claimed, Doubt)>> {
        let Some(hold) = self.hold(name) else { return Ok(None) };
        let doubt = Doubt { hold, settled: false };
        let claimed = self.shared.ports.queue.claim(scope, &name.execution, fence).await?;
        Ok(match claimed {
            Some(claimed) => Some((claimed, doubt)),
            None => {
                doubt.settle();
                None
            }
        })
    }

    fn hold(&self, name: &ExecutionName) -> Option<Hold> {
        self.shared.claims.hold(name).then(|| Hold { executions: self.clone(), name: name.clone() })
    }

    /// Begins what was claimed, which from then on somebody drives; what cannot run here now waits on.
    async fn begin_claimed(&self, claimed: Claimed, doubt: Doubt, ticket: Ticket) -> Next {
        let Claimed { execution, stop_asked } = claimed;
        let (name, scope) = (execution.name.clone(), TenantScope::for_system(execution.name.tenant.clone()));
        let live = Arc::new(LiveExecution::new(execution));
        self.shared.registry.add(name.execution.clone(), Arc::clone(&live));
        let owned = Owned::new(Arc::clone(&self.shared), Arc::clone(&live));
        doubt.settle();
        if stop_asked {
            live.ask_stop(self.shared.ports.clock.now());
        }
        // A stop looks at what is in the registry once nothing is added any more.
        if self.shared.claims.is_stopping() {
            self.give_back(&live).await;
            owned.settle();
            return Next::Rest;
        }
        match self.prepare_claimed(&live, ticket).await {
            Ok((job, ticket)) => {
                self.shared.claims.resting.end(&name);
                driver::spawn_claimed(scope, owned, job, ticket);
                self.attempt("begin executions that waited", Ok(()));
                Next::Again
            }
            Err(error) => {
                let rests = self.shared.claims.resting.begin(name, self.shared.ports.clock.now());
                // This host may run what is behind it. What fails for want of the store or of sandboxes does so for all.
                let goes_on = rests && sandbox::is_refusal(&error);
                self.attempt("begin executions that waited", Err(error));
                self.give_back(&live).await;
                owned.settle();
                if goes_on { Next::Again } else { Next::Rest }
            }
        }
    }

    /// The program of one that was claimed, or why it never runs; and its place.
    ///
    /// # Errors
    /// Why it cannot run here now.
    async fn prepare_claimed(&self, live: &LiveExecution, ticket: Ticket) -> Result<(std::result::Result<Job, Failure>, Ticket)> {
        let execution = live.snapshot();
        if execution.revision != Revision::FIRST {
            // It ran before: what it printed then is stored, and what follows is counted on from there.
            let scope = TenantScope::for_system(execution.name.tenant.clone());
            live.go_on_after(self.shared.last_stored_sequence(&scope, &execution).await?);
        }
        match self.readied(&execution, ticket).await {
            Ok((job, ticket)) => Ok((Ok(job), ticket)),
            Err((error, ticket)) => match (error.kind(), ticket) {
                (ErrorKind::Unavailable | ErrorKind::Exhausted, _) | (_, None) => Err(error),
                // One host cannot contain it: others may.
                _ if sandbox::is_refusal(&error) => Err(error),
                (_, Some(ticket)) => Ok((Err(refused(&error)), ticket)),
            },
        }
    }

    /// Has what was claimed wait on, here or elsewhere, where nothing of it has run.
    async fn give_back(&self, live: &LiveExecution) {
        let execution = live.snapshot();
        let name = execution.name;
        // Whatever becomes of this attempt, the next round looks.
        self.shared.claims.unsettled.add(name.clone());
        self.shared.registry.remove(&name.execution);
        // Whoever watches goes on in the store.
        live.overtake();
        let scope = TenantScope::for_system(name.tenant.clone());
        let work = async {
            if live.stop_asked() {
                self.shared.ports.executions.ask_stop(&scope, &name.execution).await?;
            }
            self.settle_claim(&name).await
        };
        self.attempt("give executions back", work.await);
    }

    /// Has wait on what may have been claimed by attempts that did not come to their end.
    pub(super) async fn settle_claims(&self) -> Result<()> {
        for name in self.shared.claims.unsettled.all() {
            self.settle_claim(&name).await?;
        }
        Ok(())
    }

    async fn settle_claim(&self, name: &ExecutionName) -> Result<()> {
        // Whoever claims it right now sees to it, or leaves it to a later round.
        let Some(_hold) = self.hold(name) else { return Ok(()) };
        let (ports, scope) = (&self.shared.ports, TenantScope::for_system(name.tenant.clone()));
        let found = ports.executions.find(&scope, &name.execution).await?.open_for_system();
        let Some(execution) = found.filter(|found| !found.state.is_terminal()) else {
            self.shared.claims.unsettled.remove(name);
            return Ok(());
        };
        let from = execution.fence.clone();
        let is_own = Some(&from) == ports.keeper.fence().as_ref() && self.shared.registry.find(&name.execution).is_none();
        if let Some(waiting) = execution.waiting_again().filter(|_| is_own) {
            ports.queue.put_back(&waiting, &from).await?;
        } else if from.is_nobody() {
            // An attempt that was not answered may be stored later still: looked at until somebody has claimed it.
            return Ok(());
        }
        self.shared.claims.unsettled.remove(name);
        Ok(())
    }

    /// Ends what waits of tenants that are suspended or deleted.
    pub(super) async fn end_waiting_of_closed(&self) -> Result<()> {
        let mut after = None;
        loop {
            let found = self.shared.ports.queue.tenants_waiting(after.as_ref(), TENANTS_AT_ONCE).await?;
            for tenant in &found {
                if self.shared.ports.tenants.state(tenant).await? != Some(TenantState::Active) {
                    self.end_waiting(tenant).await?;
                }
            }
            if found.len() < TENANTS_AT_ONCE as usize {
                return Ok(());
            }
            after = found.into_iter().next_back();
        }
    }

    async fn end_waiting(&self, tenant: &TenantId) -> Result<()> {
        let scope = TenantScope::for_system(tenant.clone());
        let (mut after, mut failed) = (None, None);
        loop {
            let seen = self.shared.ports.queue.waiting(&scope, after.as_ref(), SEEN_AT_ONCE).await?;
            let Some(last) = seen.last().cloned() else { return failed.map_or(Ok(()), Err) };
            for execution in seen {
                let name = ExecutionName { tenant: tenant.clone(), execution };
                let ended = self.end_one_that_waits(&name, "its tenant is suspended or deleted").await;
                // What cannot be read holds up nothing behind it.
                failed = ended.err().or(failed);
            }
            after = Some(last);
        }
    }

    /// Claims one that waits in order to end it; `None` where somebody else has claimed it.
    ///
    /// # Errors
    /// Those of the store; [`Error::Unavailable`] without a lease.
    pub(super) async fn end_one_that_waits(&self, name: &ExecutionName, why: &str) -> Result<Option<Execution>> {
        let ports = &self.shared.ports;
        let scope = TenantScope::for_system(name.tenant.clone());
        let fence = ports.keeper.fence().ok_or_else(no_lease)?;
        let Some((claimed, doubt)) = self.claim_one(&scope, name, &fence).await? else { return Ok(None) };
        let mut execution = claimed.execution;
        execution.claimable = None;
        execution.fail(Failure::new(Reason::Cancelled, why), ports.clock.now())?;
        self.store_end(&scope, &mut execution).await?;
        doubt.settle();
        Ok(Some(execution))
    }
}

fn refused(error: &Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::Internal => "it could not be checked".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(Reason::NotPermitted, format!("when its turn came, it was refused: {why}"))
}
