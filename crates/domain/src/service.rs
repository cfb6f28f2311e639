//! Use cases: each takes a permit of its action, and states the order of its rules.

pub mod admission;
pub mod executions;
pub mod gate;
pub mod live;
pub mod policies;
pub mod runtimes;
pub mod servers;
pub mod utilities;
pub mod watch;
