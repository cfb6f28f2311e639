//! `zona.identity.v1.IdentityService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::identity::v1 as pb;
use domain::identity::{Identities, Secret, actions};
use domain::name::{ApiKeyName, CredentialName};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::convert::identity::SignIn;
use crate::convert::page::Paging;
use crate::convert::{Violations, identity, subject, utility};
use crate::handler::Handler;
use crate::perform::{Opened, Permitted};
use crate::stream::{Messages, while_standing};

/// Handles the methods of IdentityService.
pub(crate) type IdentityHandler = Handler<Identities>;

#[tonic::async_trait]
impl pb::identity_service_server::IdentityService for IdentityHandler {
    type ExportSubjectStream = Messages<pb::ExportSubjectResponse>;

    async fn issue_token(&self, request: Request<pb::IssueTokenRequest>) -> Result<Response<pb::IssueTokenResponse>, Status> {
        self.perform_open::<actions::IssueToken, _, _, _>(request, |identities, Opened { body, address, notes }| async move {
            Ok(match identity::read_sign_in(body.credential, body.browser)? {
                SignIn::Tokens(proof) => identity::issued_to_wire(&identities.issue(proof, address, &notes).await?),
                SignIn::Browser(proof) => identity::browser_to_wire(&identities.open_browser(proof, address, &notes).await?),
                SignIn::Outside(code) => identity::browser_to_wire(&identities.open_outside(code, address, &notes).await?),
            })
        })
        .await
    }

    async fn refresh_token(&self, request: Request<pb::RefreshTokenRequest>) -> Result<Response<pb::RefreshTokenResponse>, Status> {
        self.perform_open::<actions::RefreshToken, _, _, _>(request, |identities, Opened { body, address, notes }| async move {
            let issued = identities.refresh(&Secret::new(body.refresh_token), address, &notes).await?;
            Ok(identity::refreshed_to_wire(&issued))
        })
        .await
    }

