//! Operations, batches, and the requests about them.

use std::mem::take;

use api_proto::zona::operation::v1 as pb;
use domain::Result;
use domain::name::{OperationName, PrincipalName, UtilityName};
use domain::operation::{
    Batch, BatchAsked, Counts, DEFAULT_CONCURRENCY, Item, ItemOutcome, MAX_ITEMS, Operation, OperationState, Reported, WatchedOperation,
};

use crate::convert::execution::state_to_wire;
use crate::convert::launch::read_secrets;
use crate::convert::{Violations, WireViolations as _, count, limits, request_key, size, time};

/// Reads the name of a batch whose items are listed.
pub(crate) fn parent(text: &str) -> Result<OperationName> {
    OperationName::parse("parent", text)
}

/// Reads StartBatch: of every item, everything that is wrong with its form.
pub(crate) fn read_start(mut body: pb::StartBatchRequest, caller: &PrincipalName) -> Result<BatchAsked> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("StartBatch", caller, &id, &body, &mut violations);
    let concurrency = match u32::try_from(body.concurrency) {
        Ok(0) => DEFAULT_CONCURRENCY,
        Ok(concurrency) => concurrency,
        Err(_negative) => {
            violations.push("concurrency", "OUT_OF_RANGE", "is negative");
            DEFAULT_CONCURRENCY
        }
    };
    if body.items.len() > MAX_ITEMS {
        violations.push("items", "TOO_MANY", format!("{} items; the limit is {MAX_ITEMS}", body.items.len()));
        body.items.clear();
    }
    let mut items = Vec::with_capacity(body.items.len());
    for (index, item) in body.items.into_iter().enumerate() {
        items.extend(read_item(&format!("items[{index}]"), item, &mut violations)?);
    }
    violations.unless_any(BatchAsked { items, concurrency, request })
}

fn read_item(field: &str, wire: pb::BatchItem, violations: &mut Violations) -> Result<Option<Item>> {
    let utility = violations.take(UtilityName::parse(&format!("{field}.utility"), &wire.utility))?;
    let version = violations.version_number(&format!("{field}.version"), wire.version);
    let secrets = read_secrets(&format!("{field}.secret_parameters"), &wire.secret_parameters, violations)?;
    let timeout = time::read_duration(&format!("{field}.timeout"), wire.timeout, violations);
    let on_output_limit = limits::read_action(&format!("{field}.on_output_limit"), wire.on_output_limit, violations);
    let (params_json, retry_if_lost) = (wire.params_json, wire.retry_if_lost);
    Ok(utility.map(|utility| Item { utility, version, params_json, secrets, timeout, on_output_limit, retry_if_lost }))
}

/// An operation.
pub(crate) fn to_wire(operation: &Operation) -> pb::Operation {
    let failure = operation.failure.as_ref();
    pb::Operation {
        name: operation.name.to_string(),
        creator: operation.creator.principal.to_string(),
        state: state(operation).into(),
        work: Some(pb::operation::Work::Batch(batch(&operation.batch))),
        failure: failure.map(|failure| pb::OperationFailure { reason: failure.reason.clone(), message: failure.message.clone() }),
        request_id: operation.request_id.clone(),
        create_time: Some(time::timestamp(operation.created)),
        update_time: Some(time::timestamp(operation.updated)),
        end_time: operation.ended.map(time::timestamp),
        revision: size(operation.revision.as_u64()),
    }
}

/// What a watcher hears.
pub(crate) fn watched_to_wire(watched: WatchedOperation) -> pb::WatchOperationResponse {
    use pb::watch_operation_response::Message;

    let message = match watched {
        WatchedOperation::Changed(operation) => Message::Operation(to_wire(&operation)),
        WatchedOperation::Heartbeat => Message::Heartbeat(pb::OperationHeartbeat {}),
    };
    pb::WatchOperationResponse { message: Some(message) }
}

/// What became of an item.
pub(crate) fn reported_to_wire(reported: &Reported) -> pb::BatchItemReport {
    let execution = reported.execution.as_ref().map(ToString::to_string).unwrap_or_default();
    let report = pb::BatchItemReport { index: count(reported.index), execution, ..pb::BatchItemReport::default() };
    match &reported.outcome {
        None => pb::BatchItemReport { state: pb::BatchItemState::Waiting.into(), ..report },
        Some(ItemOutcome::Started) => pb::BatchItemReport { state: pb::BatchItemState::Running.into(), ..report },
        Some(ItemOutcome::Refused(refusal)) => pb::BatchItemReport {
            state: pb::BatchItemState::Refused.into(),
            reason: refusal.reason.clone(),
            message: refusal.message.clone(),
            ..report
        },
        Some(ItemOutcome::Ended { state, reason }) => pb::BatchItemReport {
            state: pb::BatchItemState::Ended.into(),
            execution_state: state_to_wire(*state).into(),
            reason: reason.clone().unwrap_or_default(),
            ..report
        },
    }
}

fn state(operation: &Operation) -> pb::OperationState {
    match operation.state {
        OperationState::Running if operation.cancel_asked => pb::OperationState::Cancelling,
        OperationState::Running => pb::OperationState::Running,
        OperationState::Succeeded => pb::OperationState::Succeeded,
        OperationState::Failed => pb::OperationState::Failed,
        OperationState::Cancelled => pb::OperationState::Cancelled,
    }
}

fn batch(batch: &Batch) -> pb::Batch {
    let Counts { succeeded, failed, timed_out, cancelled, denied, lost, refused } = batch.counts;
    pb::Batch {
        total: count(batch.total),
        concurrency: count(batch.concurrency),
        waiting: count(batch.total.saturating_sub(batch.next)),
        running: count(batch.open.len()),
        succeeded: count(succeeded),
        failed: count(failed),
        timed_out: count(timed_out),
        cancelled: count(cancelled),
        denied: count(denied),
        lost: count(lost),
        refused: count(refused),
    }
}
