//! What is kept of schedules in memory.

use std::collections::BTreeMap;

use domain::Result;
use domain::name::ScheduleName;
use domain::request::{Committed, Expected};
use domain::schedule::{Firing, MAX_SCHEDULES, Program, Schedule, ScheduleChange, too_many};
use domain::time::Timestamp;

use super::requests::{Known, Requests};

/// The schedules of all tenants.
#[derive(Default)]
pub(super) struct Schedules {
    pub(super) all: BTreeMap<ScheduleName, Schedule>,
    /// What a request was about, and whether it has deleted that.
    pub(super) requests: Requests<(Schedule, bool)>,
}

impl Schedules {
    /// Whether a firing may be stored.
    pub(super) fn admits(&self, firing: &Firing) -> bool {
        self.all.get(&firing.schedule.name).is_some_and(|held| held.revision == firing.expected)
    }

    /// Stores one that may be.
    pub(super) fn fire(&mut self, firing: &Firing) {
        self.all.insert(firing.schedule.name.clone(), firing.schedule.clone());
    }

    pub(super) fn told(&self, known: Known<(Schedule, bool)>) -> Committed<Schedule> {
        match known {
            Known::Reused => Committed::KeyReused,
            Known::Answered((first, deleted)) => match self.all.get(&first.name) {
                Some(held) if !deleted => Committed::Answered(Box::new(held.clone())),
                None if !deleted => Committed::Removed { resource: first.name.to_string() },
                Some(_) | None => Committed::Answered(Box::new(without_params(&first))),
            },
        }
    }

    pub(super) fn store(&mut self, change: ScheduleChange, now: Timestamp) -> Result<Committed<Schedule>> {
        let ScheduleChange { expected, schedule, deletes, request } = change;
        let name = schedule.name.clone();
        if let Some(known) = request.as_ref().and_then(|key| self.requests.find(&name.tenant, key, now)) {
            return Ok(self.told(known));
        }
        match (expected, self.all.get(&name).map(|held| held.revision)) {
            (Expected::Absent, None) if self.all.keys().filter(|held| held.tenant == name.tenant).count() >= MAX_SCHEDULES => {
                return Err(too_many(&name.tenant));
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored && deletes => {
                self.all.remove(&name);
            }
            (Expected::Absent, None) => {
                self.all.insert(name.clone(), schedule.clone());
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored => {
                self.all.insert(name.clone(), schedule.clone());
            }
            _ => return Ok(Committed::Conflict),
        }
        if let Some(key) = &request {
            self.requests.remember(&name.tenant, key, now, (schedule, deletes));
        }
        Ok(Committed::Stored)
    }
}

pub(super) fn without_params(schedule: &Schedule) -> Schedule {
    let program = Program { params_json: String::new(), ..schedule.program.clone() };
    Schedule { program, ..schedule.clone() }
}
