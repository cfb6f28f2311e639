//! The battery: programs that attack the sandbox they run in, one per way out that is known. A tier in which one gets through is
//! refused.
//!
//! A probe tells by itself what it got hold of, since it is our program; where the outside can tell better (a listener that hears
//! it, bytes that arrive, a limit that ends it), the outside does. A crash counts as stopped only where the probe expects one.
//! What the battery cannot show, it deliberately does not claim: that the kernel has no fault of its own.

mod battery;
mod catalog;
mod defence;
mod guest;
mod gvisor;
mod landlock;
mod observer;
mod proof;
mod report;
mod runner;
mod scene;
#[cfg(test)]
mod tests;
mod trial;

pub use battery::Battery;
pub use defence::{Defence, ProbeGroup};
pub(crate) use proof::{Ground, Proofs};
pub use report::{Conclusion, Outcome, ProbeResult, Report};
pub use trial::{Trial, attack};
