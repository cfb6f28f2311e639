//! How Zona asks something that may be slow, full or gone: with a deadline, past a breaker, in a bounded number, and again only as far as a
//! budget reaches.
//!
//! A [`Guard`] stands before one dependency, or one use of it, and knows nothing of what is asked. Its parts are small and pure, and a
//! [`Breaker`] can be had alone: it is told the time. What it saw is in its [`Standing`], for metrics.

mod breaker;
mod budget;
mod guard;

pub use breaker::{Breaker, Pass, State};
pub use guard::{Config, Failure, Guard, Retries, Standing};

#[cfg(test)]
mod tests;
