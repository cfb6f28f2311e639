//! What a change has changed of a principal or a key, for the record of it. Roles, states and ends are names, which the record says;
//! of a password and of what people are called it says that it is another one.

use crate::audit::FieldChange;
use crate::identity::{ApiKey, Principal, PrincipalState};

/// The fields that differ; all that say something, where there was nothing before.
pub(super) fn changed_fields(before: Option<&Principal>, after: &Principal) -> Vec<FieldChange> {
    let named = |field, of: fn(&Principal) -> &str| FieldChange::named(field, before.map(of), Some(of(after)));
    let called = before.map_or("", |old| &old.display_name);
    let display_name = (called != after.display_name).then(|| FieldChange::secret("display_name"));
    let held = before.and_then(|old| old.password.as_ref());
    let password = (held != after.password.as_ref()).then(|| FieldChange::secret("password"));
    let role = named("role", |principal| principal.role.as_str());
    let state = named("state", |principal| state_name(principal.state));
    [display_name, role, state, password].into_iter().flatten().collect()
}

/// What a new key says.
pub(super) fn key_fields(key: &ApiKey) -> Vec<FieldChange> {
    let expires = key.expires.map(|end| end.as_millis().to_string());
    FieldChange::named("expire_time", None, expires.as_deref()).into_iter().collect()
}

fn state_name(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Active => "active",
        PrincipalState::Disabled => "disabled",
    }
}
