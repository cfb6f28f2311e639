//! What is archived of executions in memory.

use async_trait::async_trait;
use domain::Result;
use domain::access::TenantScope;
use domain::archive::{ArchiveRepository, ObjectId, Piece};
use domain::name::{ExecutionId, ExecutionName};

use super::executions::InMemoryExecutionRepository;

#[async_trait]
impl ArchiveRepository for InMemoryExecutionRepository {
    async fn archivable(&self, after: Option<&ExecutionName>, limit: u32) -> Result<Vec<ExecutionName>> {
        self.check("archivable")?;
        let after = after.map(|name| (name.tenant.clone(), name.execution.clone()));
        let state = self.state();
        let behind = state.archivable().filter(|key| after.as_ref().is_none_or(|after| *key > after));
        let name = |(tenant, execution): &(_, ExecutionId)| ExecutionName { tenant: Clone::clone(tenant), execution: execution.clone() };
        Ok(behind.take(limit as usize).map(name).collect())
    }

    async fn archive(&self, scope: &TenantScope, id: &ExecutionId, pieces: &[Piece]) -> Result<bool> {
        self.check("archive")?;
        let key = (scope.tenant().clone(), id.clone());
        let mut state = self.state();
        let may_be = !pieces.is_empty() && state.archivable().any(|archivable| *archivable == key);
        if may_be {
            state.archive(key, pieces);
        }
        Ok(may_be)
    }

    async fn piece_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64) -> Result<Option<Piece>> {
        self.check("piece_after")?;
        let state = self.state();
        let archived = state.archived.get(&(scope.tenant().clone(), id.clone()));
        Ok(archived.and_then(|archived| archived.pieces.iter().find(|piece| piece.last > sequence).cloned()))
    }

    async fn unnamed(&self, scope: &TenantScope, objects: &[ObjectId]) -> Result<Vec<ObjectId>> {
        self.check("unnamed")?;
        let state = self.state();
        let of_tenant = state.archived.iter().filter(|((tenant, _), _)| tenant == scope.tenant());
        let named: Vec<&ObjectId> = of_tenant.flat_map(|(_, archived)| archived.pieces.iter().map(|piece| &piece.object)).collect();
        Ok(objects.iter().filter(|object| !named.contains(object)).cloned().collect())
    }
}
