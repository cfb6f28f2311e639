//! Messages in which a password, a key or a token stands: their debug output shows nothing of it. The build script names the same
//! ones, and a message that stands in one list only does not compile.

use std::fmt;

use crate::zona::{event::v1 as event, identity::v1 as identity, secret::v1 as secret, tenant::v1 as tenant};

macro_rules! show_nothing {
    ($($type:ty: $name:literal;)*) => {
        $(impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        })*
    };
}

show_nothing! {
    identity::CodeCredential: "CodeCredential";
    identity::PasswordCredential: "PasswordCredential";
    identity::IssueTokenRequest: "IssueTokenRequest";
    identity::issue_token_request::Credential: "Credential";
    identity::IssueTokenResponse: "IssueTokenResponse";
    identity::RefreshTokenRequest: "RefreshTokenRequest";
    identity::RefreshTokenResponse: "RefreshTokenResponse";
    identity::BootstrapRequest: "BootstrapRequest";
    identity::UpdateUserRequest: "UpdateUserRequest";
    identity::CreateApiKeyResponse: "CreateApiKeyResponse";
    event::CreateWebhookResponse: "CreateWebhookResponse";
    event::RotateWebhookSecretResponse: "RotateWebhookSecretResponse";
    secret::SetSecretRequest: "SetSecretRequest";
}

impl fmt::Debug for identity::User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("etag", &self.etag).finish_non_exhaustive()
    }
}

impl fmt::Debug for tenant::Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("resource_name", &self.resource_name).field("etag", &self.etag).finish_non_exhaustive()
    }
}
