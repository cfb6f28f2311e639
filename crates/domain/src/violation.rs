//! Violations: each rule that a request breaks, at its field.

use std::fmt;

/// One broken rule of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, e.g. `utility.limits.memory_bytes`.
    pub field: String,
    /// Stable reason, e.g. `TOO_LONG`.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub description: String,
}

impl Violation {
    /// Makes a violation.
    pub fn new(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Violation { field: field.into(), reason, description: description.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

pub(crate) fn longest(found: &mut Vec<Violation>, field: String, text: &str, limit: usize) {
    let length = text.chars().count();
    if length > limit {
        found.push(Violation::new(field, "TOO_LONG", format!("{length} characters; the limit is {limit}")));
    }
}
