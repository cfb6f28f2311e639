//! What principals must be like, and who may give or take which role. Pure: it asks nobody.

use crate::access::Caller;
use crate::identity::common_password::is_common;
use crate::identity::{Principal, Role, Secret};
use crate::name::{PrincipalName, TenantId};
use crate::violation::{Violation, longest};

/// Longest display name in characters.
pub const MAX_DISPLAY_NAME: usize = 100;
/// Longest description of an API key in characters.
pub const MAX_KEY_DESCRIPTION: usize = 200;
/// Longest password in characters: hashing costs by length.
pub const MAX_PASSWORD: usize = 1_024;
/// Shortest password in characters.
const MIN_PASSWORD: usize = 12;
/// Characters of a password that differ.
const MIN_DISTINCT: usize = 5;
/// Ids from this length on must not stand in a password; shorter ones stand in many words.
const TELLING_ID: usize = 4;

/// The role by which a caller is judged; a stranger has the least.
pub(super) fn role_of(caller: &Caller) -> Role {
    caller.role.unwrap_or(Role::User)
}

/// Whether the caller may decide about this principal: itself, and as an administrator nobody above itself.
pub(super) fn may_rule(caller: &Caller, principal: &Principal) -> bool {
    caller.principal == principal.name || (role_of(caller) >= Role::Admin && principal.role <= role_of(caller))
}

/// What is wrong with giving a role in a tenant.
pub(super) fn role_violations(field: &str, caller: &Caller, tenant: &TenantId, role: Role, found: &mut Vec<Violation>) {
    if role == Role::SuperAdmin && !tenant.is_system() {
        let text = format!("super administrators belong to the tenant `{}`; choose another role, or that tenant", TenantId::SYSTEM);
        found.push(Violation::new(field, "ONLY_IN_SYSTEM", text));
    } else if role > role_of(caller) {
        let text = "is above your own role; choose a role up to yours, or let somebody with that role give it";
        found.push(Violation::new(field, "ABOVE_OWN_ROLE", text));
    }
}

/// What is wrong with a display name.
pub(super) fn display_name_violations(field: &str, text: &str, found: &mut Vec<Violation>) {
    longest(found, field.to_owned(), text, MAX_DISPLAY_NAME);
    no_control(field, text, found);
}

/// What is wrong with the description of a key.
pub(super) fn description_violations(field: &str, text: &str, found: &mut Vec<Violation>) {
    longest(found, field.to_owned(), text, MAX_KEY_DESCRIPTION);
    no_control(field, text, found);
}

fn no_control(field: &str, text: &str, found: &mut Vec<Violation>) {
    if text.chars().any(char::is_control) {
        found.push(Violation::new(field, "MALFORMED", "holds a line break or another control character; leave it out"));
    }
}

/// What is wrong with a password that is to be set. Says nothing of the password.
pub(super) fn password_violations(field: &str, name: Option<&PrincipalName>, password: &Secret, found: &mut Vec<Violation>) {
    let text = password.expose();
    let length = text.chars().count();
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        let reason = if length < MIN_PASSWORD { "TOO_SHORT" } else { "TOO_LONG" };
        found.push(Violation::new(field, reason, format!("must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")));
        return;
    }
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < MIN_DISTINCT {
        found.push(Violation::new(field, "TOO_SIMPLE", format!("must have at least {MIN_DISTINCT} different characters")));
    }
    let lower = text.to_lowercase();
    let is_told = |id: &str| id.len() >= TELLING_ID && lower.contains(&id.to_lowercase());
    if name.is_some_and(|name| is_told(name.id()) || is_told(name.tenant().as_str())) {
        let text = "must not hold the id of the user or of the tenant; choose words that nobody expects";
        found.push(Violation::new(field, "HOLDS_THE_ID", text));
    }
    if is_common(text) {
        found.push(Violation::new(field, "TOO_COMMON", "is among those that everybody tries first; choose words that nobody expects"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(password: &str) -> Vec<&'static str> {
        let (name, mut found) = (PrincipalName::parse("name", "tenants/acme/users/annabel").unwrap(), Vec::new());
        password_violations("password", Some(&name), &Secret::new(password), &mut found);
        assert!(found.iter().all(|violation| password.is_empty() || !violation.description.contains(password)));
        found.into_iter().map(|violation| violation.reason).collect()
    }

    #[test]
    fn a_weak_password_is_refused_and_not_repeated() {
        assert_eq!(reasons("correct horse battery"), [""; 0]);
        assert_eq!(reasons("elevenchars"), ["TOO_SHORT"]);
        assert_eq!(reasons(&"äöüßéí".repeat(2)), [""; 0], "characters count, not bytes");
        assert_eq!(reasons(&"a1".repeat(600)), ["TOO_LONG"]);
        assert_eq!(reasons("abababababab"), ["TOO_SIMPLE"]);
        assert_eq!(reasons("my Annabel 2026"), ["HOLDS_THE_ID"]);
        assert_eq!(reasons("at ACME since 2026"), ["HOLDS_THE_ID"]);
        assert_eq!(reasons("password1234"), ["TOO_COMMON"]);
        assert_eq!(reasons("Acme1234!!!!"), ["HOLDS_THE_ID"]);
    }
}
