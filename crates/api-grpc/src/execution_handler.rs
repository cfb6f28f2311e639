//! `zona.execution.v1.ExecutionService`: for each method where its name stands, the action, and the use case. Nothing is decided
//! here.

use std::sync::Arc;

use api_proto::zona::execution::v1 as pb;
use domain::execution::{Executions, actions};
use domain::name::{ExecutionName, UtilityName};
use domain::time::Clock;
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, WireViolations as _, execution, launch, utility};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::stream::{self, Events};

/// Handles the methods of ExecutionService.
pub(crate) type ExecutionHandler = Handler<ExecutionUseCases>;

/// The use cases, and the time of heartbeats.
#[derive(Clone)]
pub(crate) struct ExecutionUseCases {
    pub(crate) executions: Executions,
    pub(crate) clock: Arc<dyn Clock>,
}

#[tonic::async_trait]
impl pb::execution_service_server::ExecutionService for ExecutionHandler {
    type ExecuteUtilityStream = Events;
    type WatchExecutionStream = Events;

    async fn execute_utility(&self, request: Request<pb::ExecuteUtilityRequest>) -> Result<Response<Events>, Status> {
        let name = |body: &pb::ExecuteUtilityRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, call, standing }: Permitted<actions::ExecuteUtility, _>| async move {
            let launch = launch::read_execute(body, permit.principal())?;
            let (execution, watch, guard) = cases.executions.execute(&permit, launch).await?;
            let source = stream::Source { name: execution, watch, guard };
            Ok(stream::events(call, cases.clock, source, standing))
        })
        .await
    }

    async fn transform(&self, request: Request<pb::TransformRequest>) -> Result<Response<pb::TransformResponse>, Status> {
        let name = |body: &pb::TransformRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, .. }: Permitted<actions::Transform, _>| async move {
            let asked = launch::read_transform(body)?;
            let transformed = cases.executions.transform(&permit, asked).await?;
            Ok(execution::transformed_to_wire(transformed))
        })
        .await
    }

    async fn start_execution(&self, request: Request<pb::StartExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let name = |body: &pb::StartExecutionRequest| UtilityName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, .. }: Permitted<actions::StartExecution, _>| async move {
            let launch = launch::read_start(body, permit.principal())?;
            let started = cases.executions.start(&permit, launch).await?;
            Ok(execution::to_wire(&started))
        })
        .await
    }

    async fn get_execution(&self, request: Request<pb::GetExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let name = |body: &pb::GetExecutionRequest| ExecutionName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, .. }: Permitted<actions::GetExecution, _>| async move {
            let found = cases.executions.get(&permit).await?;
            Ok(execution::to_wire(&found))
        })
        .await
    }

    async fn list_executions(&self, request: Request<pb::ListExecutionsRequest>) -> Result<Response<pb::ListExecutionsResponse>, Status> {
        let name = |body: &pb::ListExecutionsRequest| utility::parent(&body.parent);
        self.perform(request, name, |cases, Permitted { permit, mut body, .. }: Permitted<actions::ListExecutions, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListExecutions", size, &token, &body, &mut violations);
            let query = execution::read_query(permit.target(), body.filter, body.order, &mut violations)?;
            let query = violations.unless_any(query)?;
            let (executions, permit, query) = (&cases.executions, &permit, &query);
            let list = |page| async move { executions.list(permit, query.clone(), &page).await };
            let (executions, next_page_token) = paging.collect(list, execution::listed).await?;
            Ok(pb::ListExecutionsResponse { executions, next_page_token })
        })
        .await
    }

    async fn watch_execution(&self, request: Request<pb::WatchExecutionRequest>) -> Result<Response<Events>, Status> {
        let name = |body: &pb::WatchExecutionRequest| ExecutionName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, body, call, standing }: Permitted<actions::WatchExecution, _>| async move {
            let mut violations = Violations::default();
            let after = violations.sequence("after_sequence", body.after_sequence);
            let after = violations.unless_any(after)?;
            let watch = cases.executions.watch(&permit, after).await?;
            let source = stream::Source { name: permit.target().clone(), watch, guard: None };
            Ok(stream::events(call, cases.clock, source, standing))
        })
        .await
    }

    async fn cancel_execution(&self, request: Request<pb::CancelExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let name = |body: &pb::CancelExecutionRequest| ExecutionName::parse("name", &body.name);
        self.perform(request, name, |cases, Permitted { permit, .. }: Permitted<actions::CancelExecution, _>| async move {
            let cancelled = cases.executions.cancel(&permit).await?;
            Ok(execution::to_wire(&cancelled))
        })
        .await
    }
}
