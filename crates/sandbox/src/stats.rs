//! What the pool holds and has done, as numbers for metrics. Names and export are the server's.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::pool::{Pool, StockReason};

/// A snapshot. Gauges first, then counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sandboxes that start.
    pub starting: usize,
    /// Started sandboxes that wait for a tenant.
    pub unassigned: usize,
    /// How many should wait for a tenant, by demand and memory.
    pub stock_target: usize,
    /// Why as many.
    pub stock_reason: StockReason,
    /// Sandboxes bound to a tenant.
    pub bound: usize,
    /// Sealed children that wait for a program.
    pub ready_children: usize,
    /// Children that run a program.
    pub running: usize,
    /// Programs that wait for a child.
    pub waiting: usize,
    /// Sandboxes that were started.
    pub sandboxes_started: u64,
    /// Sandboxes that failed to start.
    pub start_failures: u64,
    /// Time that successful starts took, added up.
    pub start_time: Duration,
    /// Sandboxes that were destroyed.
    pub sandboxes_destroyed: u64,
    /// Children that were asked for.
    pub forks: u64,
    /// Programs that ended.
    pub executions: u64,
    /// After how many of them their process was put back.
    pub restored: u64,
    /// Processes that were not put back after a program, by what kept them from it: a call of which something stays, a signal, mappings,
    /// descriptors, the kernel's account of them, pages, too many stops, the number of their programs, a refusal of the kernel.
    pub left: [u64; 9],
    /// Processes that were put back and ended all the same, since nobody had read in time what their program had written.
    pub unread: u64,
    /// The same since their program was stopped or had not answered as a whole, its output went beyond its limit, or something lay in its
    /// pipes.
    pub unsound: u64,
    /// Protocol errors, late deaths and memory exhaustion of whole sandboxes.
    pub anomalies: u64,
    /// Programs that did not get a child at once.
    pub waits: u64,
    /// Time that programs waited for a child, added up.
    pub wait_time: Duration,
    /// Tasks of the pool that panicked: a fault of the program.
    pub task_panics: u64,
}

impl Stats {
    pub(crate) fn of(pool: &Pool) -> Self {
        let (census, counters, target) = (pool.census(), &pool.counters, pool.stock_target());
        Stats {
            starting: census.starting,
            unassigned: census.unassigned,
            stock_target: target.sandboxes,
            stock_reason: target.reason,
            bound: census.bound,
            ready_children: census.ready,
            running: census.running,
            waiting: census.waiting,
            sandboxes_started: counters.started.load(Relaxed),
            start_failures: counters.start_failures.load(Relaxed),
            start_time: Duration::from_micros(counters.start_micros.load(Relaxed)),
            sandboxes_destroyed: counters.destroyed.load(Relaxed),
            forks: counters.forks.load(Relaxed),
            executions: counters.executions.load(Relaxed),
            restored: counters.restored.load(Relaxed),
            left: counters.left.each_ref().map(|count| count.load(Relaxed)),
            unread: counters.unread.load(Relaxed),
            unsound: counters.unsound.load(Relaxed),
            anomalies: counters.anomalies.load(Relaxed),
            waits: counters.waits.load(Relaxed),
            wait_time: Duration::from_micros(counters.wait_micros.load(Relaxed)),
            task_panics: pool.tasks.panics(),
        }
    }
}
