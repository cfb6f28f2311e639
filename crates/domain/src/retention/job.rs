//! The job that removes, which one server of a store does at a time.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{Found, TenantScope};
use crate::audit::{Auditor, FieldChange, Notes, Removal};
use crate::error::Result;
use crate::execution::{Bounds, ExecutionRepository};
use crate::incident::{Incident, Incidents};
use crate::lease::{InstanceId, JobLease, LeaseRepository};
use crate::name::TenantId;
use crate::request::Committed;
use crate::retention::{Due, Removed, RetentionStore, Step};
use crate::revision::Revision;
use crate::tenant::{Calendar, Tenant, TenantChange, TenantRepository};
use crate::time::{Clock, Timestamp};

/// Under whose lease it is done.
const JOB: &str = "retention";
/// What records call the removal of what a tenant has kept long enough, of all that a deleted one had, and of what the server bounds.
const RETAIN: &str = "tenant.retain";
const PURGE: &str = "tenant.purge";
const PRUNE: &str = "execution.prune";

/// Removes what has been kept long enough. Cheap to clone.
#[derive(Clone)]
pub struct Retention {
    ports: Arc<RetentionPorts>,
    config: RetentionConfig,
}

/// The ports of the job.
#[allow(missing_docs, reason = "each field is named like its port")]
pub struct RetentionPorts {
    pub tenants: Arc<dyn TenantRepository>,
    pub executions: Arc<dyn ExecutionRepository>,
    pub store: Arc<dyn RetentionStore>,
    pub leases: Arc<dyn LeaseRepository>,
    pub calendar: Arc<dyn Calendar>,
    pub auditor: Auditor,
    pub audit: Removal,
    pub incidents: Arc<dyn Incidents>,
    pub clock: Arc<dyn Clock>,
}

/// What the server says where tenants say nothing.
#[derive(Debug, Clone)]
pub struct RetentionConfig {
    /// Who does it.
    pub instance: InstanceId,
    /// How long executions are kept.
    pub keep: Duration,
    /// How much output is kept of all tenants together.
    pub max_output_bytes: u64,
}

/// One kind of thing that is to go.
enum Task<'a> {
    /// Of a tenant, as it was when this was judged.
    Of(&'a Tenant, Due),
    OfAll(Bounds),
}

/// Tenants of which the bounds of the server remove nothing.
#[derive(Default)]
struct Excepted {
    /// Those that have settled how long they keep executions.
    settled: Vec<TenantId>,
    /// Those on legal hold, and those that cannot be read, which may be.
    held: Vec<TenantId>,
}

impl Retention {
    /// Wires the job to its ports.
    pub fn new(ports: RetentionPorts, config: RetentionConfig) -> Self {
        Retention { ports: Arc::new(ports), config }
    }

    /// Removes what is due; `None` where another server is doing that. What fails of one tenant is reported, and tried again in the next
    /// run: the others go on.
    ///
    /// # Errors
    /// Those of the store; what was removed until then stays removed.
    pub async fn run(&self) -> Result<Option<Removed>> {
        let (leases, clock) = (Arc::clone(&self.ports.leases), Arc::clone(&self.ports.clock));
        let Some(mut lease) = JobLease::acquire(JOB, leases, clock, &self.config.instance).await? else { return Ok(None) };
        let removed = self.remove(&mut lease).await;
        lease.release().await?;
        removed.map(Some)
    }

    async fn remove(&self, lease: &mut JobLease) -> Result<Removed> {
        let (mut removed, mut excepted) = (Removed::default(), Excepted::default());
        for code in self.ports.tenants.codes().await? {
            if let Err(error) = self.remove_of(&code, lease, &mut removed, &mut excepted).await {
                self.ports.incidents.report(&Incident::NotRemoved { tenant: &code, error: &error });
            }
        }
        let pruned = self.prune(excepted, lease).await?;
        while lease.is_kept().await? && self.ports.store.tidy_some().await? {}
        Ok(removed.and(pruned))
    }

    /// Removes what is due of a tenant, unless it is on legal hold; notes what the bounds of the server except for it.
    async fn remove_of(&self, code: &TenantId, lease: &mut JobLease, removed: &mut Removed, excepted: &mut Excepted) -> Result<()> {
        let found = self.ports.tenants.find(&TenantScope::for_system(code.clone())).await;
        let found = found.map(Found::open_for_system).inspect_err(|_unread| excepted.held.push(code.clone()))?;
        let Some(tenant) = found else { return Ok(()) };
        excepted.settled.extend(tenant.settings.keep.executions.map(|_| code.clone()));
        if tenant.settings.legal_hold {
            excepted.held.push(code.clone());
            return Ok(());
        }
        *removed = removed.and(self.remove_due(&tenant, lease).await?);
        Ok(())
    }

    /// Removes what a tenant has settled, or all that it had where it was deleted long enough ago.
    async fn remove_due(&self, tenant: &Tenant, lease: &mut JobLease) -> Result<Removed> {
        let keep = tenant.settings.keep;
        let (action, due) = match tenant.is_to_be_purged(self.ports.clock.now()) {
            true => (PURGE, vec![Due::Everything]),
            false => {
                let before = |days| self.due(tenant, days);
                let due = [
                    before(keep.executions).map(Due::Executions),
                    before(keep.output).map(Due::Output),
                    tenant.settings.quota.output_bytes.map(|most| Due::OutputBeyond(most.get())),
                    before(keep.deleted_utilities).map(Due::DeletedUtilities),
                ];
                (RETAIN, due.into_iter().flatten().collect())
            }
        };
        let tasks = due.into_iter().map(|due| Task::Of(tenant, due)).collect();
        let removed = self.recorded(&tenant.code, action, &tenant.name(), tasks, lease).await?;
        // Last, so that the log still holds what was recorded of the rest; that of a deleted tenant, too: it is all that tells of it.
        let records = self.remove_records(&tenant.code, lease).await?;
        Ok(removed.and(Removed { records, ..Removed::default() }))
    }

