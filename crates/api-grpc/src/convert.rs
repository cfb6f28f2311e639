//! From the wire to the domain and back, one concept a file. Conversions from the wire collect every violation and never stop
//! at the first; they hold no business rule, which the domain checks itself.

pub(crate) mod attestation;
pub(crate) mod audit;
pub(crate) mod audit_report;
pub(crate) mod copy;
pub(crate) mod event;
pub(crate) mod event_log;
pub(crate) mod execution;
pub(crate) mod finding;
pub(crate) mod grant;
pub(crate) mod identity;
pub(crate) mod isolation;
pub(crate) mod launch;
pub(crate) mod limits;
pub(crate) mod mask;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod parameter;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod request_key;
pub(crate) mod runtime;
pub(crate) mod schedule;
pub(crate) mod secret;
pub(crate) mod server_info;
pub(crate) mod subject;
pub(crate) mod tenant;
pub(crate) mod time;
pub(crate) mod utility;
pub(crate) mod version;
pub(crate) mod webhook;

pub(crate) use domain::violation::Violations;

/// What only the wire can get wrong, noted among the violations of a request.
pub(crate) trait WireViolations {
    /// Reads an enum; a number that the contract does not know is a violation and reads as unspecified.
    fn known<E: TryFrom<i32> + Default>(&mut self, field: &str, number: i32) -> E;
    /// Reads the number of a version; 0 stands for none in particular.
    fn version_number(&mut self, field: &str, number: i32) -> Option<u32>;
    /// Reads a sequence number.
    fn sequence(&mut self, field: &str, number: i64) -> u64;
}

impl WireViolations for Violations {
    fn known<E: TryFrom<i32> + Default>(&mut self, field: &str, number: i32) -> E {
        E::try_from(number).unwrap_or_else(|_| {
            self.push(field, "UNKNOWN_VALUE", format!("{number} is not a value of this enum"));
            E::default()
        })
    }

    fn version_number(&mut self, field: &str, number: i32) -> Option<u32> {
        match u32::try_from(number) {
            Ok(0) => None,
            Ok(number) => Some(number),
            Err(_) => {
                self.push(field, "OUT_OF_RANGE", format!("{number} is negative; versions count from 1, and 0 is the default"));
                None
            }
        }
    }

    fn sequence(&mut self, field: &str, number: i64) -> u64 {
        u64::try_from(number).unwrap_or_else(|_| {
            self.push(field, "OUT_OF_RANGE", format!("{number} is negative; events count from 1"));
            0
        })
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
