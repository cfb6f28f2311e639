//! `zona.utility.v1.CopyService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use api_proto::zona::utility::v1 as pb;
use domain::access::{Action, Permit};
use domain::name::UtilityName;
use domain::utility::{Copies, Utilities, Utility, Version, actions};
use futures_util::future::BoxFuture;
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, copy, utility};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of CopyService.
pub(crate) type CopyHandler = Handler<CopyUseCases>;

/// The use cases, and those that say what else is shown of a utility.
#[derive(Clone)]
pub(crate) struct CopyUseCases {
    pub(crate) copies: Copies,
    pub(crate) utilities: Utilities,
}

impl CopyUseCases {
    fn shown<A: Action>(&self, permit: &Permit<A>, found: &(Utility, Version)) -> pb::Utility {
        pb::Utility {
            copied_from: found.0.lineage_for(permit).map(copy::lineage_to_wire),
            ..utility::to_wire(found, self.utilities.vulnerable_imports(&found.0))
        }
    }
}

/// Whether the caller may read what is to be copied.
fn may_copy<'a>(
    cases: CopyUseCases,
    permit: &'a Permit<actions::CopyUtility>,
    body: &'a pb::CopyUtilityRequest,
) -> BoxFuture<'a, domain::Result<()>> {
    Box::pin(async move {
        let draft = copy::read_copy(body.clone(), permit.principal())?;
        cases.copies.may_copy(permit, &draft).await
    })
}

#[tonic::async_trait]
impl pb::copy_service_server::CopyService for CopyHandler {
    async fn copy_utility(&self, request: Request<pb::CopyUtilityRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::CopyUtilityRequest| utility::parent(&body.parent);
        self.perform_where(
            request,
            name,
            may_copy,
            |cases, Permitted { permit, body, .. }: Permitted<actions::CopyUtility, _>| async move {
                let draft = copy::read_copy(body, permit.principal())?;
                let copied = cases.copies.copy(&permit, draft).await?;
                Ok(cases.shown(&permit, &copied))
            },
        )
        .await
    }

    async fn list_proposals(&self, request: Request<pb::ListProposalsRequest>) -> Result<Response<pb::ListProposalsResponse>, Status> {
        let name = |body: &pb::ListProposalsRequest| utility::parent(&body.parent);
        self.perform(request, name, |cases, Permitted { permit, mut body, .. }: Permitted<actions::ListProposals, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListProposals", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging.ending_early())?;
            let (copies, permit) = (&cases.copies, &permit);
            let list = |page| async move { copies.list(permit, &page).await };
            let (proposals, next_page_token) = paging.collect(list, copy::listed).await?;
            Ok(pb::ListProposalsResponse { proposals, next_page_token })
        })
        .await
    }

    async fn get_proposal(&self, request: Request<pb::GetProposalRequest>) -> Result<Response<pb::Proposal>, Status> {
        let name = |body: &pb::GetProposalRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, .. }: Permitted<actions::GetProposal, _>| async move {
            Ok(copy::compared(cases.copies.get(&permit).await?))
        })
        .await
    }

    async fn accept_proposal(&self, request: Request<pb::AcceptProposalRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::AcceptProposalRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, .. }: Permitted<actions::AcceptProposal, _>| async move {
            let acceptance = copy::read_acceptance(body, permit.principal());
            let accepted = cases.copies.accept(&permit, acceptance).await?;
            Ok(cases.shown(&permit, &accepted))
        })
        .await
    }

    async fn dismiss_proposal(&self, request: Request<pb::DismissProposalRequest>) -> Result<Response<pb::Utility>, Status> {
        let name = |body: &pb::DismissProposalRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, .. }: Permitted<actions::DismissProposal, _>| async move {
            let (seen, call) = copy::read_dismissal(body, permit.principal());
            let dismissed = cases.copies.dismiss(&permit, seen, call).await?;
            Ok(cases.shown(&permit, &dismissed))
        })
        .await
    }
}
