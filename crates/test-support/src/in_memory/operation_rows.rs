//! What is kept of operations in memory.

use std::collections::BTreeMap;

use domain::access::TenantScope;
use domain::name::OperationName;
use domain::operation::{Entry, ItemOutcome, Operation};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;

use super::requests::{Known, Requests};

/// All operations, with what is asked of their items and what became of these.
#[derive(Default)]
pub(super) struct Operations {
    pub(super) stored: BTreeMap<OperationName, Operation>,
    pub(super) entries: BTreeMap<OperationName, Vec<Entry>>,
    pub(super) outcomes: BTreeMap<(OperationName, u32), Vec<ItemOutcome>>,
    pub(super) requests: Requests<OperationName>,
}

impl Operations {
    pub(super) fn answer(&self, scope: &TenantScope, request: &RequestKey, now: Timestamp) -> Option<Committed<Operation>> {
        Some(match self.requests.find(scope.tenant(), request, now)? {
            Known::Reused => Committed::KeyReused,
            Known::Answered(first) => match self.stored.get(&first) {
                Some(first) => Committed::Answered(Box::new(first.clone())),
                None => Committed::Removed { resource: first.to_string() },
            },
        })
    }
}
