//! The books of the pool: which sandboxes there are, whose they are, which children are ready, who waits. Pure: it is told what
//! happened and answers what to do.
//!
//! It deliberately does no IO, starts no task and reads no clock.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use domain::name::TenantId;

use super::group::SandboxGroup;
use crate::config::{Pool, RuntimeKey};
use crate::failure::StartFailure;

use executions::Executions;
use stock::Stock;
pub use stock::StockReason;
pub(crate) use stock::{Memory, Target};

/// How long the pool of unassigned sandboxes stays short after one was taken: starting a sandbox would compete for the CPU with
/// the very program that took it.
const REFILL_DELAY: Duration = Duration::from_millis(100);
/// How long a tenant waits for its own children while they keep ending.
const FLOW_PATIENCE: Duration = Duration::from_millis(500);
/// Pause before the pool is refilled again after a start failed; doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Numbers sandboxes, from 1.
pub(crate) type SandboxId = u64;
/// Numbers the waiting calls, from 1.
pub(crate) type WaiterId = u64;

/// What the pool must do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<C> {
    /// Start a sandbox.
    Start(SandboxId, SandboxGroup),
    /// Fork that many more children.
    Fork(SandboxId, usize),
    /// Destroy a sandbox.
    Destroy(SandboxId),
    /// Let a sandbox have one part in so many of a tenant's share of the processor.
    Share(SandboxId, usize),
    /// Hand a child to this waiter.
    Grant(WaiterId, SandboxId, C),
    /// Tell this waiter that no sandbox can be had.
    Reject(WaiterId, StartFailure),
    /// End a child that waits for nothing.
    End(C),
}

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acquired<C> {
    /// A child at once.
    Child(SandboxId, C),
    /// A place in the line.
    Wait(WaiterId),
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Whose child ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// One that ran a program.
    Running,
    /// One that waited for a program: nothing of ours ends it, so its sandbox is not trusted any more.
    Ready,
    /// One that was told to end while it waited.
    Leaving,
}

/// How many there are of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) starting: usize,
    pub(crate) unassigned: usize,
    pub(crate) bound: usize,
    pub(crate) ready: usize,
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

/// The books; `C` is what a ready child is.
#[derive(Debug)]
pub(crate) struct Ledger<C> {
    limits: Pool,
    members: BTreeMap<SandboxId, Member<C>>,
    waiting: VecDeque<Waiter>,
    seen: HashSet<SandboxGroup>,
    /// Runtimes whose children cannot be put back here.
    unable: HashSet<RuntimeKey>,
    last_sandbox: SandboxId,
    last_waiter: WaiterId,
    stock: Stock,
    refill_at: Option<Instant>,
    backoff: Duration,
    closed: bool,
}

#[derive(Debug)]
struct Member<C> {
    group: SandboxGroup,
    tenant: Option<TenantId>,
    phase: Phase,
    ready: Vec<Ready<C>>,
    /// Told to end while they waited.
    leaving: Vec<u64>,
    forking: usize,
    running: usize,
    /// Of how many sandboxes of its tenant it is one that share the processor.
    among: usize,
    executions: Executions,
    born: Instant,
    used: Instant,
}

/// A child that waits for a program.
#[derive(Debug)]
struct Ready<C> {
    id: u64,
    child: C,
    /// Whether it has run none yet.
    is_new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Live,
    /// Takes no further program; destroyed once nothing runs.
    Draining,
    /// Told to go.
    Dying,
}

#[derive(Debug)]
struct Waiter {
    id: WaiterId,
    tenant: TenantId,
    group: SandboxGroup,
    since: Instant,
}

// === impl Ledger ===

impl<C> Ledger<C> {
    pub(crate) fn new(limits: Pool, now: Instant) -> Self {
        Ledger {
            members: BTreeMap::new(),
            waiting: VecDeque::new(),
            seen: HashSet::from([SandboxGroup::warm(&limits)]),
            unable: HashSet::new(),
            limits,
            last_sandbox: 0,
            last_waiter: 0,
            stock: Stock::new(),
            refill_at: Some(now),
            backoff: FIRST_BACKOFF,
            closed: false,
        }
    }

