//! Servers: what each knows of itself, and what administrators are told.

pub mod actions;
mod facts;
mod use_cases;

pub use facts::{Battery, Facts, ProbeFailure, ServerFacts, TierFacts};
pub use use_cases::Servers;
