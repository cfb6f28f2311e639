//! News of changes: what stores tell to whoever keeps copies of what they hold.

use async_trait::async_trait;

use crate::name::{TenantId, UtilityId};

/// What a change was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A utility: new, changed, deleted or undeleted.
    Utility {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: UtilityId,
    },
    /// What is noted of a version.
    Version {
        /// Whose.
        tenant: TenantId,
        /// Of which utility.
        id: UtilityId,
        /// Its number.
        number: u32,
    },
    /// A tenant's code policy.
    CodePolicy {
        /// Whose.
        tenant: TenantId,
    },
    /// What was granted to somebody.
    Grants {
        /// In which tenant.
        tenant: TenantId,
        /// To whom, as text.
        grantee: String,
    },
    /// Nobody knows what: changes were missed, so every copy may be old.
    Anything,
}

/// Port: hears of changes. Repositories of utilities, of code policies and of grants tell it of each change once it is stored, and answer
/// the change only when it has heard, also when nobody waits for the answer any more; so does one of principals, of the grants that a
/// deleted one held. It may hear of a change that was not stored.
#[async_trait]
pub trait ChangeListener: Send + Sync {
    /// Takes note. Whoever hears the change's answer must find no older copy, so this returns once none can be served any more;
    /// it bounds its own time.
    async fn changed(&self, what: &Changed);

    /// Takes note that it has heard of all that others have changed, as far as is known: a store that servers share says so several times a
    /// second, and does not while it cannot hear of others. Only for listeners that keep copies; a store that nobody else changes never says
    /// it.
    fn heard_all(&self) {}
}
