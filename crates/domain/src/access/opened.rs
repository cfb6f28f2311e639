//! What a permit has opened, remembered for calls that last: whoever may go on must still reach it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::access::{Reach, Resource, Target};
use crate::name::{PrincipalName, UtilityId};

/// Things that a permit has opened. Cheap to clone: clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Opened(Arc<Mutex<Vec<Thing>>>);

/// What decides who reaches a thing.
#[derive(Debug)]
struct Thing {
    owner: PrincipalName,
    granted_with: Option<UtilityId>,
}

impl Opened {
    /// Remembers a thing, unless it is the whole tenant's: that is reached by everybody who may at all.
    pub(super) fn note(&self, thing: &impl Resource) {
        let Some(owner) = thing.owner().cloned() else { return };
        let thing = Thing { owner, granted_with: thing.granted_with().cloned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }

    /// Whether `principal` reaches all of it.
    pub(super) fn is_reached(&self, principal: &PrincipalName, reach: &Reach) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|thing| reach.holds(principal, thing))
    }
}

impl Resource for Thing {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.owner)
    }

    // What was opened lay in what was permitted.
    fn lies_in(&self, _: Target<'_>) -> bool {
        true
    }

    fn granted_with(&self) -> Option<&UtilityId> {
        self.granted_with.as_ref()
    }
}
