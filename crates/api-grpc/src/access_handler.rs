//! `zona.access.v1.AccessService`: granting access to utilities and taking it back. Nothing is decided here.

use api_proto::zona::access::v1 as pb;
use domain::access::{Explanations, Sharing, actions};
use domain::name::{PrincipalName, UtilityName};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, grant};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of AccessService.
pub(crate) type AccessHandler = Handler<AccessUseCases>;

/// What handles them.
#[derive(Clone)]
pub(crate) struct AccessUseCases {
    pub(crate) sharing: Sharing,
    pub(crate) explanations: Explanations,
}

#[tonic::async_trait]
impl pb::access_service_server::AccessService for AccessHandler {
    async fn grant_access(&self, request: Request<pb::GrantAccessRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::GrantAccessRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::GrantAccess, _>| async move {
            let (draft, request) = grant::read_grant(body, &permit)?;
            Ok(grant::to_wire(&access.sharing.grant(&permit, draft, request).await?))
        })
        .await
    }

    async fn revoke_access(&self, request: Request<pb::RevokeAccessRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::RevokeAccessRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::RevokeAccess, _>| async move {
            let (grantee, violations, request) = grant::read_revocation(body, &permit)?;
            Ok(grant::to_wire(&access.sharing.revoke(&permit, grantee, violations, request).await?))
        })
        .await
    }

    async fn list_grants(&self, request: Request<pb::ListGrantsRequest>) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let name = |body: &pb::ListGrantsRequest| UtilityName::parse("parent", &body.parent);
        self.perform(request, name, |access, Permitted { permit, mut body, .. }: Permitted<actions::ListGrants, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListGrants", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (sharing, permit) = (&access.sharing, &permit);
            let list = |page| async move { sharing.list(permit, &page).await };
            let (grants, next_page_token) = paging.collect(list, grant::to_wire).await?;
            Ok(pb::ListGrantsResponse { grants, next_page_token })
        })
        .await
    }

    async fn explain_access(&self, request: Request<pb::ExplainAccessRequest>) -> Result<Response<pb::ExplainAccessResponse>, Status> {
        let name = |body: &pb::ExplainAccessRequest| PrincipalName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::ExplainAccess, _>| async move {
            let explained = access.explanations.explain(&permit, &body.action, &body.resource).await?;
            Ok(pb::ExplainAccessResponse {
                allowed: explained.allowed,
                rule: explained.rule.to_owned(),
                explanation: explained.text,
                grant: explained.grant.as_ref().map(grant::to_wire),
            })
        })
        .await
    }
}
