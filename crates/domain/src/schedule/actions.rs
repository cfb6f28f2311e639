//! What can be done with schedules. That one starts an execution is no action of its own: its owner needs the right to start it.

use crate::access::actions;
use crate::name::{ScheduleName, TenantName, UtilityName};

actions! {
    /// Have a utility started by a schedule.
    CreateSchedule(UtilityName) = "utility.schedule", Execute, "utility";
    /// Read a schedule.
    GetSchedule(ScheduleName) = "schedule.get", Read, "schedule";
    /// List schedules.
    ListSchedules(TenantName) = "schedule.list", Read, "schedule";
    /// Change a schedule.
    UpdateSchedule(ScheduleName) = "schedule.update", Execute, "schedule";
    /// Have a schedule start nothing until it is resumed.
    PauseSchedule(ScheduleName) = "schedule.pause", Execute, "schedule";
    /// Have a schedule start executions again.
    ResumeSchedule(ScheduleName) = "schedule.resume", Execute, "schedule";
    /// Delete a schedule.
    DeleteSchedule(ScheduleName) = "schedule.delete", Execute, "schedule";
}
