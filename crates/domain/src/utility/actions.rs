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
    /// List the versions of a utility.
    ListUtilityVersions(UtilityName) = "version.list", Read, "version";
    /// Read one version.
    GetUtilityVersion(VersionName) = "version.get", Read, "version";
    /// Compare two versions.
    DiffUtilityVersions(UtilityName) = "version.diff", Read, "version";
    /// Make an old version the newest again.
    RestoreUtilityVersion(VersionName) = "version.restore", Update, "version";
}
