//! Where a copy comes from, and how far it has followed that.

use crate::access::{Action, Permit};
use crate::audit::FieldChange;
use crate::hash::Hash;
use crate::name::{PrincipalName, TenantId, UtilityName};
use crate::time::Timestamp;

/// Where a utility was copied from. It says what whoever copied was shown, and nothing that has become of the source since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// What was copied, perhaps of another tenant.
    pub source: UtilityName,
    /// Its unique id: another utility may have its name by now.
    pub source_uid: String,
    /// The version that was copied, or that was merged last.
    pub version: u32,
    /// The content hash of that version.
    pub content_hash: Hash,
    /// Who copied it, or the super administrator who has merged what the source has become since.
    pub by: PrincipalName,
    /// When.
    pub time: Timestamp,
    /// The newest version of the source that was dismissed; 0 where none was.
    pub dismissed: u32,
}

impl Lineage {
    /// Whether who reads the copy may know where it comes from: not guests, with whom the copy is shared in turn; of its own tenant, all
    /// where another tenant has shared the source with that, and otherwise who reaches all of the tenant, or has copied it.
    pub(super) fn is_shown_to<A: Action>(&self, permit: &Permit<A>) -> bool {
        let known = permit.only_owner().is_none() || self.by == *permit.principal() || self.was_shared_with(permit.principal().tenant());
        permit.guest_of().is_none() && known
    }

    /// Whether another tenant has shared the source with this one: somebody of it has copied it, who is of no tenant that reaches all
    /// others unshared.
    fn was_shared_with(&self, tenant: &TenantId) -> bool {
        self.source.tenant != *tenant && self.by.tenant() == tenant && !tenant.is_system()
    }
}

/// Which source is read, and which version of it where one is named, for the record of a call that changes neither.
pub(super) fn read(source: &UtilityName, version: Option<u32>) -> Vec<FieldChange> {
    let version = version.map(|number| number.to_string());
    let named = [("source", Some(source.to_string())), ("source_version", version)];
    named.into_iter().filter_map(|(field, name)| FieldChange::named(field, None, name.as_deref())).collect()
}

/// What of it differs, for the record of a change: who may read the record may know the source, and hashes stand for code.
pub(super) fn changes(before: Option<&Lineage>, after: Option<&Lineage>) -> impl Iterator<Item = FieldChange> {
    let named = |field, of: &dyn Fn(&Lineage) -> Option<String>| {
        FieldChange::named(field, before.and_then(of).as_deref(), after.and_then(of).as_deref())
    };
    let content = |lineage: Option<&Lineage>| lineage.map(|lineage| lineage.content_hash);
    let (old, new) = (content(before), content(after));
    let hashes = (old != new).then(|| FieldChange { field: "source_content".to_owned(), before: old, after: new });
    let source = named("source", &|lineage| Some(lineage.source.to_string()));
    let version = named("source_version", &|lineage| Some(lineage.version.to_string()));
    let dismissed = named("dismissed_version", &|lineage| (lineage.dismissed > 0).then(|| lineage.dismissed.to_string()));
    [source, version, hashes, dismissed].into_iter().flatten()
}
