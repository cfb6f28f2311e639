//! Logs, traces and metrics of a Zona process, and the loopback port on which operators read them.
//!
//! It knows no use case: what is measured is told to [`Metrics`] by the composition root, and span fields are recorded where
//! the work is done. Names of attributes and metrics are constants here, so that documents and code cannot disagree.

pub mod admin;
pub mod logs;
pub mod metrics;
pub mod names;
pub mod trace_context;

pub use logs::{Config, Format, Telemetry};
pub use metrics::{Metrics, Reading};
