//! What a tenant must be like. Pure: it asks nobody.

use std::num::{NonZeroU32, NonZeroU64};

use crate::identity::Secret;
use crate::name::TenantId;
use crate::tenant::{
    Calendar, DEFAULT_LOCALE, DEFAULT_ZONE, Database, Keep, MAX_DAYS, MAX_RUNTIMES, MIN_AUDIT_DAYS, Quota, Settings, SettingsPatch,
    TenantConsent,
};
use crate::violation::{Violation, longest};

/// Longest display name in characters.
const MAX_DISPLAY_NAME: usize = 100;
/// Longest host, user name or name of a database in characters: that of a DNS name.
const MAX_DATABASE_FIELD: usize = 253;
/// Longest version of terms in characters.
const MAX_TERMS_VERSION: usize = 100;
/// Longest password of a database in characters.
const MAX_PASSWORD: usize = 1_024;

/// What is wrong with a display name.
pub(super) fn display_name_violations(text: &str, found: &mut Vec<Violation>) {
    let field = "tenant.name";
    longest(found, field.to_owned(), text, MAX_DISPLAY_NAME);
    if text.trim().is_empty() {
        found.push(Violation::new(field, "MISSING", "must not be empty; leave the field out of the mask to keep the name"));
    }
    no_control(field, text, found);
}

/// What is wrong with how a database is reached.
pub(super) fn database_violations(database: &Database, found: &mut Vec<Violation>) {
    let Database { host, username, name } = database;
    for (field, text) in [("tenant.db_host", host), ("tenant.db_username", username), ("tenant.db_name", name)] {
        longest(found, field.to_owned(), text, MAX_DATABASE_FIELD);
        no_control(field, text, found);
    }
}

/// The settings with what is asked for; what is wrong with that is among the violations.
pub(super) fn changed_settings(old: &Settings, patch: SettingsPatch, calendar: &dyn Calendar, found: &mut Vec<Violation>) -> Settings {
    let time_zone = match patch.time_zone {
        Some(zone) if zone.is_empty() => DEFAULT_ZONE.to_owned(),
        Some(zone) => zone,
        None => old.time_zone.clone(),
    };
    if !calendar.knows(&time_zone) {
        let text = "is no zone of the IANA database; name one like `Europe/Berlin` or `UTC`";
        found.push(Violation::new("tenant.settings.time_zone", "UNKNOWN_ZONE", text));
    }
    let locale = patch.locale.map(|locale| if locale.is_empty() { DEFAULT_LOCALE.to_owned() } else { locale });
    let consent = TenantConsent {
        offers: patch.share_offers.unwrap_or(old.consent.offers),
        terms_version: patch.terms_version.unwrap_or_else(|| old.consent.terms_version.clone()),
        said: old.consent.said.clone(),
    };
    let terms = "tenant.settings.consent.terms_version";
    longest(found, terms.to_owned(), &consent.terms_version, MAX_TERMS_VERSION);
    no_control(terms, &consent.terms_version, found);
    let mut days = |field: &str, asked: Option<i32>, old: Option<NonZeroU32>| match asked.map(u32::try_from) {
        None => old,
        Some(Ok(days)) if days <= MAX_DAYS => NonZeroU32::new(days),
        Some(_) => {
            let text = format!("must be 0 to {MAX_DAYS}; 0 is what the server says");
            found.push(Violation::new(format!("tenant.settings.{field}"), "OUT_OF_RANGE", text));
            old
        }
    };
    let keep = Keep {
        executions: days("execution_days", patch.execution_days, old.keep.executions),
        output: days("output_days", patch.output_days, old.keep.output),
        deleted_utilities: days("deleted_utility_days", patch.deleted_utility_days, old.keep.deleted_utilities),
        audit: days("audit_days", patch.audit_days, old.keep.audit),
    };
    if keep.audit.is_some_and(|days| days.get() < MIN_AUDIT_DAYS) {
        let text = format!("must be 0 or at least {MIN_AUDIT_DAYS}; 0 keeps it for good");
        found.push(Violation::new("tenant.settings.audit_days", "OUT_OF_RANGE", text));
    }
    let quota = Quota {
        utilities: quantity("max_utilities", patch.max_utilities, found).map_or(old.quota.utilities, NonZeroU32::new),
        output_bytes: quantity("max_output_bytes", patch.max_output_bytes, found).map_or(old.quota.output_bytes, NonZeroU64::new),
        running: quantity("max_running", patch.max_running, found).map_or(old.quota.running, NonZeroU32::new),
    };
    let mut runtimes = patch.runtimes.unwrap_or_else(|| old.runtimes.clone());
    runtimes.sort();
    runtimes.dedup();
    if runtimes.len() > MAX_RUNTIMES || runtimes.iter().any(|name| name.is_empty()) {
        let text = format!("must be names of at most {MAX_RUNTIMES} runtimes; none at all is every one");
        found.push(Violation::new("tenant.settings.runtimes", "OUT_OF_RANGE", text));
    }
    Settings {
        time_zone,
        locale: locale.unwrap_or_else(|| old.locale.clone()),
        consent,
        keep,
        legal_hold: patch.legal_hold.unwrap_or(old.legal_hold),
        quota,
        runtimes,
    }
}

/// A number that is not negative; `None` where none is asked for, or another one is.
fn quantity<A, N: TryFrom<A>>(field: &str, asked: Option<A>, found: &mut Vec<Violation>) -> Option<N> {
    let number = N::try_from(asked?).ok();
    if number.is_none() {
        found.push(Violation::new(format!("tenant.settings.{field}"), "OUT_OF_RANGE", "must not be negative; 0 is no bound"));
    }
    number
}

/// What is wrong with the password of a database.
pub(super) fn password_violations(password: &Secret, found: &mut Vec<Violation>) {
    longest(found, "tenant.db_password".to_owned(), password.expose(), MAX_PASSWORD);
}

/// What is wrong with the code of a tenant that is to be made.
pub(super) fn reserved_violation(code: &TenantId) -> Option<Violation> {
    let text = || format!("`{code}` is the installation's own; choose another code");
    code.is_system().then(|| Violation::new("tenant_id", "RESERVED", text()))
}

fn no_control(field: &str, text: &str, found: &mut Vec<Violation>) {
    if text.chars().any(char::is_control) {
        found.push(Violation::new(field, "MALFORMED", "holds a line break or another control character; leave it out"));
    }
}
