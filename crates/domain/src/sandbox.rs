//! Where programs run: the port, what it is given, and what it reports. How they are contained is the adapter's.

mod attestation;
mod isolation;
mod limits;
mod outcome;
mod output;
mod port;
mod secrets;
mod usage;

pub use attestation::{Attestation, BackendKind, BatteryPass, Network, ResourceControl, Seccomp};
pub use isolation::Isolation;
pub use limits::{Limits, LimitsPatch, OnOutputLimit};
pub use outcome::{Failure, Reason};
pub use output::{MAX_CHUNK, Stream};
pub(crate) use port::is_refusal;
pub use port::{Entry, Error, Job, Progress, Purpose, Run, Sandbox};
pub use secrets::{MASK, MAX_SECRETS, SHORTEST_SECRET, Secrets};
pub use usage::Usage;
