//! What a value in Redis is before it is sealed: the documents that stores keep, with the epoch at which they were read. What is of another
//! epoch, or is no such thing, is nothing.

use domain::name::{TenantId, UtilityId};
use domain::utility::{Utility, Version, VersionHead};
use serde::{Deserialize, Serialize};
use storage_documents::{UtilityDocument, VersionDocument, decode, encode};
use zeroize::Zeroizing;

/// A version.
#[derive(Serialize, Deserialize)]
pub(crate) struct VersionValue {
    epoch: u64,
    number: u32,
    version: VersionDocument,
    code: String,
}

/// A utility with its current version.
#[derive(Serialize, Deserialize)]
pub(crate) struct CurrentValue {
    utility: UtilityDocument,
    #[serde(flatten)]
    version: VersionValue,
}

impl VersionValue {
    /// The text of a version that was read at an epoch.
    pub(crate) fn text(epoch: u64, version: &Version) -> Zeroizing<String> {
        Zeroizing::new(encode(&VersionValue::of(epoch, version)))
    }

    /// The version of this number, where the text is one that was read at this epoch.
    pub(crate) fn read(text: &str, epoch: u64, number: u32) -> Option<Version> {
        decode::<VersionValue>(text).ok().filter(|value| value.number == number)?.at(epoch)
    }

    fn of(epoch: u64, version: &Version) -> Self {
        let head: &VersionHead = &version.head;
        VersionValue { epoch, number: head.number, version: head.into(), code: version.code.text().to_string() }
    }

    fn at(self, epoch: u64) -> Option<Version> {
        let is_current = self.epoch == epoch;
        is_current.then(|| self.version.into_version(self.number, &self.code).ok()).flatten()
    }
}

impl CurrentValue {
    /// The text of a utility and its current version that were read at an epoch.
    pub(crate) fn text(epoch: u64, utility: &Utility, version: &Version) -> Zeroizing<String> {
        Zeroizing::new(encode(&CurrentValue { utility: utility.into(), version: VersionValue::of(epoch, version) }))
    }

    /// The utility of this name with its version, where the text is one that was read at this epoch.
    pub(crate) fn read(text: &str, epoch: u64, tenant: &TenantId, id: &UtilityId) -> Option<(Utility, Version)> {
        let value = decode::<CurrentValue>(text).ok()?;
        let version = value.version.at(epoch)?;
        Some((value.utility.into_utility(tenant.clone(), id.clone()).ok()?, version))
    }
}