    /// A tenant wants a child.
    pub(crate) fn acquire(
        &mut self,
        tenant: &TenantId,
        group: SandboxGroup,
        now: Instant,
        steps: &mut Vec<Step<C>>,
    ) -> Result<Acquired<C>, Full> {
        let group = SandboxGroup { restored: group.restored && !self.unable.contains(&group.runtime), ..group };
        self.seen.insert(group);
        if !self.waiting.iter().any(|waiter| waiter.tenant == *tenant && waiter.group == group)
            && let Some(sandbox) = self.candidate(tenant, group)
        {
            let child = self.take(sandbox, tenant, now, steps);
            return Ok(Acquired::Child(sandbox, child));
        }
        if self.waiting.len() >= self.limits.max_waiting {
            return Err(Full);
        }
        self.last_waiter += 1;
        self.waiting.push_back(Waiter { id: self.last_waiter, tenant: tenant.clone(), group, since: now });
        self.balance(now, steps);
        Ok(Acquired::Wait(self.last_waiter))
    }

    /// A waiter has given up.
    pub(crate) fn forget(&mut self, waiter: WaiterId) {
        self.waiting.retain(|other| other.id != waiter);
    }

    /// A sandbox can fork.
    pub(crate) fn started(&mut self, sandbox: SandboxId, now: Instant, steps: &mut Vec<Step<C>>) {
        self.backoff = FIRST_BACKOFF;
        let Some(member) = self.members.get_mut(&sandbox).filter(|member| member.phase == Phase::Starting) else { return };
        member.phase = Phase::Live;
        member.born = now;
        member.used = now;
        self.top_up(sandbox, steps);
    }

    /// A child is ready.
    pub(crate) fn ready(&mut self, sandbox: SandboxId, id: u64, child: C, now: Instant, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.get_mut(&sandbox) else { return };
        member.forking = member.forking.saturating_sub(1);
        member.ready.push(Ready { id, child, is_new: true });
        self.serve(sandbox, now, steps);
    }

    /// The program of a child has ended, and the child waits for the next one.
    pub(crate) fn again(&mut self, sandbox: SandboxId, id: u64, child: C, now: Instant, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.get_mut(&sandbox) else { return };
        member.running = member.running.saturating_sub(1);
        member.used = now;
        if member.phase == Phase::Live {
            member.ready.push(Ready { id, child, is_new: false });
            self.serve(sandbox, now, steps);
        } else {
            member.leaving.push(id);
            steps.push(Step::End(child));
            self.leave_if_idle(sandbox, steps);
        }
        self.share_of(sandbox, steps);
    }

    /// A child is gone; `None` when no such child was known.
    pub(crate) fn ended(&mut self, sandbox: SandboxId, id: u64, now: Instant, steps: &mut Vec<Step<C>>) -> Option<Ended> {
        let member = self.members.get_mut(&sandbox)?;
        if let Some(index) = member.ready.iter().position(|ready| ready.id == id) {
            member.ready.remove(index);
            self.retire(sandbox, steps);
            return Some(Ended::Ready);
        }
        if let Some(index) = member.leaving.iter().position(|leaving| *leaving == id) {
            member.leaving.swap_remove(index);
            self.top_up(sandbox, steps);
            return Some(Ended::Leaving);
        }
        member.running = member.running.checked_sub(1)?;
        member.used = now;
        self.leave_if_idle(sandbox, steps);
        self.top_up(sandbox, steps);
        self.share_of(sandbox, steps);
        Some(Ended::Running)
    }

    /// A sandbox takes no further program, and goes once nothing runs in it.
    pub(crate) fn retire(&mut self, sandbox: SandboxId, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.get_mut(&sandbox) else { return };
        if member.phase == Phase::Live {
            member.phase = Phase::Draining;
        }
        self.leave_if_idle(sandbox, steps);
    }

    /// A sandbox that takes no further program goes once nothing runs in it.
    fn leave_if_idle(&mut self, sandbox: SandboxId, steps: &mut Vec<Step<C>>) {
        if self.members.get(&sandbox).is_some_and(|member| member.phase == Phase::Draining && member.running == 0) {
            self.destroy(sandbox, steps);
        }
    }