    async fn revoke(&self, request: Request<pb::RevokeRequest>) -> Result<Response<pb::RevokeResponse>, Status> {
        let name = |body: &pb::RevokeRequest| CredentialName::parse("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::Revoke, _>| async move {
            identities.revoke(&permit, identity::read_revoke(body, permit.principal())).await?;
            Ok(pb::RevokeResponse { name: permit.target().to_string() })
        })
        .await
    }

    async fn bootstrap(&self, request: Request<pb::BootstrapRequest>) -> Result<Response<pb::User>, Status> {
        self.perform_open::<actions::Bootstrap, _, _, _>(request, |identities, Opened { body, address, notes }| async move {
            let made = identities.bootstrap(identity::read_bootstrap(body)?, address, &notes).await?;
            Ok(identity::user_to_wire(&made))
        })
        .await
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        self.perform_as_caller(request, |identities, Permitted { permit, .. }: Permitted<actions::GetCaller, _>| async move {
            let known = identities.get_caller(&permit).await?;
            Ok(identity::caller_to_wire(permit.caller(), known.as_ref()))
        })
        .await
    }

    async fn get_key_set(&self, request: Request<pb::GetKeySetRequest>) -> Result<Response<pb::KeySet>, Status> {
        self.perform_open::<actions::GetKeySet, _, _, _>(request, |identities, _: Opened<pb::GetKeySetRequest>| async move {
            Ok(pb::KeySet { jwks_json: identities.key_set() })
        })
        .await
    }

    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Result<Response<pb::User>, Status> {
        let name = |body: &pb::CreateUserRequest| utility::parent(&body.parent);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::CreateUser, _>| async move {
            let create = identity::read_create_user(body, permit.target(), permit.principal())?;
            let created = identities.create_user(&permit, create.name, create.draft, create.asked).await?;
            Ok(identity::user_to_wire(&created))
        })
        .await
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Result<Response<pb::User>, Status> {
        let name = |body: &pb::GetUserRequest| identity::user_name("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, .. }: Permitted<actions::GetUser, _>| async move {
            Ok(identity::user_to_wire(&identities.get_user(&permit).await?))
        })
        .await
    }

    async fn list_users(&self, request: Request<pb::ListUsersRequest>) -> Result<Response<pb::ListUsersResponse>, Status> {
        let name = |body: &pb::ListUsersRequest| utility::parent(&body.parent);
        self.perform(request, name, |identities, Permitted { permit, mut body, .. }: Permitted<actions::ListUsers, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListUsers", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (identities, permit) = (&identities, &permit);
            let list = |page| async move { identities.list_users(permit, &page).await };
            let (users, next_page_token) = paging.collect(list, identity::user_to_wire).await?;
            Ok(pb::ListUsersResponse { users, next_page_token })
        })
        .await
    }

    async fn update_user(&self, request: Request<pb::UpdateUserRequest>) -> Result<Response<pb::User>, Status> {
        let name = |body: &pb::UpdateUserRequest| {
            let name = body.user.as_ref().map_or("", |user| &user.name);
            identity::user_name("user.name", name)
        };
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::UpdateUser, _>| async move {
            let (patch, asked) = identity::read_update(body, permit.principal());
            let updated = identities.update_user(&permit, patch, asked).await?;
            Ok(identity::user_to_wire(&updated))
        })
        .await
    }

    async fn delete_user(&self, request: Request<pb::DeleteUserRequest>) -> Result<Response<pb::User>, Status> {
        let name = |body: &pb::DeleteUserRequest| identity::user_name("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::DeleteUser, _>| async move {
            let deleted = identities.delete_user(&permit, identity::read_delete_user(body, permit.principal())).await?;
            Ok(identity::user_to_wire(&deleted))
        })
        .await
    }

    async fn export_subject(&self, request: Request<pb::ExportSubjectRequest>) -> Result<Response<Self::ExportSubjectStream>, Status> {
        let name = |body: &pb::ExportSubjectRequest| identity::user_name("name", &body.name);
        self.perform(
            request,
            name,
            |identities, Permitted { permit, call, standing, .. }: Permitted<actions::ExportSubject, _>| async move {
                let export = identities.export_subject(&permit).await?;
                let refusing = call.clone();
                let parts = export.map(move |part| part.map(subject::part_to_wire).map_err(|error| refusing.refuse(&error)));
                Ok(while_standing(call, standing, parts))
            },
        )
        .await
    }

    async fn erase_subject(&self, request: Request<pb::EraseSubjectRequest>) -> Result<Response<pb::EraseSubjectResponse>, Status> {
        let name = |body: &pb::EraseSubjectRequest| identity::user_name("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::EraseSubject, _>| async move {
            let erased = identities.erase_subject(&permit, subject::read_erase(body, permit.principal())).await?;
            Ok(pb::EraseSubjectResponse { name: erased.to_string() })
        })
        .await
    }

    async fn create_service_account(
        &self,
        request: Request<pb::CreateServiceAccountRequest>,
    ) -> Result<Response<pb::ServiceAccount>, Status> {
        let name = |body: &pb::CreateServiceAccountRequest| utility::parent(&body.parent);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::CreateServiceAccount, _>| async move {
            let create = identity::read_create_account(body, permit.target(), permit.principal())?;
            let created = identities.create_service_account(&permit, create.name, create.draft, create.asked).await?;
            Ok(identity::account_to_wire(&created))
        })
        .await
    }

    async fn list_service_accounts(
        &self,
        request: Request<pb::ListServiceAccountsRequest>,
    ) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
        let name = |body: &pb::ListServiceAccountsRequest| utility::parent(&body.parent);
        self.perform(
            request,
            name,
            |identities, Permitted { permit, mut body, .. }: Permitted<actions::ListServiceAccounts, _>| async move {
                let mut violations = Violations::default();
                let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
                let paging = Paging::read("ListServiceAccounts", size, &token, &body, &mut violations);
                let paging = violations.unless_any(paging)?;
                let (identities, permit) = (&identities, &permit);
                let list = |page| async move { identities.list_service_accounts(permit, &page).await };
                let (service_accounts, next_page_token) = paging.collect(list, identity::account_to_wire).await?;
                Ok(pb::ListServiceAccountsResponse { service_accounts, next_page_token })
            },
        )
        .await
    }

    async fn delete_service_account(
        &self,
        request: Request<pb::DeleteServiceAccountRequest>,
    ) -> Result<Response<pb::ServiceAccount>, Status> {
        let name = |body: &pb::DeleteServiceAccountRequest| identity::account_name("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::DeleteServiceAccount, _>| async move {
            let asked = identity::read_delete_account(body, permit.principal());
            let deleted = identities.delete_service_account(&permit, asked).await?;
            Ok(identity::account_to_wire(&deleted))
        })
        .await
    }

    async fn create_api_key(&self, request: Request<pb::CreateApiKeyRequest>) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let name = |body: &pb::CreateApiKeyRequest| identity::account_name("parent", &body.parent);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::CreateApiKey, _>| async move {
            let (draft, asked) = identity::read_create_key(body, permit.principal());
            let (key, secret) = identities.create_api_key(&permit, draft, asked).await?;
            let secret = secret.map(|secret| secret.expose().to_owned()).unwrap_or_default();
            Ok(pb::CreateApiKeyResponse { api_key: Some(identity::key_to_wire(&key)), secret })
        })
        .await
    }

    async fn list_api_keys(&self, request: Request<pb::ListApiKeysRequest>) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let name = |body: &pb::ListApiKeysRequest| identity::account_name("parent", &body.parent);
        self.perform(request, name, |identities, Permitted { permit, mut body, .. }: Permitted<actions::ListApiKeys, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListApiKeys", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (identities, permit) = (&identities, &permit);
            let list = |page| async move { identities.list_api_keys(permit, &page).await };
            let (api_keys, next_page_token) = paging.collect(list, identity::key_to_wire).await?;
            Ok(pb::ListApiKeysResponse { api_keys, next_page_token })
        })
        .await
    }

    async fn revoke_api_key(&self, request: Request<pb::RevokeApiKeyRequest>) -> Result<Response<pb::ApiKey>, Status> {
        let name = |body: &pb::RevokeApiKeyRequest| ApiKeyName::parse("name", &body.name);
        self.perform(request, name, |identities, Permitted { permit, body, .. }: Permitted<actions::RevokeApiKey, _>| async move {
            let revoked = identities.revoke_api_key(&permit, identity::read_revoke_key(body, permit.principal())).await?;
            Ok(identity::key_to_wire(&revoked))
        })
        .await
    }
}
