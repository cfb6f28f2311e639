//! Violations: each rule that a request breaks, at its field.

use std::fmt;

use crate::error::{Error, Result};

/// As many are noted of a request: each takes many times the bytes of what it is about, and a caller is told of far fewer.
const MOST: usize = 1_000;

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

/// Violations of one request, in the order in which they were found. Whoever reads or checks a part of it adds its own and goes on, so
/// that a caller hears of all at once. Of very many, the first ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(Vec<Violation>);

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

impl Violations {
    /// Takes note of one.
    pub fn push(&mut self, field: impl Into<String>, reason: &'static str, description: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Violation::new(field, reason, description));
        }
    }

    /// The value, or nothing once the violations that its parser found are noted.
    ///
    /// # Errors
    /// Every other error of the parser.
    pub fn take<T>(&mut self, parsed: Result<T>) -> Result<Option<T>> {
        match parsed {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(found)) => {
                let room = MOST - self.0.len();
                self.0.extend(found.into_iter().take(room));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// All of them, for a use case that adds its own.
    pub fn into_inner(self) -> Vec<Violation> {
        self.0
    }

    /// `value`, when there is no violation.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all of them.
    pub fn unless_any<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_violations_the_first_ones_are_kept() {
        let mut violations = Violations::default();
        for number in 0..2 * MOST {
            violations.push(format!("fields[{number}]"), "UNKNOWN_FIELD", "is none");
        }
        let taken = violations.take::<()>(Err(Error::invalid("last", "MISSING", "is missing")));
        assert!(matches!(taken, Ok(None)), "{taken:?}");
        let kept = violations.into_inner();
        assert_eq!((kept.len(), kept[MOST - 1].field.as_str()), (MOST, "fields[999]"));
    }
}
