//! The order of turns: start-time fair queuing. Each tenant has a virtual time at which its next one may start; a start moves
//! that on by the inverse of the tenant's weight, and the earliest goes first. So nobody starves, shares follow the weights
//! while several wait, and a tenant that was away comes back with neither debt nor credit.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::admission::waiter::{Waiter, queue_full};
use crate::admission::{Config, Load, Share};
use crate::error::Result;
use crate::name::TenantId;

/// Virtual time that one start costs a tenant of weight 1: divisible finely enough by every weight, and far from the end of the
/// numbers after any number of starts.
const START: u64 = 1 << 20;

/// Who runs and who waits.
#[derive(Default)]
pub(super) struct Queue {
    running: u32,
    waiting: u32,
    /// The virtual time of the latest start.
    now: u64,
    arrivals: u64,
    tenants: HashMap<TenantId, Tenant>,
}

struct Tenant {
    share: Share,
    running: u32,
    waiting: VecDeque<Arc<Waiter>>,
    /// When its next one may start.
    next: u64,
    /// Decides between equals: who came first.
    arrival: u64,
}

impl Queue {
    /// Admits the waiter where there is room, or queues it.
    pub(super) fn enter(&mut self, config: &Config, waiter: &Arc<Waiter>, most: Option<NonZeroU32>) -> Result<()> {
        if self.enter_at_once(config, waiter, most) {
            return Ok(());
        }
        let waiting = self.waiting;
        let tenant = self.tenant(config, &waiter.tenant);
        let Share { max_queued, .. } = tenant.share;
        let full = |subject, limit| Err(queue_full(subject, limit));
        if tenant.waiting.len() as u32 >= max_queued {
            return full(format!("tenants/{}", waiter.tenant), max_queued);
        }
        if waiting >= config.max_queued {
            return full("executions".to_owned(), config.max_queued);
        }
        tenant.waiting.push_back(Arc::clone(waiter));
        self.waiting += 1;
        Ok(())
    }

    /// Admits the waiter where there is room; says whether there was.
    pub(super) fn enter_at_once(&mut self, config: &Config, waiter: &Arc<Waiter>, most: Option<NonZeroU32>) -> bool {
        let has_room = self.running < config.max_running;
        let tenant = self.tenant(config, &waiter.tenant);
        let own = config.share(&waiter.tenant).max_running;
        tenant.share.max_running = most.map_or(own, |most| own.min(most.get()));
        let is_next = has_room && tenant.waiting.is_empty() && tenant.running < tenant.share.max_running;
        if is_next {
            self.start(waiter);
        }
        is_next
    }

    /// Gives up a place among the running or the waiting.
    pub(super) fn leave(&mut self, waiter: &Arc<Waiter>) {
        let Some(tenant) = self.tenants.get_mut(&waiter.tenant) else { return };
        if waiter.is_admitted() {
            tenant.running -= 1;
            self.running -= 1;
        } else if let Some(index) = tenant.index(waiter) {
            tenant.waiting.remove(index);
            self.waiting -= 1;
        }
        self.forget();
    }

    /// Gives free places to waiters, in their order.
    pub(super) fn admit(&mut self, max_running: u32) {
        while self.running < max_running {
            let may_start = self.tenants.values().filter(|tenant| tenant.running < tenant.share.max_running);
            let first = may_start.filter(|tenant| !tenant.waiting.is_empty()).min_by_key(|tenant| tenant.turn(self.now, 0));
            let Some(waiter) = first.and_then(|tenant| tenant.waiting.front().cloned()) else { return };
            self.start(&waiter);
        }
    }

    /// How many start until this waiter does, itself included; 0 where it does not wait.
    pub(super) fn position(&self, waiter: &Arc<Waiter>) -> u32 {
        let Some(own) = self.tenants.get(&waiter.tenant) else { return 0 };
        let Some(index) = own.index(waiter) else { return 0 };
        let turn = own.turn(self.now, index);
        let others = self.tenants.values().filter(|tenant| tenant.arrival != own.arrival);
        let ahead: usize = others.map(|tenant| tenant.ahead_of(turn, self.now)).sum();
        (index + ahead + 1) as u32
    }

    pub(super) fn load(&self) -> Load {
        Load { running: self.running, queued: self.waiting }
    }

    fn start(&mut self, waiter: &Arc<Waiter>) {
        let Some(tenant) = self.tenants.get_mut(&waiter.tenant) else { return };
        if let Some(index) = tenant.index(waiter) {
            tenant.waiting.remove(index);
            self.waiting -= 1;
        }
        self.now = tenant.next.max(self.now);
        tenant.next = self.now + tenant.cost();
        tenant.running += 1;
        self.running += 1;
        waiter.admit();
    }

    fn tenant(&mut self, config: &Config, id: &TenantId) -> &mut Tenant {
        self.tenants.entry(id.clone()).or_insert_with(|| {
            self.arrivals += 1;
            Tenant { share: config.share(id), running: 0, waiting: VecDeque::new(), next: self.now, arrival: self.arrivals }
        })
    }

    /// Forgets tenants that have nothing here and owe nothing; all of them when everybody is gone.
    fn forget(&mut self) {
        if self.running == 0 && self.waiting == 0 {
            *self = Queue::default();
        }
        let now = self.now;
        self.tenants.retain(|_, tenant| tenant.running > 0 || !tenant.waiting.is_empty() || tenant.next > now);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }
}

impl Tenant {
    fn cost(&self) -> u64 {
        START / u64::from(self.share.weight.max(1))
    }

    /// The place in the order of the waiter with this index: the smaller goes first.
    fn turn(&self, now: u64, index: usize) -> (u64, u64) {
        (self.next.max(now) + index as u64 * self.cost(), self.arrival)
    }

    /// How many of its waiters have their turn before this one.
    fn ahead_of(&self, turn: (u64, u64), now: u64) -> usize {
        let (start, arrival) = self.turn(now, 0);
        let Some(later) = turn.0.checked_sub(start) else { return 0 };
        let until = later / self.cost() + u64::from(!later.is_multiple_of(self.cost()) || arrival < turn.1);
        self.waiting.len().min(usize::try_from(until).unwrap_or(usize::MAX))
    }

    fn index(&self, waiter: &Arc<Waiter>) -> Option<usize> {
        self.waiting.iter().position(|other| Arc::ptr_eq(other, waiter))
    }
}
