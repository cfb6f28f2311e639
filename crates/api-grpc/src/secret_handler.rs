//! `zona.secret.v1.SecretService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::secret::v1 as pb;
use domain::name::SecretName;
use domain::secret::{NamedSecrets, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, secret, utility};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of SecretService.
pub(crate) type SecretHandler = Handler<NamedSecrets>;

#[tonic::async_trait]
impl pb::secret_service_server::SecretService for SecretHandler {
    async fn set_secret(&self, request: Request<pb::SetSecretRequest>) -> Result<Response<pb::Secret>, Status> {
        let name = |body: &pb::SetSecretRequest| SecretName::parse("name", &body.name);
        self.perform(request, name, |secrets, Permitted { permit, body, .. }: Permitted<actions::SetSecret, _>| async move {
            let (patch, asked) = secret::read_set(body, permit.principal())?;
            Ok(secret::to_wire(&secrets.set(&permit, patch, asked).await?))
        })
        .await
    }

    async fn get_secret(&self, request: Request<pb::GetSecretRequest>) -> Result<Response<pb::Secret>, Status> {
        let name = |body: &pb::GetSecretRequest| SecretName::parse("name", &body.name);
        self.perform(request, name, |secrets, Permitted { permit, .. }: Permitted<actions::GetSecret, _>| async move {
            Ok(secret::to_wire(&secrets.get(&permit).await?))
        })
        .await
    }

    async fn list_secrets(&self, request: Request<pb::ListSecretsRequest>) -> Result<Response<pb::ListSecretsResponse>, Status> {
        let name = |body: &pb::ListSecretsRequest| utility::parent(&body.parent);
        self.perform(request, name, |secrets, Permitted { permit, mut body, .. }: Permitted<actions::ListSecrets, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListSecrets", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (secrets, permit) = (&secrets, &permit);
            let list = |page| async move { secrets.list(permit, &page).await };
            let (secrets, next_page_token) = paging.collect(list, secret::to_wire).await?;
            Ok(pb::ListSecretsResponse { secrets, next_page_token })
        })
        .await
    }

    async fn delete_secret(&self, request: Request<pb::DeleteSecretRequest>) -> Result<Response<pb::Secret>, Status> {
        let name = |body: &pb::DeleteSecretRequest| SecretName::parse("name", &body.name);
        self.perform(request, name, |secrets, Permitted { permit, body, .. }: Permitted<actions::DeleteSecret, _>| async move {
            let asked = secret::read_delete(body, permit.principal());
            Ok(secret::to_wire(&secrets.delete(&permit, asked).await?))
        })
        .await
    }
}
