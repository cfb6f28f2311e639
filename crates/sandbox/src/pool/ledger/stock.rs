//! How many sandboxes are kept ready for tenants that have none: enough for the busiest moment of the last minute to come again,
//! within bounds, and never so many that the host runs short of memory.
//!
//! It deliberately reads neither clock nor host: the ledger is told both.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::SandboxGroup;
use crate::config::Pool;

/// What is remembered of bindings: a moment that has not come again for this long is not prepared for any more.
const WINDOW: Duration = Duration::from_secs(60);
/// The length of such a moment: about as long as it takes until a sandbox that was taken is replaced.
const MOMENT: Duration = Duration::from_secs(1);
/// How long a sandbox of fresh children is kept ready where others are put back, after somebody has asked for one: twice as long as a tenant
/// keeps an idle one by default. Who asks more rarely waits for a start each time.
const FRESH_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Bindings that are remembered of a group; more than any stock has sandboxes.
const MAX_REMEMBERED: usize = 1_024;

/// How much room there is for sandboxes, in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// The host does not say.
    Unknown,
    /// As many more sandboxes fit.
    Fits(usize),
    /// Less than the reserve is left.
    Short,
}

/// Why the stock is as large as it is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockReason {
    /// The least that is kept covers what was seen.
    #[default]
    Least,
    /// As many as the busiest moment took.
    Demand,
    /// The busiest moment took more than are kept at most.
    Most,
    /// No more fit into memory.
    Memory,
}

/// The stock as it is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Target {
    pub(crate) sandboxes: usize,
    pub(crate) reason: StockReason,
}

/// What was seen of demand and memory.
#[derive(Debug)]
pub(super) struct Stock {
    bindings: HashMap<SandboxGroup, VecDeque<Instant>>,
    memory: Memory,
    /// When somebody asked last for fresh children of what is kept warm.
    fresh_asked: Option<Instant>,
}

// === impl Stock ===

impl Stock {
    pub(super) fn new() -> Self {
        Stock { bindings: HashMap::new(), memory: Memory::Unknown, fresh_asked: None }
    }

    /// An unassigned sandbox was bound.
    pub(super) fn bound(&mut self, group: SandboxGroup, now: Instant) {
        let bindings = self.bindings.entry(group).or_default();
        while bindings.len() >= MAX_REMEMBERED || bindings.front().is_some_and(|first| now.saturating_duration_since(*first) > WINDOW) {
            bindings.pop_front();
        }
        bindings.push_back(now);
    }

    /// Somebody asks for fresh children of what is kept warm.
    pub(super) fn asked_fresh(&mut self, now: Instant) {
        self.fresh_asked = Some(now);
    }

    /// Whether one of fresh children is kept where others are put back.
    pub(super) fn wants_fresh(&self, now: Instant) -> bool {
        self.fresh_asked.is_some_and(|at| now.saturating_duration_since(at) < FRESH_PATIENCE)
    }

    pub(super) fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }

    pub(super) fn is_short(&self) -> bool {
        self.memory == Memory::Short
    }

    /// How many unassigned sandboxes of the group there should be, of which there are `present` already.
    pub(super) fn target(&self, group: SandboxGroup, limits: &Pool, present: usize, now: Instant) -> Target {
        let (least, most) = group.spares(limits);
        let busiest = self.bindings.get(&group).map_or(0, |bindings| busiest(bindings, now));
        decide(least, most, busiest, present, self.memory)
    }
}

/// The decision itself.
fn decide(least: usize, most: usize, busiest: usize, present: usize, memory: Memory) -> Target {
    let (wanted, reason) = match busiest {
        seen if seen <= least => (least, StockReason::Least),
        seen if seen > most => (most.max(least), StockReason::Most),
        seen => (seen, StockReason::Demand),
    };
    let fitting = match memory {
        Memory::Unknown => usize::MAX,
        Memory::Fits(more) => present.saturating_add(more),
        Memory::Short => 0,
    };
    if fitting < wanted { Target { sandboxes: fitting, reason: StockReason::Memory } } else { Target { sandboxes: wanted, reason } }
}

/// Most bindings in any one moment of the window.
fn busiest(bindings: &VecDeque<Instant>, now: Instant) -> usize {
    let recent = bindings.iter().filter(|at| now.saturating_duration_since(**at) <= WINDOW);
    let mut moment: VecDeque<Instant> = VecDeque::new();
    let mut most = 0;
    for at in recent {
        moment.push_back(*at);
        while moment.front().is_some_and(|first| at.saturating_duration_since(*first) > MOMENT) {
            moment.pop_front();
        }
        most = most.max(moment.len());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(busiest: usize, present: usize, memory: Memory, expected: (usize, StockReason)) {
        let target = decide(1, 4, busiest, present, memory);
        assert_eq!((target.sandboxes, target.reason), expected, "{busiest} at once, {present} present, {memory:?}");
    }

    #[test]
    fn the_stock_follows_demand_within_its_bounds() {
        check(0, 1, Memory::Unknown, (1, StockReason::Least));
        check(1, 0, Memory::Fits(99), (1, StockReason::Least));
        check(3, 1, Memory::Fits(99), (3, StockReason::Demand));
        check(4, 1, Memory::Unknown, (4, StockReason::Demand));
        check(9, 4, Memory::Unknown, (4, StockReason::Most));
    }

    #[test]
    fn memory_holds_the_stock_back() {
        check(4, 1, Memory::Fits(1), (2, StockReason::Memory));
        check(4, 1, Memory::Fits(3), (4, StockReason::Demand));
        check(0, 0, Memory::Fits(0), (0, StockReason::Memory));
        check(4, 3, Memory::Short, (0, StockReason::Memory));
    }

    #[test]
    fn the_busiest_moment_of_the_last_minute_counts() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut stock = Stock::new();
        for seconds in [0.0, 0.4, 0.8, 5.0, 20.0, 20.9] {
            stock.bound(SandboxGroup::WARM, at(seconds));
        }
        let limits = Pool { unassigned: 1, max_unassigned: 9, ..Pool::default() };
        let target = |now: f64| stock.target(SandboxGroup::WARM, &limits, 0, at(now)).sandboxes;
        assert_eq!([target(21.0), target(60.0), target(75.0), target(90.0)], [3, 3, 2, 1]);
        assert_eq!(stock.target(SandboxGroup::SINGLE, &limits, 0, at(21.0)).reason, StockReason::Least, "each group for itself");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (now, mut stock) = (Instant::now(), Stock::new());
        (0..5 * MAX_REMEMBERED).for_each(|_| stock.bound(SandboxGroup::WARM, now));
        assert_eq!(stock.bindings[&SandboxGroup::WARM].len(), MAX_REMEMBERED);
    }

    #[test]
    fn a_stock_of_none_stays_none() {
        let (now, mut stock) = (Instant::now(), Stock::new());
        (0..9).for_each(|_| stock.bound(SandboxGroup::WARM, now));
        let limits = Pool { unassigned: 0, ..Pool::default() };
        assert_eq!(stock.target(SandboxGroup::WARM, &limits, 0, now).sandboxes, 0);
    }
}
