//! The use cases of schedules, and what starts executions at their times, put together.

use std::sync::Arc;

use domain::access::{AccessPolicy, Authenticator};
use domain::audit::Auditor;
use domain::execution::Executions;
use domain::lease::InstanceId;
use domain::schedule::{SchedulePorts, Scheduler, SchedulerPorts, Schedules};

use super::Parts;
use crate::bridge::calendar::IanaCalendar;
use crate::bridge::incidents::LoggedIncidents;
use crate::bridge::timetable::CronTimetable;

/// What says who owners of schedules are, and what they may do.
pub(crate) struct Owners<'a> {
    pub(crate) policy: &'a AccessPolicy,
    pub(crate) authenticator: &'a Arc<dyn Authenticator>,
}

/// What callers do with schedules.
pub(crate) fn schedules(parts: &Parts, executions: &Executions, owners: &Owners<'_>) -> Schedules {
    Schedules::new(SchedulePorts {
        repository: parts.stores.store.clone(),
        executions: executions.clone(),
        policy: owners.policy.clone(),
        authenticator: Arc::clone(owners.authenticator),
        tenants: parts.stores.store.clone(),
        calendar: Arc::new(IanaCalendar),
        timetable: Arc::new(CronTimetable),
        clock: Arc::clone(&parts.clock),
    })
}

/// What starts executions at the times of schedules.
pub(crate) fn scheduler(parts: &Parts, executions: &Executions, owners: &Owners<'_>, auditor: &Auditor) -> Scheduler {
    let ports = SchedulerPorts {
        schedules: parts.stores.store.clone(),
        executions: executions.clone(),
        policy: owners.policy.clone(),
        authenticator: Arc::clone(owners.authenticator),
        tenants: parts.stores.store.clone(),
        leases: parts.stores.store.clone(),
        timetable: Arc::new(CronTimetable),
        auditor: auditor.clone(),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(&parts.metrics))),
        clock: Arc::clone(&parts.clock),
    };
    Scheduler::new(ports, InstanceId::new(parts.instance.as_str()))
}
