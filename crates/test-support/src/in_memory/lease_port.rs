//! The port of leases in memory: they lie in the executions' store.

use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal, acquire, renew};
use domain::time::Timestamp;

use super::executions::InMemoryExecutionRepository;

#[async_trait]
impl LeaseRepository for InMemoryExecutionRepository {
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> Result<Acquisition> {
        self.faults().check("acquire")?;
        let leases = &mut self.state().leases;
        let outcome = acquire(leases.held.get(name).cloned(), name, holder, leases.token + 1, now, term);
        if let Acquisition::Acquired(lease) = &outcome {
            leases.token += 1;
            leases.held.insert(name.clone(), lease.clone());
        }
        Ok(outcome)
    }

    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> Result<Renewal> {
        self.faults().check("renew")?;
        let leases = &mut self.state().leases;
        let outcome = renew(leases.held.get(name).cloned(), fence, now, term);
        if let Renewal::Renewed(lease) = &outcome {
            leases.held.insert(name.clone(), lease.clone());
        }
        Ok(outcome)
    }

    async fn release(&self, name: &LeaseName, fence: &Fence) -> Result<()> {
        self.faults().check("release")?;
        let leases = &mut self.state().leases;
        if leases.held.get(name).is_some_and(|lease| lease.fence == *fence) {
            leases.held.remove(name);
        }
        Ok(())
    }

    async fn find(&self, name: &LeaseName) -> Result<Option<Lease>> {
        self.faults().check("find_lease")?;
        Ok(self.state().leases.held.get(name).cloned())
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<Lease>> {
        self.faults().check("expired")?;
        let state = self.state();
        let mut expired: Vec<Lease> = state.leases.held.values().filter(|lease| !lease.in_force(now)).cloned().collect();
        expired.sort_by_key(|lease| lease.expires);
        expired.truncate(limit as usize);
        Ok(expired)
    }
}
