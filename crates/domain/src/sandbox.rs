//! Where programs run: the port, what it is given, and what it reports. How they are contained is the adapter's.

mod attestation;
mod isolation;
mod limits;
mod outcome;
mod output;
mod port;
mod usage;

pub use attestation::{Attestation, BatteryPass};
pub use isolation::Isolation;
pub use limits::{Limits, LimitsPatch, OnOutputLimit};
pub use outcome::{Failure, Reason};
pub use output::{MAX_CHUNK, Stream};
pub use port::{Entry, Error, Job, Progress, Run, Sandbox};
pub use usage::Usage;
