//! `zona.runtime.v1.RuntimeService`: what utilities run on. Nothing is decided here.

use api_proto::zona::runtime::v1 as pb;
use domain::name::RuntimeName;
use domain::runtime::{Runtimes, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, runtime, utility};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of RuntimeService.
pub(crate) type RuntimeHandler = Handler<Runtimes>;

#[tonic::async_trait]
impl pb::runtime_service_server::RuntimeService for RuntimeHandler {
    async fn list_runtimes(&self, request: Request<pb::ListRuntimesRequest>) -> Result<Response<pb::ListRuntimesResponse>, Status> {
        let name = |body: &pb::ListRuntimesRequest| utility::parent(&body.parent);
        self.perform(request, name, |runtimes, Permitted { permit, mut body, .. }: Permitted<actions::ListRuntimes, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListRuntimes", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (runtimes, permit) = (&runtimes, &permit);
            let list = |page| async move { runtimes.list(permit, &page).await };
            let (runtimes, next_page_token) = paging.collect(list, |found| runtime::listed(&permit.target().tenant, found)).await?;
            Ok(pb::ListRuntimesResponse { runtimes, next_page_token })
        })
        .await
    }

    async fn get_runtime(&self, request: Request<pb::GetRuntimeRequest>) -> Result<Response<pb::Runtime>, Status> {
        let name = |body: &pb::GetRuntimeRequest| RuntimeName::parse("name", &body.name);
        self.perform(request, name, |runtimes, Permitted { permit, .. }: Permitted<actions::GetRuntime, _>| async move {
            let found = runtimes.get(&permit).await?;
            Ok(runtime::to_wire(&permit.target().tenant, &found))
        })
        .await
    }
}
