//! Executions that wait, in memory: those of the repository that nobody holds.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Result;
use domain::access::TenantScope;
use domain::audit::Entry;
use domain::execution::{Claimed, Enqueued, Execution, ExecutionQueue, Room};
use domain::lease::Fence;
use domain::name::{ExecutionId, TenantId};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;

use super::executions::{InMemoryExecutionRepository, State, key};

/// What fails, or lets something happen, once a claim is stored and before it is answered.
pub const CLAIM_ANSWERED: &str = "claim_answered";

#[async_trait]
impl ExecutionQueue for InMemoryExecutionRepository {
    async fn enqueue(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
        room: Room,
    ) -> Result<Enqueued> {
        self.faults().check("enqueue")?;
        if !intents.is_empty() {
            self.faults().check("append_audit")?;
        }
        let (key, now) = (key(scope, execution)?, self.now());
        let mut state = self.state();
        intents.iter().for_each(|intent| state.audit.add(intent.clone()));
        if let Some(answered) = request.and_then(|request| state.answer(scope, request, now)) {
            return Ok(Enqueued::Committed(answered));
        }
        if state.executions.contains_key(&key) || firing.is_some_and(|firing| !state.schedules.admits(firing)) {
            return Ok(Enqueued::Committed(Committed::Conflict));
        }
        if waiting(&state).filter(|waiting| waiting.name.tenant == *scope.tenant()).count() >= room.of_tenant as usize {
            return Ok(Enqueued::TenantFull);
        }
        if waiting(&state).count() >= room.in_all as usize {
            return Ok(Enqueued::Full);
        }
        firing.into_iter().for_each(|firing| state.schedules.fire(firing));
        if let Some(request) = request {
            state.requests.remember(scope.tenant(), request, now, key.1.clone());
        }
        state.executions.insert(key, (execution.clone(), Vec::new()));
        Ok(Enqueued::Committed(Committed::Stored))
    }

    async fn tenants_waiting(&self, after: Option<&TenantId>, limit: u32) -> Result<Vec<TenantId>> {
        self.faults().check("tenants_waiting")?;
        let state = self.state();
        let tenants: BTreeSet<_> = waiting(&state).map(|execution| execution.name.tenant.clone()).collect();
        Ok(tenants.into_iter().filter(|tenant| after.is_none_or(|after| tenant > after)).take(limit as usize).collect())
    }

    async fn waiting(&self, scope: &TenantScope, after: Option<&ExecutionId>, limit: u32) -> Result<Vec<ExecutionId>> {
        self.faults().check("waiting")?;
        let state = self.state();
        let own = waiting(&state).map(|execution| &execution.name).filter(|name| name.tenant == *scope.tenant());
        let ids = own.map(|name| name.execution.clone());
        Ok(ids.filter(|id| after.is_none_or(|after| id > after)).take(limit as usize).collect())
    }

    async fn claim(&self, scope: &TenantScope, id: &ExecutionId, to: &Fence) -> Result<Option<Claimed>> {
        self.faults().check("claim")?;
        let claimed = {
            let state = &mut *self.state();
            let key = (scope.tenant().clone(), id.clone());
            let Some((held, _)) = state.executions.get_mut(&key).filter(|(held, _)| held.is_waiting()) else { return Ok(None) };
            held.fence = to.clone();
            Claimed { execution: held.clone(), stop_asked: state.stops_asked.contains(&key) }
        };
        // It is stored, and whoever asked may not hear of it. Without the lock: what happens meanwhile may ask for more.
        self.faults().check(CLAIM_ANSWERED)?;
        Ok(Some(claimed))
    }

    async fn put_back(&self, execution: &Execution, from: &Fence) -> Result<bool> {
        self.faults().check("put_back")?;
        let mut state = self.state();
        let key = (execution.name.tenant.clone(), execution.name.execution.clone());
        let held = state.executions.get_mut(&key).map(|(held, _)| held);
        let Some(held) = held.filter(|held| held.fence == *from && !held.state.is_terminal()) else { return Ok(false) };
        *held = execution.clone();
        Ok(true)
    }
}

/// What waits, in the order of keys.
fn waiting(state: &State) -> impl Iterator<Item = &Execution> {
    state.executions.values().map(|(execution, _)| execution).filter(|execution| execution.is_waiting())
}
