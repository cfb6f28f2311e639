//! `zona.runtime.v1.RuntimeService`: what utilities run on. Nothing is decided here.

use api_proto::zona::runtime::v1 as pb;
use domain::access::{self, Policy};
use domain::name::RuntimeName;
use domain::runtime::Runtimes;
use tonic::{Request, Response, Status};

use crate::call::split;
use crate::convert::page::Paging;
use crate::convert::{Violations, runtime, utility};

/// Handles the methods of RuntimeService.
#[derive(Clone)]
pub struct RuntimeHandler {
    policy: Policy,
    runtimes: Runtimes,
}

impl RuntimeHandler {
    /// A handler that asks `policy` and calls `runtimes`.
    pub fn new(policy: Policy, runtimes: Runtimes) -> Self {
        RuntimeHandler { policy, runtimes }
    }
}

#[tonic::async_trait]
impl pb::runtime_service_server::RuntimeService for RuntimeHandler {
    async fn list_runtimes(&self, request: Request<pb::ListRuntimesRequest>) -> Result<Response<pb::ListRuntimesResponse>, Status> {
        let (call, mut body) = split(request);
        call.answer(async {
            let parent = utility::parent(&body.parent)?;
            let permit = call.require::<access::ListRuntimes>(&self.policy, &parent.tenant, &parent).await?;
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListRuntimes", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let permit = &permit;
            let list = |page| async move { self.runtimes.list(permit, &page).await };
            let (runtimes, next_page_token) = paging.collect(list, |found| runtime::listed(&parent.tenant, found)).await?;
            Ok(pb::ListRuntimesResponse { runtimes, next_page_token })
        })
        .await
    }

    async fn get_runtime(&self, request: Request<pb::GetRuntimeRequest>) -> Result<Response<pb::Runtime>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = RuntimeName::parse("name", &body.name)?;
            let permit = call.require::<access::GetRuntime>(&self.policy, &name.tenant, &name).await?;
            let found = self.runtimes.get(&permit, &name).await?;
            Ok(runtime::to_wire(&name.tenant, &found))
        })
        .await
    }
}
