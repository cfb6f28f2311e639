//! Which sandboxes the ledger starts and ends: what the waiters need, what is kept warm, and what is idle, old or in the way.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use domain::name::TenantId;

use super::{Executions, Ledger, Member, Phase, REFILL_DELAY, Ready, RuntimeKey, SandboxGroup, SandboxId, StartFailure, Step};

/// How long children that were put back wait beyond what is kept ready: as long as a pause between two bursts may be.
const SURPLUS_PATIENCE: Duration = Duration::from_secs(2);

impl<C> Ledger<C> {
    /// Starts the sandboxes that the waiters need.
    pub(super) fn balance(&mut self, now: Instant, steps: &mut Vec<Step<C>>) {
        let mut groups: Vec<SandboxGroup> = self.waiting.iter().map(|waiter| waiter.group).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let (mut needed, starving) = self.demand(group, now);
            needed = needed.saturating_sub(self.supply(group));
            for _ in 0..needed {
                if self.starting() >= self.limits.max_starting || !self.make_room(starving, steps) {
                    break;
                }
                self.start(group, now, steps);
            }
        }
    }

    /// How many unassigned sandboxes of the group the waiters could use, and whether some tenant has none at all.
    fn demand(&self, group: SandboxGroup, now: Instant) -> (usize, bool) {
        let mut tenants: Vec<&TenantId> = Vec::new();
        let (mut needed, mut starving) = (0, false);
        for waiter in self.waiting.iter().filter(|waiter| waiter.group == group) {
            if tenants.contains(&&waiter.tenant) && !group.is_single() {
                continue;
            }
            tenants.push(&waiter.tenant);
            needed += usize::from(self.may_bind(waiter, now));
            starving |= self.bound(&waiter.tenant, group) == 0;
        }
        (needed, starving)
    }

    /// Sandboxes of the group that are, or soon will be, free for any tenant.
    pub(super) fn supply(&self, group: SandboxGroup) -> usize {
        let free =
            |member: &&Member<C>| member.group == group && member.tenant.is_none() && matches!(member.phase, Phase::Starting | Phase::Live);
        self.members.values().filter(free).count()
    }

    fn starting(&self) -> usize {
        self.members.values().filter(|member| member.phase == Phase::Starting).count()
    }

    fn start(&mut self, group: SandboxGroup, now: Instant, steps: &mut Vec<Step<C>>) {
        if self.closed {
            return;
        }
        self.last_sandbox += 1;
        let member = Member {
            group,
            tenant: None,
            phase: Phase::Starting,
            ready: Vec::new(),
            leaving: Vec::new(),
            forking: 0,
            running: 0,
            among: 1,
            executions: Executions::default(),
            born: now,
            used: now,
        };
        self.members.insert(self.last_sandbox, member);
        steps.push(Step::Start(self.last_sandbox, group));
    }

    /// Whether one more sandbox may be started; ends an idle one to make room. For a tenant that has none, one of the tenant that
    /// has most is retired.
    fn make_room(&mut self, starving: bool, steps: &mut Vec<Step<C>>) -> bool {
        let present = self.members.values().filter(|member| member.phase != Phase::Dying).count();
        if present < self.limits.max_sandboxes {
            return true;
        }
        let wanted = |member: &Member<C>| {
            self.waiting
                .iter()
                .any(|waiter| waiter.group == member.group && member.tenant.as_ref().is_none_or(|tenant| *tenant == waiter.tenant))
        };
        let idle = self.live().filter(|(_, member)| member.running == 0 && !wanted(member)).min_by_key(|(_, member)| member.used);
        if let Some((&sandbox, _)) = idle {
            self.destroy(sandbox, steps);
            return true;
        }
        let draining = self.members.values().any(|member| member.phase == Phase::Draining && !member.group.is_single());
        if starving && !draining {
            let greedy = self
                .live()
                .filter_map(|(&id, member)| Some((id, member, member.tenant.as_ref()?)))
                .max_by_key(|(_, member, tenant)| (self.bound(tenant, member.group), std::cmp::Reverse(member.born)));
            if let Some((sandbox, ..)) = greedy {
                self.retire(sandbox, steps);
            }
        }
        false
    }

    /// Ends the idle sandbox that is missed least: one without a tenant, else the one that was not used for longest.
    pub(super) fn give_up_one(&mut self, steps: &mut Vec<Step<C>>) {
        let wanted = |member: &Member<C>| self.waiting.iter().any(|waiter| waiter.group == member.group);
        let idle = self.live().filter(|(_, member)| member.running == 0 && !wanted(member));
        if let Some((&sandbox, _)) = idle.min_by_key(|(_, member)| (member.tenant.is_some(), member.used)) {
            self.destroy(sandbox, steps);
        }
    }

    /// A program of a tenant asks for a child of this group.
    pub(crate) fn asked(&mut self, group: SandboxGroup, now: Instant) {
        if group == SandboxGroup::WARM {
            self.stock.asked_fresh(now);
        }
    }

    /// The groups of which sandboxes are kept ready for whoever has none.
    pub(super) fn stocked(&self, now: Instant) -> Vec<SandboxGroup> {
        let fresh = (self.limits.restore && self.stock.wants_fresh(now)).then_some(SandboxGroup::WARM);
        let single = self.seen.contains(&SandboxGroup::SINGLE).then_some(SandboxGroup::SINGLE);
        [Some(self.warm()), fresh, single].into_iter().flatten().collect()
    }

    /// Keeps as many unassigned sandboxes as there should be, where there is room.
    pub(super) fn refill(&mut self, now: Instant, steps: &mut Vec<Step<C>>) {
        for group in self.stocked(now) {
            for _ in self.supply(group)..self.target(group, now).sandboxes {
                let present = self.members.values().filter(|member| member.phase != Phase::Dying).count();
                if present >= self.limits.max_sandboxes {
                    return;
                }
                if self.starting() >= self.limits.max_starting {
                    self.refill_at = Some(now + REFILL_DELAY);
                    return;
                }
                self.start(group, now, steps);
            }
        }
    }

    /// Ends what is idle, old, or kept beyond need.
    pub(super) fn recycle(&mut self, now: Instant, steps: &mut Vec<Step<C>>) {
        let expired = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        let old: Vec<_> = self.live().filter(|(_, member)| expired(member.born, self.limits.max_age)).map(|(&id, _)| id).collect();
        for sandbox in old {
            self.refill_at.get_or_insert(now);
            self.retire(sandbox, steps);
        }
        let mut spares: HashMap<SandboxGroup, usize> = HashMap::new();
        let targets: Vec<_> = self.stocked(now).into_iter().map(|group| (group, self.target(group, now).sandboxes)).collect();
        let target = |group: SandboxGroup| targets.iter().find(|(stocked, _)| *stocked == group).map_or(0, |(_, target)| *target);
        let mut idle = Vec::new();
        for (&id, member) in self.live().filter(|(_, member)| member.running == 0) {
            let needed = member.tenant.is_none() && {
                let spare = spares.entry(member.group).or_default();
                *spare += 1;
                *spare <= target(member.group)
            };
            if !needed && expired(member.used, self.limits.idle) {
                idle.push(id);
            }
        }
        for sandbox in idle {
            self.destroy(sandbox, steps);
        }
        self.thin_out(now, steps);
    }

    /// Ends children that a burst has left waiting: each keeps memory of its own.
    fn thin_out(&mut self, now: Instant, steps: &mut Vec<Step<C>>) {
        let quiet = |member: &&mut Member<C>| {
            member.group.restored && member.phase == Phase::Live && now.saturating_duration_since(member.used) >= SURPLUS_PATIENCE
        };
        for member in self.members.values_mut().filter(quiet) {
            let kept = member.group.ready(&self.limits).min(member.ready.len());
            // Those that were used last are the last.
            let surplus = member.ready.len() - kept;
            for Ready { id, child, .. } in member.ready.drain(..surplus) {
                member.leaving.push(id);
                steps.push(Step::End(child));
            }
        }
    }

    /// A sandbox that never had a child has failed, and starts again.
    pub(crate) fn starts_again(&mut self, sandbox: SandboxId) {
        if let Some(member) = self.members.get_mut(&sandbox).filter(|member| member.phase == Phase::Live) {
            member.phase = Phase::Starting;
            member.forking = 0;
        }
    }

    /// Children of a runtime cannot be put back here, as a sandbox has found out. It, those that start and whoever waits have fresh children
    /// from now on. What is put back all the same is given to nobody any more.
    pub(crate) fn forgo_restoring(&mut self, sandbox: SandboxId, runtime: RuntimeKey, now: Instant, steps: &mut Vec<Step<C>>) {
        self.unable.insert(runtime);
        // It is asked only for the group that is kept warm, which is of this runtime.
        self.limits.restore &= runtime != RuntimeKey::DEFAULT;
        let fresh = |group: &mut SandboxGroup| group.restored &= group.runtime != runtime;
        for (&id, member) in &mut self.members {
            if id == sandbox || member.phase == Phase::Starting {
                fresh(&mut member.group);
            }
        }
        self.waiting.iter_mut().for_each(|waiter| fresh(&mut waiter.group));
        self.seen = self.seen.drain().map(|group| SandboxGroup { restored: group.restored && group.runtime != runtime, ..group }).collect();
        self.balance(now, steps);
    }

    pub(super) fn destroy(&mut self, sandbox: SandboxId, steps: &mut Vec<Step<C>>) {
        let Some(member) = self.members.get_mut(&sandbox).filter(|member| member.phase != Phase::Dying) else { return };
        member.phase = Phase::Dying;
        member.ready.clear();
        steps.push(Step::Destroy(sandbox));
    }

    /// Rejects the waiters of a group in which nothing works or starts for them. Nothing is started anew for them: a failure that
    /// met one of them would meet all, again and again.
    pub(super) fn reject_helpless(&mut self, group: SandboxGroup, failure: &StartFailure, steps: &mut Vec<Step<C>>) {
        let mut supply = self.supply(group);
        let mut served: Vec<TenantId> = Vec::new();
        let mut kept = VecDeque::new();
        for waiter in std::mem::take(&mut self.waiting) {
            let shared = !group.is_single() && (self.bound(&waiter.tenant, group) > 0 || served.contains(&waiter.tenant));
            if waiter.group == group && !shared {
                if supply == 0 {
                    steps.push(Step::Reject(waiter.id, failure.clone()));
                    continue;
                }
                supply -= 1;
                served.push(waiter.tenant.clone());
            }
            kept.push_back(waiter);
        }
        self.waiting = kept;
    }
}
