//! What a policy is made of: names of calls, and tests of their arguments. Which there are is said elsewhere.

/// The calls that one boundary lets through.
#[derive(Debug, Clone, Copy)]
pub struct CallPolicy {
    /// Stable name, shown in attestations and errors.
    pub name: &'static str,
    /// Calls that are let through whatever their arguments; groups may overlap.
    pub allowed: &'static [&'static [&'static str]],
    /// Calls that are decided by their arguments; groups may overlap.
    pub conditional: &'static [&'static [Rule]],
    /// Calls that succeed whatever their arguments, and are not made: what they do reaches others, and a program can do without.
    pub pretended: &'static [&'static [&'static str]],
    /// Calls that answer `ENOSYS`, so that the C library falls back to one that can be checked.
    pub absent: &'static [&'static str],
}

/// Decides one call when every condition holds; there is at least one. Several rules of one call are alternatives, and what none
/// describes is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Name of the call.
    pub call: &'static str,
    /// What its arguments must look like.
    pub when: &'static [Condition],
    /// What becomes of it then.
    pub answer: Answer,
}

/// What becomes of a call that a rule describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The kernel makes it.
    Through,
    /// It succeeds and is not made.
    Pretended,
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

// === impl CallPolicy ===

impl CallPolicy {
    /// Names of the calls that are let through whatever their arguments, sorted, each once.
    pub fn allowed_calls(&self) -> Vec<&'static str> {
        let mut calls: Vec<_> = self.allowed.iter().flat_map(|group| group.iter().copied()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// Names of the calls that succeed and are not made, whatever their arguments.
    pub fn pretended_calls(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.pretended.iter().flat_map(|group| group.iter().copied())
    }

    /// Every rule that looks at arguments.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.conditional.iter().flat_map(|group| group.iter())
    }
}

// === impl Rule ===

impl Rule {
    pub(in crate::call_policy) const fn through(call: &'static str, when: &'static [Condition]) -> Self {
        Rule { call, when, answer: Answer::Through }
    }

    pub(in crate::call_policy) const fn pretended(call: &'static str, when: &'static [Condition]) -> Self {
        Rule { call, when, answer: Answer::Pretended }
    }
}

// === impl Condition ===

impl Condition {
    /// The argument, an `int`, equals `value`.
    pub(in crate::call_policy) const fn equals(argument: u8, value: u32) -> Self {
        Condition { argument, mask: u32::MAX, value }
    }

    /// The bits of `mask` in the argument equal `value`.
    pub(in crate::call_policy) const fn masked(argument: u8, mask: u32, value: u32) -> Self {
        Condition { argument, mask, value }
    }

    /// Whether it holds for these arguments.
    pub fn holds(&self, arguments: &[u64; 6]) -> bool {
        arguments[usize::from(self.argument)] as u32 & self.mask == self.value
    }

    /// None of `bits` is set in the argument.
    pub(in crate::call_policy) const fn without(argument: u8, bits: u32) -> Self {
        Condition { argument, mask: bits, value: 0 }
    }
}
