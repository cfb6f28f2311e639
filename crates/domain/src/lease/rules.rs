//! The rules of leases, which every store applies in one commit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::lease::fence::{Fence, InstanceId};
use crate::time::Timestamp;

/// How long a lease lasts unless it is renewed: a server that died is known to be gone after this. A third of it is the period of
/// renewal, so that one renewal may fail, and a pause of this length is beyond what a healthy server shows.
pub const TERM: Duration = Duration::from_secs(15);

/// What is held, e.g. `instances/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName(Arc<str>);

/// A lease as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is held.
    pub name: LeaseName,
    /// Who holds it, and by which acquisition.
    pub fence: Fence,
    /// From then on others may acquire it.
    pub expires: Timestamp,
}

/// What became of the wish to hold a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquisition {
    /// It is held, under a new token.
    Acquired(Lease),
    /// Somebody else holds it.
    Held(Lease),
}

/// What became of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// It lasts longer.
    Renewed(Lease),
    /// Somebody else has acquired it, or it was released: whoever held it no longer does.
    Lost,
}

/// What a wish to hold a lease leads to. `found` is the stored lease, `token` the next one of the store.
///
/// The present holder may acquire again, and gets a new token: the answer of its first try may have been lost.
pub fn acquire(found: Option<Lease>, name: &LeaseName, holder: &InstanceId, token: u64, now: Timestamp, term: Duration) -> Acquisition {
    match found {
        Some(lease) if lease.in_force(now) && lease.fence.holder != *holder => Acquisition::Held(lease),
        Some(_) | None => {
            let fence = Fence { holder: holder.clone(), token };
            Acquisition::Acquired(Lease { name: name.clone(), fence, expires: now.plus(term) })
        }
    }
}

/// What a renewal leads to. It may be late: as long as nobody has acquired the lease, its holder keeps it.
pub fn renew(found: Option<Lease>, fence: &Fence, now: Timestamp, term: Duration) -> Renewal {
    match found {
        Some(lease) if lease.fence == *fence => Renewal::Renewed(Lease { expires: lease.expires.max(now.plus(term)), ..lease }),
        Some(_) | None => Renewal::Lost,
    }
}

impl Lease {
    /// Whether others must leave it alone at this time.
    pub fn in_force(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}

impl LeaseName {
    /// The lease that an instance holds while it lives.
    pub fn of_instance(instance: &InstanceId) -> Self {
        LeaseName(format!("instances/{instance}").into())
    }

    /// The lease under which one instance does something for all.
    pub fn of_job(job: &str) -> Self {
        LeaseName(format!("jobs/{job}").into())
    }

    /// A name as it was stored.
    pub fn from_stored(text: &str) -> Self {
        LeaseName(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
