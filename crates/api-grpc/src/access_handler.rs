//! `zona.access.v1.AccessService`: granting access to utilities, sharing them across tenants, and taking it back. Nothing is decided
//! here.

use api_proto::zona::access::v1 as pb;
use domain::access::{Explanations, Shares, Sharing, actions};
use domain::name::{PrincipalName, TenantName, UtilityName};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, grant};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::refusal::evenly_where;

/// Handles the methods of AccessService.
pub(crate) type AccessHandler = Handler<AccessUseCases>;

/// What handles them.
#[derive(Clone)]
pub(crate) struct AccessUseCases {
    pub(crate) sharing: Sharing,
    pub(crate) shares: Shares,
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

    async fn offer_share(&self, request: Request<pb::OfferShareRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::OfferShareRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::OfferShare, _>| async move {
            let (draft, request) = grant::read_offer(body, &permit)?;
            Ok(grant::to_wire(&access.shares.offer(&permit, draft, request).await?))
        })
        .await
    }

    async fn accept_share(&self, request: Request<pb::AcceptShareRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::AcceptShareRequest| TenantName::parse("parent", &body.parent);
        self.perform(request, name, |access, Permitted { permit, mut body, .. }: Permitted<actions::AcceptShare, _>| async move {
            let request_id = std::mem::take(&mut body.request_id);
            let draft = grant::read_share_answer("AcceptShare", &permit, (&body.utility, &request_id, &body))?;
            Ok(grant::to_wire(&access.shares.accept(&permit, draft).await?))
        })
        .await
    }

    async fn decline_share(&self, request: Request<pb::DeclineShareRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::DeclineShareRequest| TenantName::parse("parent", &body.parent);
        self.perform(request, name, |access, Permitted { permit, mut body, .. }: Permitted<actions::DeclineShare, _>| async move {
            let request_id = std::mem::take(&mut body.request_id);
            let draft = grant::read_share_answer("DeclineShare", &permit, (&body.utility, &request_id, &body))?;
            Ok(grant::to_wire(&access.shares.decline(&permit, draft).await?))
        })
        .await
    }

    async fn revoke_share(&self, request: Request<pb::RevokeShareRequest>) -> Result<Response<pb::Grant>, Status> {
        let name = |body: &pb::RevokeShareRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::RevokeShare, _>| async move {
            let draft = grant::read_share_revocation(body, &permit)?;
            Ok(grant::to_wire(&access.shares.revoke(&permit, draft).await?))
        })
        .await
    }

    async fn list_shares(&self, request: Request<pb::ListSharesRequest>) -> Result<Response<pb::ListSharesResponse>, Status> {
        let name = |body: &pb::ListSharesRequest| TenantName::parse("parent", &body.parent);
        self.perform(request, name, |access, Permitted { permit, mut body, .. }: Permitted<actions::ListShares, _>| async move {
            let mut violations = Violations::default();
            let side = grant::read_side(body.side, &mut violations);
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListShares", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (shares, permit) = (&access.shares, &permit);
            let list = |page| async move { shares.list(permit, side, &page).await };
            let (shares, next_page_token) = paging.collect(list, grant::to_wire).await?;
            Ok(pb::ListSharesResponse { shares, next_page_token })
        })
        .await
    }

    async fn explain_access(&self, request: Request<pb::ExplainAccessRequest>) -> Result<Response<pb::ExplainAccessResponse>, Status> {
        let name = |body: &pb::ExplainAccessRequest| PrincipalName::parse("name", &body.name);
        self.perform(request, name, |access, Permitted { permit, body, .. }: Permitted<actions::ExplainAccess, _>| async move {
            // It hides as much as the refusal that it explains.
            let explained = access.explanations.explain(&permit, &body.action, &body.resource);
            let explained = evenly_where(|told| told.as_ref().is_ok_and(|told| !told.allowed), explained).await?;
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
