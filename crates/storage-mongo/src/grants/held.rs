//! What grantees hold, in memory, as every call asks for it. Each is kept with the epoch of its tenant's grants from before it was read, and
//! answered only while that is the epoch still, which is read again after half a second: a grant that one server takes back is held on no
//! other one for longer, whatever messages are lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::access::{Grantee, HeldGrants};

use crate::epochs::Epochs;

/// Grants that are kept, and grantees that hold none: some hundred bytes each. With more, all are read again.
const MAX_KEPT: usize = 500_000;

/// What grantees hold.
#[derive(Clone, Default)]
pub(crate) struct Held {
    /// Epochs of the grants of tenants.
    pub(crate) epochs: Epochs,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    of: HashMap<Grantee, (u64, Arc<HeldGrants>)>,
    /// How much there is, as [`weight`] counts.
    weight: usize,
}

impl Held {
    /// What a grantee holds in their own tenant at this epoch, where that is known.
    pub(super) fn find(&self, grantee: &Grantee, epoch: u64) -> Option<Arc<HeldGrants>> {
        self.kept().of.get(grantee).filter(|(at, _)| *at == epoch).map(|(_, held)| Arc::clone(held))
    }

    /// Keeps what was read behind the epoch.
    pub(super) fn keep(&self, grantee: &Grantee, epoch: u64, held: &Arc<HeldGrants>) {
        let mut kept = self.kept();
        if kept.weight + weight(held) > MAX_KEPT {
            *kept = Kept::default();
        }
        kept.weight += weight(held);
        if let Some((_, before)) = kept.of.insert(grantee.clone(), (epoch, Arc::clone(held))) {
            kept.weight -= weight(&before);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(held: &HeldGrants) -> usize {
    held.len() + 1
}

#[cfg(test)]
mod tests {
    use domain::access::Access;
    use test_support::sample::{grant, user};

    use super::*;

    #[test]
    fn what_is_held_is_found_at_its_own_epoch_only_and_takes_a_bounded_place() {
        let (held, ann, bob) = (Held::default(), Grantee::Principal(user("ann")), Grantee::Principal(user("bob")));
        let one = Arc::new(HeldGrants::of([grant("extract", ann.clone(), Access::Read)]));
        held.keep(&ann, 3, &one);
        assert_eq!(held.find(&ann, 3), Some(Arc::clone(&one)));
        assert_eq!((held.find(&ann, 2), held.find(&ann, 4), held.find(&bob, 3)), (None, None, None));
        held.keep(&ann, 4, &Arc::default());
        assert_eq!((held.find(&ann, 3), held.find(&ann, 4)), (None, Some(Arc::default())));
        assert_eq!(held.kept().weight, 1);
        held.kept().weight = MAX_KEPT;
        held.keep(&bob, 4, &one);
        assert_eq!((held.find(&ann, 4), held.find(&bob, 4), held.kept().weight), (None, Some(one), 2));
    }
}
