//! What can be done about identity. The actions of methods that need no identity are never asked for: they stand here because the
//! contract names them.

use crate::access::{Installation, actions};
use crate::name::{ApiKeyName, CredentialName, PrincipalName, TenantName};

actions! {
    /// Sign in.
    IssueToken(Installation) = "token.issue", Create, "token", Anyone;
    /// Go on with a session.
    RefreshToken(Installation) = "token.refresh", Create, "token", Anyone;
    /// Make the first super administrator.
    Bootstrap(Installation) = "installation.bootstrap", Create, "installation", Anyone;
    /// Read the public keys of tokens.
    GetKeySet(Installation) = "key_set.get", Read, "key_set", Anyone;
    /// Read who calls: the target is the caller.
    GetCaller(PrincipalName) = "caller.get", Read, "caller";
    /// Make void what was issued.
    Revoke(CredentialName) = "credential.revoke", Update, "credential";
    /// Create a user.
    CreateUser(TenantName) = "user.create", Administer, "user";
    /// Read a user.
    GetUser(PrincipalName) = "user.get", Read, "user";
    /// List users.
    ListUsers(TenantName) = "user.list", Read, "user";
    /// Change a user.
    UpdateUser(PrincipalName) = "user.update", Update, "user";
    /// Delete a user.
    DeleteUser(PrincipalName) = "user.delete", Administer, "user";
    /// Take away everything that is stored of a user.
    ExportSubject(PrincipalName) = "user.export", Administer, "user";
    /// Erase what is personal of a user.
    EraseSubject(PrincipalName) = "user.erase", Administer, "user";
    /// Create a service account.
    CreateServiceAccount(TenantName) = "service_account.create", Administer, "service_account";
    /// List service accounts.
    ListServiceAccounts(TenantName) = "service_account.list", Administer, "service_account";
    /// Delete a service account.
    DeleteServiceAccount(PrincipalName) = "service_account.delete", Administer, "service_account";
    /// Create an API key of a service account.
    CreateApiKey(PrincipalName) = "api_key.create", Administer, "api_key";
    /// List the API keys of a service account.
    ListApiKeys(PrincipalName) = "api_key.list", Administer, "api_key";
    /// Revoke an API key.
    RevokeApiKey(ApiKeyName) = "api_key.revoke", Administer, "api_key";
}
