//! What can be done with operations, and what begins them.

use crate::access::actions;
use crate::name::{OperationName, TenantName};

actions! {
    /// Start many executions by one call.
    StartBatch(TenantName) = "batch.start", Execute, "batch";
    /// Read what became of the items of a batch.
    ListBatchItems(OperationName) = "batch.listItems", Read, "batch";
    /// Read an operation.
    GetOperation(OperationName) = "operation.get", Read, "operation";
    /// List operations.
    ListOperations(TenantName) = "operation.list", Read, "operation";
    /// Follow how an operation goes on.
    WatchOperation(OperationName) = "operation.watch", Read, "operation";
    /// Stop an operation.
    CancelOperation(OperationName) = "operation.cancel", Execute, "operation";
}
