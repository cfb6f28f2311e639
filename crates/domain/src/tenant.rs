//! Tenants: who there is for, whether anything of theirs may happen, and the connection to their database that other systems read.
//!
//! What a tenant may take of a server is [`crate::admission`]'s matter, and what its code may do [`crate::code_policy`]'s.

pub mod actions;
mod calendar;
mod consent;
mod entity;
mod listed;
mod repository;
mod rules;
mod settings;
mod standing;
mod state;
mod use_cases;

pub use calendar::Calendar;
pub use consent::{ShareOffers, TenantConsent};
pub use entity::{Database, PURGED_AFTER, Tenant, TenantNumber, keys_destroyed};
pub use listed::{Listed, Unreadable};
pub use repository::{TenantChange, TenantQuery, TenantRepository};
pub use settings::{DEFAULT_LOCALE, DEFAULT_ZONE, Keep, MAX_DAYS, MAX_RUNTIMES, MIN_AUDIT_DAYS, Quota, Settings, SettingsPatch};
pub use state::{TenantState, TenantStates};
pub use use_cases::{TenantDraft, TenantPatch, Tenants};

pub(crate) use standing::{Standing, check_home, check_target, require_active};
