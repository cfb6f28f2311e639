//! Turns of writers of one server: writes of one tenant mostly change the same documents (its epoch, its logs), and transactions that
//! meet are undone and tried again. So those of one server wait for each other here, which costs less.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use domain::name::TenantId;
use tokio::sync::{Mutex, MutexGuard};

/// How many tenants may write at the same time: more than connections serve well. Tenants that share one only wait longer.
const LANES: usize = 256;

/// Who writes. One turn is held at a time by a task: nobody who has one waits for another.
pub(crate) struct Turns {
    lanes: Vec<Mutex<()>>,
    leases: Mutex<()>,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { lanes: (0..LANES).map(|_| Mutex::default()).collect(), leases: Mutex::default() }
    }
}

impl Turns {
    pub(crate) async fn take(&self, tenant: &TenantId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % LANES as u64).expect("a remainder is below its divisor");
        self.lanes[lane].lock().await
    }

    /// The turn of those who acquire and renew leases. They wait for no writer of a tenant: a lease that is renewed late is lost.
    pub(crate) async fn take_for_leases(&self) -> MutexGuard<'_, ()> {
        self.leases.lock().await
    }
}
