//! The first commit of an execution: it is stored, as one that runs here or as one that waits, and the intent of its call with it, in each log
//! that it stands in.

use crate::access::TenantScope;
use crate::audit::CarriedIntent;
use crate::error::{ErrorKind, Result};
use crate::execution::ports::Shared;
use crate::execution::{Enqueued, Execution, Room};
use crate::request::{Committed, RequestKey};
use crate::schedule::Firing;

/// Stores one that runs here.
pub(super) async fn insert(
    shared: &Shared,
    scope: &TenantScope,
    execution: &Execution,
    request: Option<&RequestKey>,
    mut intent: Option<CarriedIntent>,
    firing: Option<&Firing>,
) -> Result<Committed<Execution>> {
    let audited = intent.is_some();
    let carried = intent.as_mut().map_or(&[][..], CarriedIntent::to_store);
    refused_with(audited, shared.ports.executions.insert(scope, execution, request, carried, firing).await)
}

/// Stores one that waits.
pub(super) async fn enqueue(
    shared: &Shared,
    scope: &TenantScope,
    execution: &Execution,
    (request, firing): (Option<&RequestKey>, Option<&Firing>),
    mut intent: Option<CarriedIntent>,
    room: Room,
) -> Result<Enqueued> {
    let audited = intent.is_some();
    let carried = intent.as_mut().map_or(&[][..], CarriedIntent::to_store);
    refused_with(audited, shared.ports.queue.enqueue(scope, execution, request, carried, firing, room).await)
}

/// What the caller is told of a commit that was refused, and an intent with it.
fn refused_with<T>(audited: bool, committed: Result<T>) -> Result<T> {
    committed.map_err(|error| match error.kind() {
        ErrorKind::Unavailable if audited => CarriedIntent::refused(error),
        _ => error,
    })
}
