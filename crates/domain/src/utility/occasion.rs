//! What a change of a utility is for.

use crate::access::{ActionSpec, Operation};

/// What a change of a utility is for, as others are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// To make it.
    Create,
    /// To change it.
    Update,
    /// To delete it.
    Delete,
    /// To take its deletion back.
    Undelete,
    /// To make an old version the newest.
    Restore,
}

impl Occasion {
    /// The occasion of what an action does; `deleted` is what the utility is then.
    pub(super) fn of(action: ActionSpec, deleted: bool) -> Self {
        match action.operation {
            Operation::Create => Occasion::Create,
            Operation::Delete if deleted => Occasion::Delete,
            Operation::Delete => Occasion::Undelete,
            _ if action.resource == "version" => Occasion::Restore,
            _ => Occasion::Update,
        }
    }
}
