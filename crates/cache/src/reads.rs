//! The cache as one value: its regions with their shares of the memory, and what it hears of changes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::access::{Grantee, HeldGrants};
use domain::change::{ChangeListener, Changed};
use domain::code_policy::CodePolicy;
use domain::name::{TenantId, UtilityId};
use domain::utility::{Utility, Version};

use crate::hearing::Hearing;
use crate::region::Region;
use crate::stats::Stats;
use crate::weight;

/// Of sixteen parts of the memory: what is executed and read most, versions that are asked for by number, policies, and grants.
const UTILITIES_SHARE: u64 = 10;
const VERSIONS_SHARE: u64 = 3;
const POLICIES_SHARE: u64 = 2;
const GRANTS_SHARE: u64 = 1;
const SHARES: u64 = UTILITIES_SHARE + VERSIONS_SHARE + POLICIES_SHARE + GRANTS_SHARE;

/// A version by its number. Keys start with the tenant.
pub(crate) type VersionKey = (TenantId, UtilityId, u32);

/// What was read lately. Share it behind an `Arc`: with the store, which tells it of changes, and with the repositories that read.
pub struct Cache {
    pub(crate) utilities: Region<(TenantId, UtilityId), (Utility, Version)>,
    pub(crate) versions: Region<VersionKey, Version>,
    pub(crate) policies: Region<TenantId, Option<CodePolicy>>,
    pub(crate) grants: Region<(TenantId, Grantee), HeldGrants>,
    hearing: Arc<Hearing>,
}

impl Cache {
    /// An empty cache of at most `max_bytes`, by estimate; an entry counts at least half a KiB. Nobody but its own server changes what it
    /// keeps.
    pub fn new(max_bytes: u64) -> Self {
        Cache::hearing(max_bytes, Hearing::Alone)
    }

    /// An empty cache of a store that several servers share. It serves and keeps nothing where it was not told within `heard_within` that it
    /// has heard of all changes ([`ChangeListener::heard_all`]).
    pub fn of_several(max_bytes: u64, heard_within: Duration) -> Self {
        Cache::hearing(max_bytes, Hearing::of(heard_within))
    }

    fn hearing(max_bytes: u64, hearing: Hearing) -> Self {
        let (part, hearing) = (|share| max_bytes / SHARES * share, Arc::new(hearing));
        Cache {
            utilities: Region::new(part(UTILITIES_SHARE), weight::current, hearing.clone()),
            versions: Region::new(part(VERSIONS_SHARE), weight::version, hearing.clone()),
            policies: Region::new(part(POLICIES_SHARE), weight::policy, hearing.clone()),
            grants: Region::new(part(GRANTS_SHARE), weight::grants, hearing.clone()),
            hearing,
        }
    }

    /// What it did and holds.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.utilities.add_to(&mut stats);
        self.versions.add_to(&mut stats);
        self.policies.add_to(&mut stats);
        self.grants.add_to(&mut stats);
        stats
    }

    /// Forgets what a change was about.
    pub(crate) fn forget(&self, what: &Changed) {
        match what {
            // Versions do not change when their utility does.
            Changed::Utility { tenant, id } => self.utilities.forget(&(tenant.clone(), id.clone())),
            Changed::Version { tenant, id, number } => {
                self.utilities.forget(&(tenant.clone(), id.clone()));
                self.versions.forget(&(tenant.clone(), id.clone(), *number));
            }
            Changed::CodePolicy { tenant } => self.policies.forget(tenant),
            Changed::Grants { tenant, grantee } => self.forget_grants(tenant, grantee),
            Changed::Anything => self.forget_all(),
        }
    }

    /// Forgets everything, and what is being loaded.
    fn forget_all(&self) {
        self.utilities.forget_all();
        self.versions.forget_all();
        self.policies.forget_all();
        self.grants.forget_all();
    }

    fn forget_grants(&self, tenant: &TenantId, grantee: &str) {
        match Grantee::parse("grantee", tenant, grantee) {
            Ok(grantee) => self.grants.forget(&(tenant.clone(), grantee)),
            // A newer server may know other grantees, and what they hold may decide about those of here.
            Err(_) => self.grants.forget_all(),
        }
    }

    /// Applies what was put off, so that [`Cache::stats`] is exact for a moment.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.utilities.settle();
        self.versions.settle();
        self.policies.settle();
        self.grants.settle();
    }
}

#[async_trait]
impl ChangeListener for Cache {
    async fn changed(&self, what: &Changed) {
        self.forget(what);
    }

    fn heard_all(&self) {
        self.hearing.note();
    }
}
