//! What the auditor keeps in memory, bounded: counts of reads, how often each principal was refused lately, and records that the
//! store has refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use crate::audit::record::{Actor, Entry, Outcome};
use crate::identity::Role;
use crate::name::{PrincipalName, TenantId};
use crate::time::Timestamp;

/// What is counted together.
const PERIOD_MS: u64 = 60_000;
/// Refused attempts of one principal in a minute that are recorded singly; of all whom nobody knows together, as many.
pub(super) const SINGLE_DENIALS: u32 = 60;
/// Counts at once; where there are more, all are recorded early.
const MAX_COUNTS: usize = 4_096;
/// Principals whose refusals are counted; where there are more, further ones are counted in aggregate only.
const MAX_PRINCIPALS: usize = 4_096;
/// Records that wait for the store; where there are more, they are lost, and operators hear of it.
const MAX_KEPT: usize = 16_384;

/// The books.
#[derive(Default)]
pub(super) struct Books {
    counts: HashMap<Counted, Entry>,
    denials: HashMap<Option<PrincipalName>, u32>,
    /// The minute that `denials` are of.
    minute: u64,
    kept: Kept,
}

/// Records that wait for the store.
#[derive(Default)]
pub(super) struct Kept {
    /// Outcomes that close an intent.
    pub(super) outcomes: Vec<Entry>,
    /// All others.
    pub(super) others: Vec<Entry>,
}

/// What one count is of.
#[derive(PartialEq, Eq, Hash)]
struct Counted {
    tenant: TenantId,
    principal: Option<PrincipalName>,
    role: Option<Role>,
    method: String,
    outcome: Outcome,
    minute: u64,
}

impl Books {
    /// Counts a call, which `entry` would be the single record of, about a resource of this kind. Answers what is to be recorded
    /// early.
    pub(super) fn count(&mut self, entry: Entry, kind: &str) -> Vec<Entry> {
        let early = if self.counts.len() >= MAX_COUNTS { self.counted_before(u64::MAX) } else { Vec::new() };
        let minute = minute(entry.time);
        let (tenant, principal, role) = (entry.tenant.clone(), entry.actor.principal.clone(), entry.actor.role);
        let counted = Counted { tenant, principal, role, method: entry.method.clone(), outcome: entry.outcome, minute };
        match self.counts.entry(counted) {
            Slot::Occupied(mut found) => found.get_mut().count += 1,
            Slot::Vacant(free) => {
                free.insert(summed(entry, kind, minute));
            }
        }
        early
    }

    /// Takes what was counted in minutes that were over at `now`.
    pub(super) fn counted_before(&mut self, now: u64) -> Vec<Entry> {
        self.counts.extract_if(|counted, _| (counted.minute + 1).saturating_mul(PERIOD_MS) <= now).map(|(_, entry)| entry).collect()
    }

    /// Whether a refusal is to be recorded singly.
    pub(super) fn denied_singly(&mut self, principal: Option<&PrincipalName>, now: Timestamp) -> bool {
        if std::mem::replace(&mut self.minute, minute(now)) != minute(now) {
            self.denials.clear();
        }
        let full = self.denials.len() >= MAX_PRINCIPALS;
        match self.denials.entry(principal.cloned()) {
            Slot::Occupied(mut found) => {
                *found.get_mut() += 1;
                *found.get() <= SINGLE_DENIALS
            }
            Slot::Vacant(_) if full => false,
            Slot::Vacant(free) => *free.insert(1) <= SINGLE_DENIALS,
        }
    }

    /// Keeps what the store has refused; answers how many there was no room for.
    pub(super) fn keep(&mut self, entries: Vec<Entry>, are_outcomes: bool) -> usize {
        let room = MAX_KEPT.saturating_sub(self.kept.outcomes.len() + self.kept.others.len());
        let lost = entries.len().saturating_sub(room);
        let kept = if are_outcomes { &mut self.kept.outcomes } else { &mut self.kept.others };
        kept.extend(entries.into_iter().take(room));
        lost
    }

    /// Takes what waits for the store.
    pub(super) fn take_kept(&mut self) -> Kept {
        std::mem::take(&mut self.kept)
    }
}

fn minute(time: Timestamp) -> u64 {
    time.as_millis() / PERIOD_MS
}

/// The record of a count: what single calls differ in is left out.
fn summed(entry: Entry, kind: &str, minute: u64) -> Entry {
    let actor = Actor { principal: entry.actor.principal, role: entry.actor.role, ..Actor::default() };
    Entry {
        time: Timestamp::from_millis(minute * PERIOD_MS),
        until: Some(Timestamp::from_millis((minute + 1) * PERIOD_MS)),
        actor,
        resource: kind.to_owned(),
        version: None,
        reason: String::new(),
        purpose: String::new(),
        request_id: String::new(),
        trace_id: String::new(),
        ..entry
    }
}
