//! Places of changes that are under way at once. Calls can be given up at no cost to who makes them, and their work is not: beyond
//! the most, calls wait, and a call that ends while it waits has changed nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use domain::name::TenantId;
use domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Changes of all tenants.
const OF_ALL: usize = 1_024;
/// Changes of one tenant: a quarter, so that who leaves changes behind and asks for more keeps nobody else from theirs.
const OF_TENANT: usize = OF_ALL / 4;

/// All places. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// What each tenant has that holds a place or waits for one.
    shares: Arc<Mutex<HashMap<TenantId, Weak<Semaphore>>>>,
    of_tenant: usize,
}

/// One place, until it goes.
#[derive(Debug)]
pub(crate) struct Place {
    _own: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// The places of a server.
    pub(crate) fn of_server() -> Self {
        Places::new(OF_ALL, OF_TENANT)
    }

    pub(super) fn new(of_all: usize, of_tenant: usize) -> Self {
        Places { all: Arc::new(Semaphore::new(of_all)), shares: Arc::default(), of_tenant }
    }

    /// Waits for a place: first among those of the tenant, so that who waits there takes none from others. What is the
    /// installation's is only bounded together with all else.
    ///
    /// # Errors
    /// [`Error::Internal`]: never, as places do not close.
    pub(super) async fn take(&self, tenant: Option<&TenantId>) -> Result<Place> {
        let own = match tenant {
            Some(tenant) => Some(wait(self.share(tenant)).await?),
            None => None,
        };
        Ok(Place { _own: own, _of_all: wait(Arc::clone(&self.all)).await? })
    }

    fn share(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(tenant).and_then(Weak::upgrade) {
            return share;
        }
        // Who holds nothing any more is forgotten when somebody else comes.
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.of_tenant));
        shares.insert(tenant.clone(), Arc::downgrade(&share));
        share
    }
}

async fn wait(places: Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    places.acquire_owned().await.map_err(|closed| Error::internal("waiting for a place among the changes", closed))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use test_support::sample::tenant;

    use super::*;

    fn at_once(places: &Places, tenant: Option<&TenantId>) -> Option<Place> {
        places.take(tenant).now_or_never().map(|place| place.expect("places do not close"))
    }

    #[test]
    fn a_tenant_that_holds_its_share_leaves_the_rest_to_others() {
        let places = Places::new(4, 2);
        let (greedy, other) = (tenant("greedy"), tenant("other"));
        let held: Vec<_> = (0..2).map(|_| at_once(&places, Some(&greedy)).expect("its share")).collect();
        assert!(at_once(&places, Some(&greedy)).is_none());
        let mut waiting = Box::pin(places.take(Some(&greedy)));
        assert!((&mut waiting).now_or_never().is_none());
        let _others = (at_once(&places, Some(&other)).expect("there is room"), at_once(&places, Some(&other)).expect("and more"));
        assert!(at_once(&places, Some(&tenant("third"))).is_none(), "all places are taken");
        drop(held);
        assert!(waiting.now_or_never().is_some(), "who waited is next");
        assert!(at_once(&places, Some(&greedy)).is_some());
    }

    #[test]
    fn what_belongs_to_the_installation_is_bounded_with_all_else() {
        let places = Places::new(2, 1);
        let _held = (at_once(&places, None).expect("there is room"), at_once(&places, None).expect("and more"));
        assert!(at_once(&places, None).is_none());
    }

    #[test]
    fn tenants_that_hold_nothing_are_forgotten() {
        let places = Places::new(4, 2);
        for id in ["first", "second", "third"] {
            assert!(at_once(&places, Some(&tenant(id))).is_some());
        }
        let _held = at_once(&places, Some(&tenant("last")));
        assert_eq!(places.shares.lock().unwrap().len(), 1);
    }
}
