//! What a tenant must be like. Pure: it asks nobody.

use crate::name::TenantId;
use crate::tenant::Database;
use crate::violation::{Violation, longest};

/// Longest display name in characters.
const MAX_DISPLAY_NAME: usize = 100;
/// Longest host, user name or name of a database in characters: that of a DNS name.
const MAX_DATABASE_FIELD: usize = 253;

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

/// That a password was given, which cannot be kept.
pub(super) fn password_violation() -> Violation {
    let text = "cannot be kept: this server has no key to encrypt it with, and keeps no password in plain text; leave it empty";
    Violation::new("tenant.db_password", "NOT_ENCRYPTABLE", text)
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
