//! From the wire to the domain and back, one concept a file. Conversions from the wire collect every violation and never stop
//! at the first; they hold no business rule, which the domain checks itself.

pub(crate) mod attestation;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod finding;
pub(crate) mod isolation;
pub(crate) mod launch;
pub(crate) mod limits;
pub(crate) mod mask;
pub(crate) mod page;
pub(crate) mod parameter;
pub(crate) mod policy;
pub(crate) mod request_key;
pub(crate) mod runtime;
pub(crate) mod server_info;
pub(crate) mod time;
pub(crate) mod utility;
pub(crate) mod version;

use domain::Error;
use domain::Result;
use domain::Violation;

/// Violations of one request, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Takes note of one.
    pub(crate) fn push(&mut self, field: impl Into<String>, reason: &'static str, description: impl Into<String>) {
        self.0.push(Violation::new(field, reason, description));
    }

    /// The value, or the violations that the parser of the domain found.
    pub(crate) fn take<T>(&mut self, parsed: Result<T>) -> Result<Option<T>> {
        match parsed {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid(found)) => {
                self.0.extend(found);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Reads an enum; a number that the contract does not know is a violation and reads as unspecified.
    pub(crate) fn known<E: TryFrom<i32> + Default>(&mut self, field: &str, number: i32) -> E {
        E::try_from(number).unwrap_or_else(|_| {
            self.push(field, "UNKNOWN_VALUE", format!("{number} is not a value of this enum"));
            E::default()
        })
    }

    /// Reads the number of a version; 0 stands for none in particular.
    pub(crate) fn version_number(&mut self, field: &str, number: i32) -> Option<u32> {
        match u32::try_from(number) {
            Ok(0) => None,
            Ok(number) => Some(number),
            Err(_) => {
                self.push(field, "OUT_OF_RANGE", format!("{number} is negative; versions count from 1, and 0 is the default"));
                None
            }
        }
    }

    /// Reads a sequence number.
    pub(crate) fn sequence(&mut self, field: &str, number: i64) -> u64 {
        u64::try_from(number).unwrap_or_else(|_| {
            self.push(field, "OUT_OF_RANGE", format!("{number} is negative; events count from 1"));
            0
        })
    }

    /// All of them, for a use case that adds its own.
    pub(crate) fn into_inner(self) -> Vec<Violation> {
        self.0
    }

    /// `value`, when there is no violation.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Counts on the wire are signed; ours are far below that bound.
pub(crate) fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// Sizes and sequence numbers on the wire are signed; ours are far below that bound.
pub(crate) fn size(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
