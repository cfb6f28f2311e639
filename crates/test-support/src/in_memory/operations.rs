//! The port of operations in memory: they lie beside the leases of those who do them.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::lease::Fence;
use domain::name::{OperationId, OperationName};
use domain::operation::{Entry, ITEMS_OF_CHUNK, ItemOutcome, MAX_OPEN, Operation, OperationQuery, OperationRepository, too_many};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use domain::{Error, Result};

use super::executions::{InMemoryExecutionRepository, State};
use super::pages::page;

/// The fault of a step that is stored and not answered.
pub const ADVANCE_ANSWERED: &str = "advance_answered";

fn named(scope: &TenantScope, id: &OperationId) -> OperationName {
    OperationName { tenant: scope.tenant().clone(), operation: id.clone() }
}

fn check_scope(scope: &TenantScope, operation: &Operation) -> Result<()> {
    match operation.name.tenant == *scope.tenant() {
        true => Ok(()),
        false => Err(Error::Internal { context: "an operation of another tenant", source: None }),
    }
}

#[async_trait]
impl OperationRepository for InMemoryExecutionRepository {
    async fn insert(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        entries: &[Entry],
        request: Option<&RequestKey>,
    ) -> Result<Committed<Operation>> {
        self.check("insert_operation")?;
        check_scope(scope, operation)?;
        let now = self.now();
        let operations = &mut self.state().operations;
        if let Some(answered) = request.and_then(|request| operations.answer(scope, request, now)) {
            return Ok(answered);
        }
        if operations.stored.contains_key(&operation.name) {
            return Ok(Committed::Conflict);
        }
        let open = operations.stored.values().filter(|held| held.name.tenant == *scope.tenant() && !held.has_ended()).count();
        if open >= MAX_OPEN {
            return Err(too_many(scope.tenant()));
        }
        operations.stored.insert(operation.name.clone(), operation.clone());
        operations.entries.insert(operation.name.clone(), entries.to_vec());
        if let Some(request) = request {
            operations.requests.remember(scope.tenant(), request, now, operation.name.clone());
        }
        Ok(Committed::Stored)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Operation>>> {
        let now = self.now();
        Ok(self.state().operations.answer(scope, request, now))
    }

    async fn find(&self, scope: &TenantScope, id: &OperationId) -> Result<Found<Operation>> {
        self.check("find_operation")?;
        Ok(Found::of(self.state().operations.stored.get(&named(scope, id)).cloned()))
    }

    async fn list(&self, scope: &TenantScope, query: &OperationQuery, request: &PageRequest) -> Result<Found<Page<Operation>>> {
        let state = self.state();
        let fits = |operation: &&Operation| {
            let is_own = query.creator.as_ref().is_none_or(|creator| operation.creator.principal == *creator);
            operation.name.tenant == *scope.tenant() && is_own
        };
        let items = state.operations.stored.values().rev().filter(fits).cloned().collect();
        let key = |one: &Operation| (0, one.name.operation.to_string());
        page(items, request, "operation", key, |a, b| a.1 < b.1).map(Found::one)
    }

    async fn entries(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> Result<Vec<Entry>> {
        self.check("entries")?;
        let state = self.state();
        let all = state.operations.entries.get(&named(scope, id)).map(Vec::as_slice).unwrap_or_default();
        Ok(all.chunks(ITEMS_OF_CHUNK as usize).nth(chunk as usize).map(<[Entry]>::to_vec).unwrap_or_default())
    }

    async fn outcomes(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> Result<Vec<ItemOutcome>> {
        self.check("outcomes")?;
        Ok(self.state().operations.outcomes.get(&(named(scope, id), chunk)).cloned().unwrap_or_default())
    }

    async fn advance(&self, scope: &TenantScope, operation: &Operation, outcomes: &[(u32, Vec<ItemOutcome>)]) -> Result<bool> {
        self.check("advance")?;
        check_scope(scope, operation)?;
        let operations = &mut self.state().operations;
        let Some(held) = operations.stored.get_mut(&operation.name) else { return Ok(false) };
        if held.has_ended() || held.fence != operation.fence {
            return Ok(false);
        }
        *held = Operation { cancel_asked: held.cancel_asked, ..operation.clone() };
        for (chunk, outcomes) in outcomes {
            operations.outcomes.insert((operation.name.clone(), *chunk), outcomes.clone());
        }
        if operation.has_ended() {
            operations.entries.remove(&operation.name);
        }
        // It is stored, and nobody hears so.
        self.check(ADVANCE_ANSWERED).map(|()| true)
    }

    async fn ask_cancel(&self, scope: &TenantScope, id: &OperationId) -> Result<()> {
        self.check("ask_cancel")?;
        if let Some(held) = self.state().operations.stored.get_mut(&named(scope, id)).filter(|held| !held.has_ended()) {
            held.cancel_asked = true;
        }
        Ok(())
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> Result<Vec<Operation>> {
        self.check("abandoned_operations")?;
        let state = self.state();
        let State { leases, operations, .. } = &*state;
        let left = operations.stored.values().filter(|held| !held.has_ended() && !leases.protect(&held.fence, now));
        Ok(left.take(limit as usize).cloned().collect())
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &OperationId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> Result<Option<Operation>> {
        self.check("take_over_operation")?;
        let mut state = self.state();
        let State { leases, operations, .. } = &mut *state;
        let Some(held) = operations.stored.get_mut(&named(scope, id)).filter(|held| !held.has_ended()) else { return Ok(None) };
        if held.fence != *to && (held.fence != *from || leases.protect(from, now)) {
            return Ok(None);
        }
        held.fence = to.clone();
        Ok(Some(held.clone()))
    }

    async fn prune(&self, ended_before: Timestamp) -> Result<bool> {
        self.check("prune_operations")?;
        let operations = &mut self.state().operations;
        let is_old = |held: &Operation| held.ended.is_some_and(|ended| ended < ended_before);
        let old: Vec<_> = operations.stored.values().filter(|held| is_old(held)).map(|held| held.name.clone()).collect();
        for name in old {
            operations.stored.remove(&name);
            operations.outcomes.retain(|(operation, _), _| *operation != name);
        }
        Ok(false)
    }
}
