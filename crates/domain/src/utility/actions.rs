//! What can be done to utilities and their versions.

use crate::access::actions;
use crate::name::{TenantName, UtilityName, VersionName};

actions! {
    /// Create a utility.
    CreateUtility(TenantName) = "utility.create", Create, "utility";
    /// Read a utility.
    GetUtility(UtilityName) = "utility.get", Read, "utility";
    /// List utilities.
    ListUtilities(TenantName) = "utility.list", Read, "utility";
    /// Change a utility.
    UpdateUtility(UtilityName) = "utility.update", Update, "utility";
    /// Delete a utility.
    DeleteUtility(UtilityName) = "utility.delete", Delete, "utility";
    /// Undelete a utility.
    UndeleteUtility(UtilityName) = "utility.undelete", Delete, "utility";
    /// Have code checked without storing it.
    ValidateCode(TenantName) = "utility.validate", Read, "utility";
    /// Copy a utility.
    CopyUtility(TenantName) = "utility.copy", Create, "utility";
    /// List what sources of copies have become.
    ListProposals(TenantName) = "utility.listProposals", Read, "utility";
    /// Compare a copy with its source.
    GetProposal(UtilityName) = "utility.getProposal", Read, "utility";
    /// Take over what the source of a copy has become.
    AcceptProposal(UtilityName) = "utility.acceptProposal", Update, "utility";
    /// Leave what the source of a copy has become.
    DismissProposal(UtilityName) = "utility.dismissProposal", Update, "utility";
    /// List the versions of a utility.
    ListUtilityVersions(UtilityName) = "version.list", Read, "version";
    /// Read one version.
    GetUtilityVersion(VersionName) = "version.get", Read, "version";
    /// Compare two versions.
    DiffUtilityVersions(UtilityName) = "version.diff", Read, "version";
    /// Make an old version the newest again.
    RestoreUtilityVersion(VersionName) = "version.restore", Update, "version";
}
