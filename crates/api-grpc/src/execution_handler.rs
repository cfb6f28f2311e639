//! `zona.execution.v1.ExecutionService`: each method splits the request, parses the name, demands the permit, parses the rest,
//! calls the use case, and responds. Nothing is decided here.

use std::sync::Arc;

use api_proto::zona::execution::v1 as pb;
use domain::access::{self, Policy};
use domain::execution::Executions;
use domain::name::{ExecutionName, UtilityName};
use domain::time::Clock;
use tonic::{Request, Response, Status};

use crate::call::split;
use crate::convert::page::Paging;
use crate::convert::{Violations, execution, launch, utility};
use crate::stream::{self, Events};

/// Handles the methods of ExecutionService.
#[derive(Clone)]
pub struct ExecutionHandler {
    policy: Policy,
    executions: Executions,
    clock: Arc<dyn Clock>,
}

impl ExecutionHandler {
    /// A handler that asks `policy` and calls `executions`; `clock` gives heartbeats their time.
    pub fn new(policy: Policy, executions: Executions, clock: Arc<dyn Clock>) -> Self {
        ExecutionHandler { policy, executions, clock }
    }
}

#[tonic::async_trait]
impl pb::execution_service_server::ExecutionService for ExecutionHandler {
    type ExecuteUtilityStream = Events;
    type WatchExecutionStream = Events;

    async fn execute_utility(&self, request: Request<pb::ExecuteUtilityRequest>) -> Result<Response<Events>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::ExecuteUtility>(&self.policy, &name.tenant, &name).await?;
            let cancel_on_disconnect = body.cancel_on_disconnect;
            let launch = launch::read_execute(name, body, permit.principal())?;
            let (execution, watch, guard) = self.executions.execute(&permit, launch).await?;
            let guard = stream::stop_on_disconnect(guard, cancel_on_disconnect);
            Ok(stream::events(call.clone(), Arc::clone(&self.clock), execution, watch, guard))
        })
        .await
    }

    async fn transform(&self, request: Request<pb::TransformRequest>) -> Result<Response<pb::TransformResponse>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::Transform>(&self.policy, &name.tenant, &name).await?;
            let asked = launch::read_transform(name, body)?;
            let transformed = self.executions.transform(&permit, asked).await?;
            Ok(execution::transformed_to_wire(transformed))
        })
        .await
    }

    async fn start_execution(&self, request: Request<pb::StartExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = UtilityName::parse("name", &body.name)?;
            let permit = call.require::<access::StartExecution>(&self.policy, &name.tenant, &name).await?;
            let launch = launch::read_start(name, body, permit.principal())?;
            let started = self.executions.start(&permit, launch).await?;
            Ok(execution::to_wire(&started))
        })
        .await
    }

    async fn get_execution(&self, request: Request<pb::GetExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = ExecutionName::parse("name", &body.name)?;
            let permit = call.require::<access::GetExecution>(&self.policy, &name.tenant, &name).await?;
            let found = self.executions.get(&permit, &name).await?;
            Ok(execution::to_wire(&found))
        })
        .await
    }

    async fn list_executions(&self, request: Request<pb::ListExecutionsRequest>) -> Result<Response<pb::ListExecutionsResponse>, Status> {
        let (call, mut body) = split(request);
        call.answer(async {
            let parent = utility::parent(&body.parent)?;
            let permit = call.require::<access::ListExecutions>(&self.policy, &parent.tenant, &parent).await?;
            let mut violations = Violations::default();
            let (size, token) = (std::mem::take(&mut body.page_size), std::mem::take(&mut body.page_token));
            let paging = Paging::read("ListExecutions", size, &token, &body, &mut violations);
            let query = execution::read_query(&parent, body.filter, body.order, &mut violations)?;
            let query = violations.unless_any(query)?;
            let (permit, query) = (&permit, &query);
            let list = |page| async move { self.executions.list(permit, query.clone(), &page).await };
            let (executions, next_page_token) = paging.collect(list, execution::listed).await?;
            Ok(pb::ListExecutionsResponse { executions, next_page_token })
        })
        .await
    }

    async fn watch_execution(&self, request: Request<pb::WatchExecutionRequest>) -> Result<Response<Events>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = ExecutionName::parse("name", &body.name)?;
            let permit = call.require::<access::WatchExecution>(&self.policy, &name.tenant, &name).await?;
            let mut violations = Violations::default();
            let after = violations.sequence("after_sequence", body.after_sequence);
            let after = violations.unless_any(after)?;
            let watch = self.executions.watch(&permit, &name, after).await?;
            Ok(stream::events(call.clone(), Arc::clone(&self.clock), name, watch, None))
        })
        .await
    }

    async fn cancel_execution(&self, request: Request<pb::CancelExecutionRequest>) -> Result<Response<pb::Execution>, Status> {
        let (call, body) = split(request);
        call.answer(async {
            let name = ExecutionName::parse("name", &body.name)?;
            let permit = call.require::<access::CancelExecution>(&self.policy, &name.tenant, &name).await?;
            let cancelled = self.executions.cancel(&permit, &name).await?;
            Ok(execution::to_wire(&cancelled))
        })
        .await
    }
}
