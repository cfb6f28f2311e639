//! How far each role reaches with an action, as docs/permissions.md says it: a test holds that table against the contract and the server's matrix,
//! which this crate does not know.

use std::collections::HashMap;

use serde_json::{Map, Value};

const DOCUMENT: &str = include_str!("../../../docs/permissions.md");
/// How the head of the table begins; the roles are its last columns.
const HEAD: &str = "| method | action |";
/// Columns before those of roles.
const BEFORE: usize = 4;

/// Roles by action.
pub(crate) struct Roles(HashMap<&'static str, Map<String, Value>>);

// === impl Roles ===

impl Roles {
    /// Those of the document.
    pub(crate) fn documented() -> Self {
        let mut lines = DOCUMENT.lines().skip_while(|line| !line.starts_with(HEAD));
        let roles: Vec<&str> = lines.next().map(|head| cells(head).skip(BEFORE).collect()).unwrap_or_default();
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        Roles(rows.filter_map(|row| Some((cells(row).nth(1)?.trim_matches('`'), reaches(row, &roles)))).collect())
    }

    /// How far each role reaches with this action: `own`, `tenant`, `everywhere`, or `anyone`; those that reach nothing are left out.
    pub(crate) fn of(&self, action: &str) -> Option<Value> {
        self.0.get(action).cloned().map(Value::Object)
    }
}

fn reaches(row: &str, roles: &[&str]) -> Map<String, Value> {
    let reaches = roles.iter().zip(cells(row).skip(BEFORE)).filter(|(_, reach)| *reach != "-");
    reaches.map(|(role, reach)| ((*role).to_owned(), Value::from(reach))).collect()
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.trim_matches('|').split('|').map(str::trim)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_reach_of_each_role_is_that_of_its_row() {
        let roles = Roles::documented();
        let own = json!({ "USER": "own", "CREATOR": "own", "ADMIN": "tenant", "SUPER_ADMIN": "everywhere" });
        assert_eq!(roles.of("utility.execute"), Some(own));
        assert_eq!(roles.of("user.create"), Some(json!({ "ADMIN": "tenant", "SUPER_ADMIN": "everywhere" })));
        assert_eq!(roles.of("utility.explode"), None);
    }
}
