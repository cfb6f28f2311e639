//! The use cases of operations, as all that does something with operations holds them.

use std::sync::Arc;

use crate::execution::Executions;
use crate::name::{ExecutionName, OperationName};
use crate::operation::held::Held;
use crate::operation::repository::OperationRepository;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    pub(super) repository: Arc<dyn OperationRepository>,
    /// What batches start, with the ports that the rest needs, too.
    pub(super) executions: Executions,
    pub(super) held: Held,
}

impl Operations {
    /// Wires the use cases.
    pub fn new(repository: Arc<dyn OperationRepository>, executions: Executions) -> Self {
        Operations { repository, executions, held: Held::default() }
    }
}

/// The execution of an item.
pub(super) fn item_name(operation: &OperationName, index: u32) -> ExecutionName {
    ExecutionName { tenant: operation.tenant.clone(), execution: operation.operation.item(index) }
}
