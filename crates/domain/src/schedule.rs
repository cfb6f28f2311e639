//! Schedules: executions that start by themselves at the times of a cron expression, each of them once, on behalf of their owners.

pub mod actions;
mod entity;
mod firing;
mod plan;
mod repository;
mod scheduler;
mod timetable;
mod use_cases;

pub use entity::{CatchUp, Fired, FiredAs, MAX_SCHEDULES, Program, Schedule, too_many};
pub use firing::Firing;
pub use plan::{MAX_CAUGHT_UP, ON_TIME};
pub use repository::{Due, ScheduleChange, ScheduleQuery, ScheduleRepository};
pub use scheduler::{LOOK_EVERY, Scheduler, SchedulerPorts};
pub use timetable::{CronFault, Timetable};
pub use use_cases::{ScheduleAsked, ScheduleDraft, SchedulePatch, SchedulePorts, Schedules};
