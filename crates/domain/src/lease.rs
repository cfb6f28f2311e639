//! Leases: who holds something, until when, and under which fencing token.
//!
//! Each server instance holds one lease, `instances/{id}`, renews it while it lives, and names its [`Fence`] in every write of
//! an execution. So renewal costs one small write per period for a server, not one per execution, and what an instance left is
//! known by one rule: **an execution that has not ended is abandoned when its fence is not that of a lease in force.**
//!
//! Safety never rests on a clock. A store compares the fence of each write with the execution's own, and whoever takes an
//! execution over changes its fence in one commit, so that of two writers one is refused, however wrong their clocks are.
//! Clocks decide only when somebody may take over. With clocks that differ by less than a third of [`TERM`], what is alive stays
//! where it is. Beyond that:
//!
//! - A clock that steps back leaves the expiry where it was: a renewal never shortens a lease. Where it steps back by more than
//!   the term, the lease runs out for the others meanwhile, and they may take over; the holder hears it by its next write.
//! - A clock that steps forward by more than the term sees the others' leases as expired and may take over what is alive: those
//!   executions end as lost, and their holders' writes are refused. Its own lease then lasts as long as its clock is ahead.
//! - A holder that was paused beyond its term and returns finds its lease as it was, if nobody has acquired it, and goes on.
//!   Otherwise its renewal says that the lease is lost, and its writes are refused.

mod fence;
mod job;
mod keeper;
mod repository;
mod rules;
mod tenure;

pub use fence::{Fence, InstanceId};
pub(crate) use job::JobLease;
pub use keeper::Keeper;
pub use repository::LeaseRepository;
pub use rules::{Acquisition, Lease, LeaseName, Renewal, TERM, acquire, renew};
pub use tenure::{Acting, Tenure};

#[cfg(test)]
mod tests;