    /// All sandboxes of a tenant take no further program.
    pub(crate) fn release(&mut self, tenant: &TenantId, steps: &mut Vec<Step<C>>) {
        let bound = self.members.iter().filter(|(_, member)| member.tenant.as_ref() == Some(tenant));
        for id in bound.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.retire(id, steps);
        }
    }

    /// A sandbox is gone, or never came to be: then `failure` says why.
    pub(crate) fn gone(&mut self, sandbox: SandboxId, failure: Option<&StartFailure>, now: Instant, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.remove(&sandbox) else { return };
        if let Some(tenant) = member.tenant.as_ref().filter(|_| member.running > 0) {
            self.divide(tenant, steps);
        }
        if let Some(failure) = failure {
            // Only the default runtime has a stock: a failure on another one says nothing about it.
            if member.group.runtime == RuntimeKey::DEFAULT {
                self.refill_at = Some(now + self.backoff);
                self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
            }
            self.reject_helpless(member.group, failure, steps);
        } else if member.tenant.is_none() {
            self.refill_at.get_or_insert(now + self.backoff);
        }
        self.balance(now, steps);
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant, steps: &mut Vec<Step<C>>) {
        self.recycle(now, steps);
        let unassigned: Vec<_> = self.live().filter(|(_, member)| member.tenant.is_none()).map(|(&id, _)| id).collect();
        for sandbox in unassigned {
            self.serve(sandbox, now, steps);
        }
        self.balance(now, steps);
        if self.refill_at.is_some_and(|due| due <= now) {
            self.refill_at = None;
            self.refill(now, steps);
        }
    }

    /// So much memory is left. Below the reserve, one idle sandbox goes each time.
    pub(crate) fn memory(&mut self, memory: Memory, now: Instant, steps: &mut Vec<Step<C>>) {
        self.stock.remember(memory);
        if self.stock.is_short() {
            self.give_up_one(steps);
        } else if !self.closed && self.stocked(now).iter().any(|&group| self.supply(group) < self.target(group, now).sandboxes) {
            self.refill_at.get_or_insert(now);
        }
    }

    /// The group that is kept warm from the start.
    pub(crate) fn warm(&self) -> SandboxGroup {
        SandboxGroup::warm(&self.limits)
    }

    /// How many unassigned sandboxes of the group there should be.
    pub(crate) fn target(&self, group: SandboxGroup, now: Instant) -> Target {
        self.stock.target(group, &self.limits, self.supply(group), now)
    }

    /// When [`Ledger::tick`] should be called next, at the latest.
    pub(crate) fn next_tick(&self) -> Duration {
        const COARSE: Duration = Duration::from_secs(1);
        if !self.waiting.is_empty() {
            self.limits.scale_after.clamp(Duration::from_millis(1), COARSE) / 2
        } else if self.refill_at.is_some() {
            REFILL_DELAY / 2
        } else {
            (self.limits.idle.min(self.limits.max_age) / 2).clamp(Duration::from_millis(5), COARSE)
        }
    }

    /// Nothing is started or granted any more.
    pub(crate) fn close(&mut self, steps: &mut Vec<Step<C>>) {
        self.closed = true;
        self.refill_at = None;
        steps.extend(self.waiting.drain(..).map(|waiter| Step::Reject(waiter.id, StartFailure::ShuttingDown)));
        let all: Vec<_> = self.members.keys().copied().collect();
        for sandbox in all {
            self.destroy(sandbox, steps);
        }
    }

    /// How many there are of what.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census { waiting: self.waiting.len(), ..Census::default() };
        for member in self.members.values() {
            match (member.phase, &member.tenant) {
                (Phase::Starting, _) => census.starting += 1,
                (_, None) => census.unassigned += 1,
                (_, Some(_)) => census.bound += 1,
            }
            census.ready += member.ready.len();
            census.running += member.running;
        }
        census
    }

    /// Whether any sandbox of the runtime can fork.
    pub(crate) fn has_live(&self, runtime: RuntimeKey) -> bool {
        self.live().any(|(_, member)| member.group.runtime == runtime)
    }

    /// Whether a sandbox is one in which each child runs one program.
    pub(crate) fn has_fresh_children(&self, sandbox: SandboxId) -> bool {
        self.members.get(&sandbox).is_some_and(|member| !member.group.restored)
    }

    /// The runtime of a sandbox.
    pub(crate) fn runtime_of(&self, sandbox: SandboxId) -> Option<RuntimeKey> {
        self.members.get(&sandbox).map(|member| member.group.runtime)
    }
}

// --- choosing ---

impl<C> Ledger<C> {
    fn live(&self) -> impl Iterator<Item = (&SandboxId, &Member<C>)> {
        self.members.iter().filter(|(_, member)| member.phase == Phase::Live)
    }

    fn bound(&self, tenant: &TenantId, group: SandboxGroup) -> usize {
        self.live().filter(|(_, member)| member.belongs_to(tenant, group)).count()
    }

    /// The sandbox that serves a request at once: the tenant's least loaded, else, for a tenant without one, an unassigned one.
    fn candidate(&self, tenant: &TenantId, group: SandboxGroup) -> Option<SandboxId> {
        let ready = || self.live().filter(|(_, member)| member.group == group && !member.ready.is_empty());
        let own = ready().filter(|(_, member)| member.tenant.as_ref() == Some(tenant)).max_by_key(|(_, member)| member.ready.len());
        let found =
            own.or_else(|| ready().find(|(_, member)| member.tenant.is_none() && (group.is_single() || self.bound(tenant, group) == 0)));
        found.map(|(&sandbox, _)| sandbox)
    }

