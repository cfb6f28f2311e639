//! `zona.operation.v1`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::operation::v1 as pb;
use domain::name::OperationName;
use domain::operation::{Operations, actions};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, WireViolations as _, operation, utility};
use crate::handler::Handler;
use crate::perform::Permitted;
use crate::stream::{Messages, while_standing};

/// Handles the methods of OperationService and BatchService.
pub(crate) type OperationHandler = Handler<Operations>;

#[tonic::async_trait]
impl pb::operation_service_server::OperationService for OperationHandler {
    type WatchOperationStream = Messages<pb::WatchOperationResponse>;

    async fn get_operation(&self, request: Request<pb::GetOperationRequest>) -> Result<Response<pb::Operation>, Status> {
        let name = |body: &pb::GetOperationRequest| OperationName::parse("name", &body.name);
        self.perform(request, name, |operations, Permitted { permit, .. }: Permitted<actions::GetOperation, _>| async move {
            Ok(operation::to_wire(&operations.get(&permit).await?))
        })
        .await
    }

    async fn list_operations(&self, request: Request<pb::ListOperationsRequest>) -> Result<Response<pb::ListOperationsResponse>, Status> {
        let name = |body: &pb::ListOperationsRequest| utility::parent(&body.parent);
        self.perform(request, name, |operations, Permitted { permit, mut body, .. }: Permitted<actions::ListOperations, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListOperations", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (operations, permit) = (&operations, &permit);
            let list = |page| async move { operations.list(permit, &page).await };
            let (operations, next_page_token) = paging.collect(list, operation::to_wire).await?;
            Ok(pb::ListOperationsResponse { operations, next_page_token })
        })
        .await
    }

    async fn watch_operation(&self, request: Request<pb::WatchOperationRequest>) -> Result<Response<Self::WatchOperationStream>, Status> {
        let name = |body: &pb::WatchOperationRequest| OperationName::parse("name", &body.name);
        self.perform(request, name, |operations, permitted: Permitted<actions::WatchOperation, _>| async move {
            let Permitted { permit, body, call, standing } = permitted;
            let mut violations = Violations::default();
            let after = violations.sequence("after_revision", body.after_revision);
            let after = violations.unless_any(after)?;
            let watch = operations.watch(permit, after).await?;
            let refusing = call.clone();
            let messages = watch.map(move |item| item.map(operation::watched_to_wire).map_err(|error| refusing.refuse(&error)));
            Ok(while_standing(call, standing, messages))
        })
        .await
    }

    async fn cancel_operation(&self, request: Request<pb::CancelOperationRequest>) -> Result<Response<pb::Operation>, Status> {
        let name = |body: &pb::CancelOperationRequest| OperationName::parse("name", &body.name);
        self.perform(request, name, |operations, Permitted { permit, .. }: Permitted<actions::CancelOperation, _>| async move {
            Ok(operation::to_wire(&operations.cancel(&permit).await?))
        })
        .await
    }
}

#[tonic::async_trait]
impl pb::batch_service_server::BatchService for OperationHandler {
    async fn start_batch(&self, request: Request<pb::StartBatchRequest>) -> Result<Response<pb::Operation>, Status> {
        let name = |body: &pb::StartBatchRequest| utility::parent(&body.parent);
        self.perform(request, name, |operations, Permitted { permit, body, .. }: Permitted<actions::StartBatch, _>| async move {
            let asked = operation::read_start(body, permit.principal())?;
            Ok(operation::to_wire(&operations.start_batch(&permit, asked).await?))
        })
        .await
    }

    async fn list_batch_items(&self, request: Request<pb::ListBatchItemsRequest>) -> Result<Response<pb::ListBatchItemsResponse>, Status> {
        let name = |body: &pb::ListBatchItemsRequest| operation::parent(&body.parent);
        self.perform(request, name, |operations, Permitted { permit, mut body, .. }: Permitted<actions::ListBatchItems, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListBatchItems", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (operations, permit) = (&operations, &permit);
            let list = |page| async move { operations.report(permit, &page).await };
            let (items, next_page_token) = paging.collect(list, operation::reported_to_wire).await?;
            Ok(pb::ListBatchItemsResponse { items, next_page_token })
        })
        .await
    }
}
