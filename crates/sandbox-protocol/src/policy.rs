//! Which system calls each part of a sandbox may make, as plain data: one list per boundary, read by the agent (which
//! compiles filters from them) and by [`docker_profile_json`] (which renders Docker's own format).
//!
//! Names only: what number a call has on an architecture is the agent's business. Everything that is not listed is refused
//! with `EPERM`; calls of another architecture or ABI kill the process.
//!
//! It deliberately does not install anything.

mod docker;
mod lists;
#[cfg(test)]
mod tests;

pub use docker::docker_profile_json;
pub use lists::{CHILD_LANDLOCK, CHILD_PROCESSES, CHILD_STRICT, OUTER, OUTER_LANDLOCK};

/// The calls that one boundary lets through.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Stable name, shown in attestations and errors.
    pub name: &'static str,
    /// Calls that are let through whatever their arguments; groups may overlap.
    pub allowed: &'static [&'static [&'static str]],
    /// Calls that are let through only with certain arguments; groups may overlap.
    pub conditional: &'static [&'static [Rule]],
    /// Calls that answer `ENOSYS`, so that the C library falls back to one that can be checked.
    pub absent: &'static [&'static str],
}

/// Lets one call through when every condition holds; there is at least one. Several rules of one call are alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Name of the call.
    pub call: &'static str,
    /// What its arguments must look like.
    pub when: &'static [Condition],
}

/// A test of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Position of the argument, from 0.
    pub argument: u8,
    /// Bits that are compared. Conditions look at the low 32 bits, as the kernel does for `int` arguments.
    pub mask: u32,
    /// What those bits must be.
    pub value: u32,
}

// === impl Policy ===

impl Policy {
    /// Names of the calls that are let through whatever their arguments, sorted, each once.
    pub fn allowed_calls(&self) -> Vec<&'static str> {
        let mut calls: Vec<_> = self.allowed.iter().flat_map(|group| group.iter().copied()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// Every rule that looks at arguments.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.conditional.iter().flat_map(|group| group.iter())
    }
}

// === impl Condition ===

impl Condition {
    /// The argument, an `int`, equals `value`.
    const fn equals(argument: u8, value: u32) -> Self {
        Condition { argument, mask: u32::MAX, value }
    }

    /// The bits of `mask` in the argument equal `value`.
    const fn masked(argument: u8, mask: u32, value: u32) -> Self {
        Condition { argument, mask, value }
    }

    /// None of `bits` is set in the argument.
    const fn without(argument: u8, bits: u32) -> Self {
        Condition { argument, mask: bits, value: 0 }
    }
}