    /// Whether an unassigned sandbox may be bound for a waiter. A tenant that has one waits for its own children first: a short
    /// while when none of them ends, longer while they do, since a further sandbox would only compete for the CPU then.
    fn may_bind(&self, waiter: &Waiter, now: Instant) -> bool {
        let own = || self.live().map(|(_, member)| member).filter(|member| member.belongs_to(&waiter.tenant, waiter.group));
        let Some(youngest) = own().map(|member| member.born).max().filter(|_| !waiter.group.is_single()) else { return true };
        let waited = now.saturating_duration_since(waiter.since.max(youngest));
        let flowing = own().any(|member| now.saturating_duration_since(member.used) < self.limits.scale_after);
        waited >= if flowing { FLOW_PATIENCE } else { self.limits.scale_after }
    }

    /// Takes a ready child for a tenant; there is one.
    fn take(&mut self, sandbox: SandboxId, tenant: &TenantId, now: Instant, steps: &mut Vec<Step<C>>) -> C {
        let max_executions = self.limits.max_executions;
        let member = self.members.get_mut(&sandbox).expect("the caller found this sandbox in the books");
        if member.tenant.is_none() {
            self.stock.bound(member.group, now);
        }
        let Ready { child, is_new, .. } = member.ready.pop().expect("the caller saw a ready child");
        if member.tenant.is_none() {
            self.refill_at.get_or_insert(now + REFILL_DELAY);
        }
        member.tenant.get_or_insert_with(|| tenant.clone());
        member.running += 1;
        member.executions.note(is_new);
        member.used = now;
        if member.group.is_single() || member.executions.reach(max_executions) {
            member.phase = Phase::Draining;
        } else if member.ready.is_empty() && member.forking == 0 {
            // A fork costs CPU that the program needs now, so the replacement waits for the program's end unless it is the last.
            self.top_up(sandbox, steps);
        }
        self.share_of(sandbox, steps);
        child
    }

    /// A program has begun or ended in a sandbox: those of its tenant in which something runs have one share of the processor together,
    /// whatever their number, so that a tenant has no more of it for having more sandboxes.
    fn share_of(&mut self, sandbox: SandboxId, steps: &mut Vec<Step<C>>) {
        if let Some(tenant) = self.members.get(&sandbox).and_then(|member| member.tenant.clone()) {
            self.divide(&tenant, steps);
        }
    }

    fn divide(&mut self, tenant: &TenantId, steps: &mut Vec<Step<C>>) {
        let busy = |member: &Member<C>| member.running > 0 && member.tenant.as_ref() == Some(tenant);
        let among = self.members.values().filter(|member| busy(member)).count();
        for (&id, member) in self.members.iter_mut().filter(|(_, member)| busy(member) && member.among != among) {
            member.among = among;
            steps.push(Step::Share(id, among));
        }
    }

    /// Gives the sandbox's ready children to those who wait for them.
    fn serve(&mut self, sandbox: SandboxId, now: Instant, steps: &mut Vec<Step<C>>) {
        while let Some(member) = self.members.get(&sandbox)
            && member.phase == Phase::Live
            && !member.ready.is_empty()
        {
            let (group, tenant) = (member.group, member.tenant.clone());
            let fits = |waiter: &Waiter| {
                waiter.group == group
                    && match &tenant {
                        Some(tenant) => waiter.tenant == *tenant,
                        None => self.may_bind(waiter, now),
                    }
            };
            let Some(index) = self.waiting.iter().position(fits) else { return };
            let waiter = self.waiting.remove(index).expect("the position was just found");
            let child = self.take(sandbox, &waiter.tenant, now, steps);
            steps.push(Step::Grant(waiter.id, sandbox, child));
        }
    }

    /// Asks for as many children as are missing.
    fn top_up(&mut self, sandbox: SandboxId, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.get_mut(&sandbox) else { return };
        let wanted = member.group.wanted(&self.limits, member.running);
        let missing = wanted.saturating_sub(member.ready.len() + member.forking + member.running);
        if missing > 0 && member.phase == Phase::Live {
            member.forking += missing;
            steps.push(Step::Fork(sandbox, missing));
        }
    }
}

impl<C> Member<C> {
    fn belongs_to(&self, tenant: &TenantId, group: SandboxGroup) -> bool {
        self.group == group && self.tenant.as_ref() == Some(tenant)
    }
}

mod executions;
mod stock;
mod supply;
#[cfg(test)]
mod tests;
