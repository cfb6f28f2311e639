//! What can be done with executions, starting them from a utility among it.

use crate::access::actions;
use crate::name::{ExecutionName, TenantName, UtilityName};

actions! {
    /// Execute a utility and stream its output.
    ExecuteUtility(UtilityName) = "utility.execute", Execute, "utility";
    /// Send values through a transformer.
    Transform(UtilityName) = "utility.transform", Execute, "utility";
    /// Start an execution without waiting for it.
    StartExecution(UtilityName) = "utility.start", Execute, "utility";
    /// Read an execution.
    GetExecution(ExecutionName) = "execution.get", Read, "execution";
    /// List executions.
    ListExecutions(TenantName) = "execution.list", Read, "execution";
    /// Follow an execution's output.
    WatchExecution(ExecutionName) = "execution.watch", Read, "execution";
    /// Stop an execution.
    CancelExecution(ExecutionName) = "execution.cancel", Execute, "execution";
}
