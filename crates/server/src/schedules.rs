//! The use cases of schedules, and what starts executions at their times, put together.

use std::sync::Arc;

use domain::access::{AccessPolicy, Authenticator};
use domain::audit::Auditor;
use domain::execution::Executions;
use domain::lease::InstanceId;
use domain::schedule::{SchedulePorts, Scheduler, SchedulerPorts, Schedules};
use domain::time::Clock;
use telemetry::Metrics;

use crate::bridge::calendar::IanaCalendar;
use crate::bridge::incidents::LoggedIncidents;
use crate::bridge::timetable::CronTimetable;
use crate::stores::Store;

/// What says who owners of schedules are, and what they may do.
pub(crate) struct Owners<'a> {
    pub(crate) policy: &'a AccessPolicy,
    pub(crate) authenticator: &'a Arc<dyn Authenticator>,
}

/// Where schedules are kept, and what tells the time.
pub(crate) struct Place<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// Who starts executions, and where is told what fails of that.
pub(crate) struct Starter<'a> {
    pub(crate) instance: InstanceId,
    pub(crate) auditor: &'a Auditor,
    pub(crate) metrics: &'a Arc<Metrics>,
}

/// What callers do with schedules.
pub(crate) fn schedules(place: &Place<'_>, executions: &Executions, owners: &Owners<'_>) -> Schedules {
    Schedules::new(SchedulePorts {
        repository: place.store.clone(),
        executions: executions.clone(),
        policy: owners.policy.clone(),
        authenticator: Arc::clone(owners.authenticator),
        tenants: place.store.clone(),
        calendar: Arc::new(IanaCalendar),
        timetable: Arc::new(CronTimetable),
        clock: Arc::clone(place.clock),
    })
}

/// What starts executions at the times of schedules.
pub(crate) fn scheduler(place: &Place<'_>, executions: &Executions, owners: &Owners<'_>, starter: Starter<'_>) -> Scheduler {
    let ports = SchedulerPorts {
        schedules: place.store.clone(),
        executions: executions.clone(),
        policy: owners.policy.clone(),
        authenticator: Arc::clone(owners.authenticator),
        tenants: place.store.clone(),
        leases: place.store.clone(),
        timetable: Arc::new(CronTimetable),
        auditor: starter.auditor.clone(),
        incidents: Arc::new(LoggedIncidents::new(Arc::clone(starter.metrics))),
        clock: Arc::clone(place.clock),
    };
    Scheduler::new(ports, starter.instance)
}