    /// Removes the oldest records of a tenant's log by what the tenant says now: what went before may have taken long, and has changed a
    /// deleted one.
    async fn remove_records(&self, code: &TenantId, lease: &mut JobLease) -> Result<u64> {
        let found = self.ports.tenants.find(&TenantScope::for_system(code.clone())).await?.open_for_system();
        let Some(tenant) = found.filter(|tenant| !tenant.settings.legal_hold) else { return Ok(0) };
        match self.due(&tenant, tenant.settings.keep.audit) {
            Some(before) if lease.is_kept().await? => self.ports.audit.remove(code, before, tenant.revision).await,
            _ => Ok(0),
        }
    }

    /// Removes what is beyond the bounds of the server: by its age where nobody has settled another, and by its size.
    async fn prune(&self, excepted: Excepted, lease: &mut JobLease) -> Result<Removed> {
        let Excepted { settled, held } = excepted;
        let by_age = Bounds {
            ended_before: self.ports.clock.now().minus(self.config.keep),
            max_output_bytes: u64::MAX,
            except: settled.into_iter().chain(held.iter().cloned()).collect(),
        };
        let by_size = Bounds { ended_before: Timestamp::default(), max_output_bytes: self.config.max_output_bytes, except: held };
        self.recorded(&TenantId::system(), PRUNE, &"execution", vec![Task::OfAll(by_age), Task::OfAll(by_size)], lease).await
    }

    /// Does what of the tasks is due between the records of it, in the log of whom it concerns: what cannot be recorded is not done, and
    /// where nothing is due, nothing is recorded.
    async fn recorded(
        &self,
        tenant: &TenantId,
        action: &str,
        resource: &(dyn fmt::Display + Sync),
        tasks: Vec<Task<'_>>,
        lease: &mut JobLease,
    ) -> Result<Removed> {
        let mut due = Vec::new();
        for task in tasks {
            if self.is_due(&task).await? {
                due.push(task);
            }
        }
        if due.is_empty() || !lease.is_kept().await? {
            return Ok(Removed::default());
        }
        let notes = Notes::default();
        let entry = self.ports.auditor.own_entry(tenant.clone(), action, resource);
        let work = async {
            let mut removed = Removed::default();
            let done = self.do_all(&due, lease, &mut removed).await;
            notes.changes(changes(removed));
            done.map(|()| removed)
        };
        self.ports.auditor.own_work(entry, notes.clone(), work).await
    }

    /// What was removed before a failure stays counted.
    async fn do_all(&self, tasks: &[Task<'_>], lease: &mut JobLease, removed: &mut Removed) -> Result<()> {
        for task in tasks {
            let Some(judged) = self.begin(task).await? else { continue };
            while lease.is_kept().await? {
                let step = self.step(task, judged).await?;
                *removed = removed.and(step.removed);
                if !step.more {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The revision of the tenant that each step must find. Before anything of a deleted one goes, that says so itself, so that nobody
    /// resumes what is left of it; `None` where it was changed since it was judged, which the next run judges anew.
    async fn begin(&self, task: &Task<'_>) -> Result<Option<Revision>> {
        let (tenant, begun) = match task {
            Task::Of(tenant, Due::Everything) => (tenant, tenant.begin_purge(self.ports.clock.now())),
            Task::Of(tenant, _) => (tenant, None),
            Task::OfAll(_) => return Ok(Some(Revision::NONE)),
        };
        let Some(begun) = begun else { return Ok(Some(tenant.revision)) };
        let change = TenantChange { expected: tenant.revision, tenant: begun.clone(), db_password: None, shreds: false, request: None };
        let committed = self.ports.tenants.commit(&scope(tenant), change).await?;
        Ok((committed == Committed::Stored).then_some(begun.revision))
    }

    async fn is_due(&self, task: &Task<'_>) -> Result<bool> {
        match task {
            Task::Of(tenant, due) => self.ports.store.is_due(&scope(tenant), *due).await,
            Task::OfAll(bounds) => self.ports.executions.is_prunable(bounds).await,
        }
    }

    async fn step(&self, task: &Task<'_>, judged: Revision) -> Result<Step> {
        match task {
            Task::Of(tenant, due) => self.ports.store.remove_some(&scope(tenant), *due, judged).await,
            Task::OfAll(bounds) => {
                let pruned = self.ports.executions.prune(bounds).await?;
                let removed = Removed { executions: pruned.executions, output_bytes: pruned.output_bytes, ..Removed::default() };
                Ok(Step { removed, more: pruned.more })
            }
        }
    }

    /// What ended before that time has been kept for so many days. A zone that nobody knows any more removes nothing.
    fn due(&self, tenant: &Tenant, days: Option<NonZeroU32>) -> Option<Timestamp> {
        self.ports.calendar.day_begun(&tenant.settings.time_zone, self.ports.clock.now(), days?.get())
    }
}

fn scope(tenant: &Tenant) -> TenantScope {
    TenantScope::for_system(tenant.code.clone())
}

/// What a record says of what was removed.
fn changes(removed: Removed) -> Vec<FieldChange> {
    let said = [("executions", removed.executions), ("output_bytes", removed.output_bytes), ("utilities", removed.utilities)];
    let said = said.into_iter().filter(|(_, number)| *number > 0);
    said.filter_map(|(what, number)| FieldChange::named(what, Some(&number.to_string()), None)).collect()
}
