//! Tenants: who there is for, whether anything of theirs may happen, and the connection to their database that other systems read.
//!
//! What a tenant may take of a server is [`crate::admission`]'s matter, and what its code may do [`crate::code_policy`]'s.

pub mod actions;
mod calendar;
mod entity;
mod repository;
mod listed;
mod rules;
mod settings;
mod standing;
mod state;
mod use_cases;

pub use calendar::Calendar;
pub use entity::{Database, PURGED_AFTER, Tenant, TenantNumber};
pub use repository::{TenantChange, TenantQuery, TenantRepository};
pub use settings::{DEFAULT_ZONE, Keep, MAX_DAYS, MAX_RUNTIMES, MIN_AUDIT_DAYS, Quota, Settings, SettingsPatch};
pub use listed::{Listed, Unreadable};
pub use state::{TenantState, TenantStates};
pub use use_cases::{TenantDraft, TenantPatch, Tenants};

pub(crate) use standing::{Standing, check_home, check_target, require_active};
