//! Names of schedules of a tenant.

use std::fmt;
use std::sync::Arc;

use super::TenantId;
use super::tenant::{malformed, slug};
use crate::error::Error;

/// Longest id of a schedule in characters.
const MAX_SCHEDULE: usize = 64;

/// Id of a schedule within its tenant: lower-case letters, digits and inner hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId(Arc<str>);

/// Full name of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleName {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub schedule: ScheduleId,
}

impl ScheduleId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field` and the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match slug(text, MAX_SCHEDULE) {
            Ok(()) => Ok(ScheduleId(text.into())),
            Err(rule) => Err(Error::invalid(field, "MALFORMED", format!("a schedule {rule}"))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ScheduleName {
    /// Reads `tenants/{tenant}/schedules/{schedule}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "schedules", schedule] => {
                Ok(ScheduleName { tenant: TenantId::parse(field, tenant)?, schedule: ScheduleId::parse(field, schedule)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/schedules/{schedule}")),
        }
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/schedules/{}", self.tenant, self.schedule)
    }
}
