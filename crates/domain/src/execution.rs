//! Executions: one run of one version each, from its place in the queue to its stored end, and those who watch.

pub mod actions;
mod binding;
mod claiming;
mod claims;
mod driver;
mod entity;
mod event;
mod handover;
mod inserting;
mod items;
mod kept;
mod launch;
mod live;
mod loading;
mod orphans;
mod outcomes;
mod ports;
mod program;
mod queue;
mod readying;
mod repository;
mod resting;
mod scheduled;
mod signals;
mod state;
mod tending;
mod use_cases;
mod watch;

pub use claiming::CLAIM_PERIOD;
pub use driver::{FLUSH_BYTES, FLUSH_DELAY, POSITION_PERIOD};
pub use entity::{Claimable, Execution, Mode, Values};
pub use event::{Body, Event, Output, Watched};
pub(crate) use items::{InputNames, ItemState};
pub use launch::{Launch, MAX_REQUEST, MAX_VALUES, TransformCall, Transformed, arguments};
pub use live::{StopOnDrop, TAIL_BYTES};
pub use outcomes::{MAX_FAILURE_TEXTS, MAX_OUTCOMES, MAX_RESULTS};
pub use ports::{Config, Ports};
pub use queue::{Claimed, Enqueued, ExecutionQueue, Room};
pub use repository::{Bounds, ExecutionQuery, ExecutionRepository, Pruned};
pub use resting::FIRST_REST;
pub use signals::{Hint, Hints, Signals};
pub use state::{State, Step};
pub use use_cases::Executions;
pub use watch::Watch;

#[cfg(test)]
mod tests;
