//! The process manager's other half: it makes what runs on an engine what a manifest wants, watches it, and goes back to the last good
//! state where that fails. What must be done is decided by the crate `process`; here it is done, and what is seen of it is told.
//!
//! No state is kept beside the engine's own: names and labels of containers say what they are, so that a manager that was killed finds
//! everything again by looking.

mod drift;
mod progress;

pub mod apply;
pub mod content;
pub mod docker;
pub mod engine;
pub mod factory;
pub mod feed;
pub mod fenced;
pub mod health;
pub mod labels;
pub mod logs;
pub mod platform;
pub mod probe;
pub mod restart;
pub mod sight;
pub mod status;
pub mod supervise;

pub use docker::{Config as DockerConfig, DockerEngine};
pub use platform::{Config, Orchestrator};
