//! What is counted while a report is built. Everything is bounded: what there is no room for is counted in one number.

use std::collections::{BTreeMap, VecDeque};

use super::content::{AccessCount, DayCount, DenialCount, Events, ExecutingCount, OutcomeCount, Report};
use super::period::Period;
use crate::audit::record::{AuditRecord, Outcome};
use crate::identity::Role;
use crate::name::{PrincipalName, TenantId};

/// Rows of one table at most: beyond, calls are counted together.
const MAX_ROWS: usize = 1_000;
/// Records of one kind that are shown at most: the newest.
const MAX_SHOWN: usize = 200;
/// Kinds of resources whose changes are changes of who may do what.
const PERMISSIONS: [&str; 9] = ["user", "service_account", "api_key", "grant", "credential", "installation", "offer", "share", "tenant"];
/// The kind of resource whose changes are changes of what code may do.
const POLICY: &str = "policy";
/// Actions that execute something.
const EXECUTING: [&str; 3] = ["utility.execute", "utility.start", "utility.transform"];
/// Verbs of actions that change nothing.
const READS: [&str; 3] = ["get", "list", "explain"];

/// Sums by key, of which there are at most a thousand.
#[derive(Debug)]
pub(super) struct Tally<K> {
    sums: BTreeMap<K, u64>,
    rest: u64,
}

/// Records of one kind, of which the last that were counted are kept, newest first.
#[derive(Default)]
struct Recent {
    total: u64,
    newest: VecDeque<AuditRecord>,
}

/// What was counted so far.
pub(super) struct Counting {
    pub(super) records: u64,
    outcomes: BTreeMap<Outcome, (u64, u64)>,
    days: Vec<DayCount>,
    access: Tally<(Option<Role>, String, Outcome)>,
    denials: Tally<(Option<PrincipalName>, String, String)>,
    executing: Tally<(String, Outcome, String)>,
    permission_changes: Recent,
    policy_changes: Recent,
    /// The lowest and the highest place of what was counted.
    sequences: Option<(u64, u64)>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Tally { sums: BTreeMap::new(), rest: 0 }
    }
}

impl<K: Ord> Tally<K> {
    pub(super) fn add(&mut self, key: K, number: u64) {
        let full = self.sums.len() >= MAX_ROWS;
        match self.sums.get_mut(&key) {
            Some(sum) => *sum += number,
            None if full => self.rest += number,
            None => {
                self.sums.insert(key, number);
            }
        }
    }

    /// The sums, in the order of the keys.
    pub(super) fn into_rows(self) -> impl Iterator<Item = (K, u64)> {
        self.sums.into_iter()
    }
}

impl Counting {
    pub(super) fn new(period: &Period) -> Self {
        Counting {
            records: 0,
            outcomes: BTreeMap::new(),
            days: period.begins().iter().map(|begin| DayCount { begin: *begin, ..DayCount::default() }).collect(),
            access: Tally::default(),
            denials: Tally::default(),
            executing: Tally::default(),
            permission_changes: Recent::default(),
            policy_changes: Recent::default(),
            sequences: None,
        }
    }

    pub(super) fn sequences(&self) -> Option<(u64, u64)> {
        self.sequences
    }

    /// Counts a record of the period, later than those before it in the log.
    pub(super) fn count(&mut self, period: &Period, record: AuditRecord) {
        let (first, last) = self.sequences.unwrap_or((record.sequence, record.sequence));
        self.sequences = Some((first.min(record.sequence), last.max(record.sequence)));
        self.records += 1;
        let (entry, calls) = (&record.entry, calls(&record));
        let sums = self.outcomes.entry(entry.outcome).or_default();
        *sums = (sums.0 + 1, sums.1 + calls);
        if calls == 0 {
            return;
        }
        let (action, outcome) = (&entry.action, entry.outcome);
        *sum_of(&mut self.days[period.day(entry.time)], outcome) += calls;
        self.access.add((entry.actor.role, action.clone(), outcome), calls);
        if outcome == Outcome::Denied {
            self.denials.add((entry.actor.principal.clone(), action.clone(), entry.reason.clone()), calls);
        }
        if EXECUTING.contains(&action.as_str()) {
            self.executing.add((action.clone(), outcome, entry.reason.clone()), calls);
        }
        let (kind, verb) = action.split_once('.').unwrap_or((action.as_str(), ""));
        if outcome == Outcome::Denied || READS.contains(&verb) {
            return;
        }
        match kind {
            POLICY => self.policy_changes.add(record),
            kind if PERMISSIONS.contains(&kind) => self.permission_changes.add(record),
            _ => {}
        }
    }

    /// The report, as far as the records of the period have it.
    pub(super) fn into_report(self, tenant: TenantId) -> Report {
        let outcome = |(outcome, (records, calls))| OutcomeCount { outcome, records, calls };
        let outcomes: Vec<OutcomeCount> = self.outcomes.into_iter().map(outcome).collect();
        let other_denials = self.denials.rest;
        let denial = |((principal, action, reason), calls)| DenialCount { principal, action, reason, calls };
        let mut denials: Vec<DenialCount> = self.denials.into_rows().map(denial).collect();
        // Stable: among those that are as frequent, the order of names stays.
        denials.sort_by_key(|denial| std::cmp::Reverse(denial.calls));
        let access = |((role, action, outcome), calls)| AccessCount { role, action, outcome, calls };
        let executing = |((action, outcome, reason), calls)| ExecutingCount { action, outcome, reason, calls };
        Report {
            tenant,
            records: self.records,
            calls: outcomes.iter().map(|count| count.calls).sum(),
            outcomes,
            days: self.days,
            access: self.access.into_rows().map(access).collect(),
            denials,
            other_denials,
            executing: self.executing.into_rows().map(executing).collect(),
            executions: Vec::new(),
            permission_changes: self.permission_changes.into(),
            policy_changes: self.policy_changes.into(),
            exceptions: Vec::new(),
            oldest: None,
            beginning: None,
            verification: None,
        }
    }
}

impl Recent {
    fn add(&mut self, record: AuditRecord) {
        self.total += 1;
        self.newest.push_front(record);
        self.newest.truncate(MAX_SHOWN);
    }
}

impl From<Recent> for Events {
    fn from(Recent { total, newest }: Recent) -> Self {
        Events { total, newest: newest.into() }
    }
}

/// The calls that a record stands for: none for an intent, whose outcome stands for its call.
fn calls(record: &AuditRecord) -> u64 {
    if record.entry.outcome == Outcome::Intent { 0 } else { record.entry.count }
}

fn sum_of(day: &mut DayCount, outcome: Outcome) -> &mut u64 {
    match outcome {
        Outcome::Allowed => &mut day.allowed,
        Outcome::Denied => &mut day.denied,
        Outcome::Failed => &mut day.failed,
        Outcome::Intent | Outcome::Cancelled | Outcome::Unknown => &mut day.other,
    }
}
