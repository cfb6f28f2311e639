//! What a tenant has settled for itself, and what was settled for it.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::error::Error;
use crate::name::{RuntimeId, TenantId, TenantName};
use crate::tenant::{ShareOffers, TenantConsent};

/// The zone of a tenant that has named none.
pub const DEFAULT_ZONE: &str = "UTC";
/// The locale of a tenant that has named none.
pub const DEFAULT_LOCALE: &str = "en";
/// Most days that anything is kept: a hundred years.
pub const MAX_DAYS: u32 = 36_500;
/// Fewest days that an audit log is kept where it is not kept for good: whoever has to look into something needs some time.
pub const MIN_AUDIT_DAYS: u32 = 30;

/// Settings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its time zone by the IANA database: whose days count.
    pub time_zone: String,
    /// Its locale, a BCP 47 tag in canonical form: how numbers are written for its people.
    pub locale: String,
    /// What it has agreed to.
    pub consent: TenantConsent,
    /// How long what has ended or was deleted is kept.
    pub keep: Keep,
    /// Whether everything is kept, whatever else is said; only super administrators say so.
    pub legal_hold: bool,
    /// How much it may have; only super administrators say so.
    pub quota: Quota,
    /// The runtimes that its utilities may use; empty for every one. Only super administrators say so.
    pub runtimes: Vec<RuntimeId>,
}

/// Most runtimes that a tenant names.
pub const MAX_RUNTIMES: usize = 32;

/// How much a tenant may have; `None` is no bound of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Utilities, deleted ones not counted: what is beyond is refused.
    pub utilities: Option<NonZeroU32>,
    /// Bytes of output: beyond them the oldest executions go.
    pub output_bytes: Option<NonZeroU64>,
    /// Executions and compilations at once on each server, where the server does not say fewer: what is beyond waits.
    pub running: Option<NonZeroU32>,
}

/// For how many days something is kept: until the end of that day in the tenant's time zone which lies so many days after the one on which it
/// ended. `None` is what the server says, which keeps deleted utilities for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// Executions that have ended, with their output.
    pub executions: Option<NonZeroU32>,
    /// Their output, where it goes before them.
    pub output: Option<NonZeroU32>,
    /// Utilities that were deleted, with their versions.
    pub deleted_utilities: Option<NonZeroU32>,
    /// Records of the audit log, of which `None` keeps all.
    pub audit: Option<NonZeroU32>,
}

/// Parts of settings to change; `None` leaves a part as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsPatch {
    /// New time zone.
    pub time_zone: Option<String>,
    /// New locale, read already; an empty one is [`DEFAULT_LOCALE`].
    pub locale: Option<String>,
    /// Whether others may offer the tenant shares.
    pub share_offers: Option<ShareOffers>,
    /// New version of the terms that the tenant has agreed to.
    pub terms_version: Option<String>,
    /// New days of executions; 0 for what the server says, as in the others.
    pub execution_days: Option<i32>,
    /// New days of output.
    pub output_days: Option<i32>,
    /// New days of deleted utilities.
    pub deleted_utility_days: Option<i32>,
    /// New days of the audit log.
    pub audit_days: Option<i32>,
    /// Whether everything is kept.
    pub legal_hold: Option<bool>,
    /// New number of utilities; 0 for no bound, as in the other.
    pub max_utilities: Option<i32>,
    /// New bytes of output.
    pub max_output_bytes: Option<i64>,
    /// New number of executions at once.
    pub max_running: Option<i32>,
    /// New runtimes.
    pub runtimes: Option<Vec<RuntimeId>>,
}

impl Settings {
    /// Whether what only super administrators say is the same.
    pub(super) fn is_ruled_like(&self, other: &Settings) -> bool {
        let ruled = |settings: &Settings| (settings.legal_hold, settings.keep.audit, settings.quota);
        ruled(self) == ruled(other) && self.runtimes == other.runtimes
    }

    /// Whether utilities may use the runtime.
    pub fn allows(&self, runtime: &RuntimeId) -> bool {
        self.runtimes.is_empty() || self.runtimes.contains(runtime)
    }

    /// What is said where one is not allowed.
    pub(crate) fn not_allowed(&self, runtime: &RuntimeId) -> String {
        let allowed: Vec<String> = self.runtimes.iter().map(|name| format!("`{name}`")).collect();
        format!("the tenant may not use the runtime `{runtime}`; it may use {}", allowed.join(", "))
    }
}

impl Quota {
    /// The refusal of a utility more than so many of a tenant.
    pub fn utilities_full(tenant: &TenantId, most: u32) -> Error {
        Error::Exhausted {
            reason: "UTILITIES_FULL",
            subject: TenantName { tenant: tenant.clone() }.to_string(),
            description: format!("the tenant may have {most} utilities and has them; delete one, or ask a super administrator for more"),
            retry_after: Duration::from_secs(60),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            time_zone: DEFAULT_ZONE.to_owned(),
            locale: DEFAULT_LOCALE.to_owned(),
            consent: TenantConsent::default(),
            keep: Keep::default(),
            legal_hold: false,
            quota: Quota::default(),
            runtimes: Vec::new(),
        }
    }
}
