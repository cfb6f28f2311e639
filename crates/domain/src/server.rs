//! Servers: what each knows of itself, and what administrators are told.

pub mod actions;
mod facts;
mod keys;
mod use_cases;

pub use facts::{Battery, Facts, ProbeFailure, ServerFacts, TierFacts};
pub use keys::{KeyRepository, WrappingKey};
pub use use_cases::Servers;
