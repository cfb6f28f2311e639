//! Users with passwords, made over the loopback interface, and their tokens.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use api_proto::zona::access::v1 as access;
use api_proto::zona::access::v1::access_service_client::AccessServiceClient;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::identity::v1::identity_service_client::IdentityServiceClient;
use api_proto::zona::identity::v1::issue_token_request::Credential;
use tonic::transport::{Channel, Endpoint};

use crate::rpc::TENANT;
use crate::server::Zona;

const PASSWORD: &str = "a password that nobody expects";

/// A connection from an address of this machine's own: attempts to sign in are bounded by address.
///
/// # Errors
/// When nobody answers.
pub async fn connect(server: &Zona, from: u8) -> anyhow::Result<Channel> {
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, from));
    Ok(Endpoint::from_shared(format!("http://{}", server.address()))?.local_address(Some(own)).connect().await?)
}

/// Makes a user, and answers its name.
///
/// # Errors
/// The server's.
pub async fn user(channel: &Channel, id: &str) -> anyhow::Result<String> {
    let user = identity::User { role: identity::Role::User.into(), password: PASSWORD.to_owned(), ..Default::default() };
    let request = identity::CreateUserRequest { parent: TENANT.to_owned(), user_id: id.to_owned(), user: Some(user), ..Default::default() };
    Ok(IdentityServiceClient::new(channel.clone()).create_user(request).await.context("CreateUser")?.into_inner().name)
}

/// Signs in, and answers the access token.
///
/// # Errors
/// The server's.
pub async fn sign_in(channel: &Channel, user: &str) -> anyhow::Result<String> {
    let credential = identity::PasswordCredential { user: user.to_owned(), password: PASSWORD.to_owned() };
    let request = identity::IssueTokenRequest { credential: Some(Credential::Password(credential)), browser: false };
    Ok(IdentityServiceClient::new(channel.clone()).issue_token(request).await.context("IssueToken")?.into_inner().access_token)
}

/// Lets a user execute a utility.
///
/// # Errors
/// The server's.
pub async fn share(channel: &Channel, utility: &str, user: &str) -> anyhow::Result<()> {
    let request = access::GrantAccessRequest {
        name: utility.to_owned(),
        grantee: user.to_owned(),
        access: access::Access::Execute.into(),
        ..Default::default()
    };
    AccessServiceClient::new(channel.clone()).grant_access(request).await.context("GrantAccess")?;
    Ok(())
}
