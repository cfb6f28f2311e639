//! Which types of events somebody wants.

use crate::event::EventKind;
use crate::violation::Violations;

/// Most types that can be named.
pub(super) const MAX_SELECTED: usize = 100;

/// Which types; all of them where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventSelection {
    /// As they were named, in order.
    names: Vec<String>,
}

impl EventSelection {
    /// Reads types, each the name of one or the beginning of several, as `dev.zona.utility`. What is none is a violation of `field`.
    pub fn read(field: &str, names: Vec<String>, violations: &mut Violations) -> Self {
        if names.len() > MAX_SELECTED {
            violations.push(field, "TOO_LONG", format!("{} types; the limit is {MAX_SELECTED}", names.len()));
            return EventSelection::default();
        }
        for (index, name) in names.iter().enumerate() {
            if !EventKind::ALL.into_iter().any(|kind| is_of(kind, name)) {
                let description = "is no type of events, nor the beginning of one up to a dot; docs/events.md lists them";
                violations.push(format!("{field}[{index}]"), "UNKNOWN_EVENT_TYPE", description);
            }
        }
        EventSelection { names }
    }

    /// Those that were read before.
    pub(crate) fn from_stored(names: Vec<String>) -> Self {
        EventSelection { names }
    }

    /// Whether events of this kind are wanted. What cannot be read may be of any.
    pub fn holds(&self, kind: EventKind) -> bool {
        self.names.is_empty() || kind == EventKind::Unreadable || self.names.iter().any(|name| is_of(kind, name))
    }
}

fn is_of(kind: EventKind, name: &str) -> bool {
    let rest = kind.as_str().strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !name.is_empty()))
}
