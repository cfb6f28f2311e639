//! `zona.execution.v1.ExecutionService`: for each method where its name stands, the action, and the use case. Nothing is decided
//! here.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_proto::zona::execution::v1 as pb;
use domain::Result;
use domain::access::{Action, Permit};
use domain::execution::{Executions, actions};
use domain::name::{ExecutionName, UtilityName};
use domain::request::RequestKey;
use domain::time::Clock;
use futures_util::future::BoxFuture;
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

/// Whether the caller may have the secrets handed over that a launch names, which `request` tells from others.
fn may_bind<'a, A: Action<Target = UtilityName>>(
    cases: ExecutionUseCases,
    permit: &'a Permit<A>,
    named: &'a BTreeMap<String, String>,
    request: impl FnOnce() -> Result<Option<RequestKey>> + Send + 'a,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { cases.executions.may_bind(permit, &launch::read_references(named)?, request).await })
}

fn may_execute<'a>(
    cases: ExecutionUseCases,
    permit: &'a Permit<actions::ExecuteUtility>,
    body: &'a pb::ExecuteUtilityRequest,
) -> BoxFuture<'a, Result<()>> {
    may_bind(cases, permit, &body.secret_parameters, || Ok(launch::read_execute(body.clone(), permit.principal())?.request))
}

fn may_start<'a>(
    cases: ExecutionUseCases,
    permit: &'a Permit<actions::StartExecution>,
    body: &'a pb::StartExecutionRequest,
) -> BoxFuture<'a, Result<()>> {
    may_bind(cases, permit, &body.secret_parameters, || Ok(launch::read_start(body.clone(), permit.principal())?.request))
}

/// Of values that are transformed nothing is remembered.
fn may_transform<'a>(
    cases: ExecutionUseCases,
    permit: &'a Permit<actions::Transform>,
    body: &'a pb::TransformRequest,
) -> BoxFuture<'a, Result<()>> {
    may_bind(cases, permit, &body.secret_parameters, || launch::read_transform(body.clone()).map(|_call| None))
}

#[tonic::async_trait]
impl pb::execution_service_server::ExecutionService for ExecutionHandler {
    type ExecuteUtilityStream = Events;
    type WatchExecutionStream = Events;

    async fn execute_utility(&self, request: Request<pb::ExecuteUtilityRequest>) -> Result<Response<Events>, Status> {
        let name = |body: &pb::ExecuteUtilityRequest| UtilityName::parse("name", &body.name);
        let work = |cases: ExecutionUseCases, permitted: Permitted<actions::ExecuteUtility, pb::ExecuteUtilityRequest>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let launch = launch::read_execute(body, permit.principal())?;
            let (execution, watch, guard) = cases.executions.execute(&permit, launch).await?;
            let source = stream::Source { name: execution, watch, guard };
            Ok(stream::events(call, cases.clock, source, standing))
        };
        self.perform_where(request, name, may_execute, work).await
    }

    async fn transform(&self, request: Request<pb::TransformRequest>) -> Result<Response<pb::TransformResponse>, Status> {
        let name = |body: &pb::TransformRequest| UtilityName::parse("name", &body.name);
        let work = |cases: ExecutionUseCases, permitted: Permitted<actions::Transform, pb::TransformRequest>| async move {
            let Permitted { permit, body, .. } = permitted;
            let asked = launch::read_transform(body)?;
            let transformed = cases.executions.transform(&permit, asked).await?;
            Ok(execution::transformed_to_wire(transformed))
        };
        self.perform_where(request, name, may_transform, work).await
    }

    async fn start_execution(&self, request: Request<pb::StartExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let name = |body: &pb::StartExecutionRequest| UtilityName::parse("name", &body.name);
        let work = |cases: ExecutionUseCases, permitted: Permitted<actions::StartExecution, pb::StartExecutionRequest>| async move {
            let Permitted { permit, body, .. } = permitted;
            let launch = launch::read_start(body, permit.principal())?;
            let started = cases.executions.start(&permit, launch).await?;
            Ok(execution::to_wire(&started))
        };
        self.perform_where(request, name, may_start, work).await
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
