//! Which system calls each part of a sandbox may make, as plain data: one list per boundary, read by the agent (which
//! compiles filters from them) and by [`docker_profile_json`] (which renders Docker's own format).
//!
//! Names only: what number a call has on an architecture is the agent's business. Everything that is not listed is refused
//! with `EPERM`; calls of another architecture or ABI kill the process.
//!
//! It deliberately does not install anything.

mod docker;
mod follow;
mod lists;
mod rule;
#[cfg(test)]
mod tests;

pub use docker::docker_profile_json;
pub use follow::{CHILD_RESTORED, FollowPolicy, FollowRule, KEPT_REQUEST, Trace};
pub use lists::{CHILD_LANDLOCK, CHILD_PROCESSES, CHILD_STRICT, OUTER, OUTER_FOLLOWING, OUTER_LANDLOCK, ZYGOTE_FOLLOWED};
pub use rule::{Answer, CallPolicy, Condition, Rule};
