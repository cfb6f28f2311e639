//! The job that removes, which one server of a store does at a time.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::access::TenantScope;
use crate::audit::{Auditor, FieldChange, Notes, Removal};
use crate::error::Result;
use crate::execution::{Bounds, ExecutionRepository};
use crate::incident::{Incident, Incidents};
use crate::lease::{InstanceId, LeaseRepository};
use crate::name::TenantId;
use crate::page::{MAX_PAGE, PageRequest};
use crate::retention::lease::Held;
use crate::retention::{Due, Removed, RetentionStore, Step};
use crate::tenant::{Calendar, Tenant, TenantQuery, TenantRepository};
use crate::time::{Clock, Timestamp};

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
    Of(&'a TenantScope, Due),
    OfAll(Bounds),
}

/// Tenants of which the bounds of the server remove nothing.
#[derive(Default)]
struct Excepted {
    /// Those that have settled how long they keep executions.
    settled: Vec<TenantId>,
    /// Those on legal hold.
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
        let Some(mut lease) = Held::acquire(leases, clock, &self.config.instance).await? else { return Ok(None) };
        let removed = self.remove(&mut lease).await;
        lease.release().await?;
        removed.map(Some)
    }

    async fn remove(&self, lease: &mut Held) -> Result<Removed> {
        let (mut removed, mut excepted) = (Removed::default(), Excepted::default());
        for tenant in self.tenants().await? {
            excepted.settled.extend(tenant.settings.keep.executions.map(|_| tenant.code.clone()));
            if tenant.settings.legal_hold {
                excepted.held.push(tenant.code);
                continue;
            }
            match self.remove_of(&tenant, lease).await {
                Ok(of_tenant) => removed = removed.and(of_tenant),
                Err(error) => self.ports.incidents.report(&Incident::NotRemoved { tenant: &tenant.code, error: &error }),
            }
        }
        let pruned = self.prune(excepted, lease).await?;
        while lease.is_kept().await? && self.ports.store.tidy_some().await? {}
        Ok(removed.and(pruned))
    }

    /// All tenants, deleted ones included.
    async fn tenants(&self) -> Result<Vec<Tenant>> {
        let (mut all, mut page) = (Vec::new(), PageRequest { size: MAX_PAGE, after: None });
        loop {
            let found = self.ports.tenants.list(TenantQuery { show_deleted: true }, &page).await?.open_for_system();
            let Some(found) = found else { return Ok(all) };
            all.extend(found.items);
            page.after = found.next;
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Removes what a tenant has settled, or all that it had where it was deleted long enough ago.
    async fn remove_of(&self, tenant: &Tenant, lease: &mut Held) -> Result<Removed> {
        let (scope, keep) = (TenantScope::for_system(tenant.code.clone()), tenant.settings.keep);
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
        let tasks = due.into_iter().map(|due| Task::Of(&scope, due)).collect();
        let removed = self.recorded(&tenant.code, action, &tenant.name(), tasks, lease).await?;
        // Last, so that the log still holds what was recorded of the rest; that of a deleted tenant, too: it is all that tells of it.
        let records = match self.due(tenant, keep.audit) {
            Some(before) if lease.is_kept().await? => self.ports.audit.remove(&tenant.code, before).await?,
            _ => 0,
        };
        Ok(removed.and(Removed { records, ..Removed::default() }))
    }

    /// Removes what is beyond the bounds of the server: by its age where nobody has settled another, and by its size.
    async fn prune(&self, excepted: Excepted, lease: &mut Held) -> Result<Removed> {
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
        lease: &mut Held,
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
    async fn do_all(&self, tasks: &[Task<'_>], lease: &mut Held, removed: &mut Removed) -> Result<()> {
        for task in tasks {
            while lease.is_kept().await? {
                let step = self.step(task).await?;
                *removed = removed.and(step.removed);
                if !step.more {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn is_due(&self, task: &Task<'_>) -> Result<bool> {
        match task {
            Task::Of(scope, due) => self.ports.store.is_due(scope, *due).await,
            Task::OfAll(bounds) => self.ports.executions.is_prunable(bounds).await,
        }
    }

    async fn step(&self, task: &Task<'_>) -> Result<Step> {
        match task {
            Task::Of(scope, due) => self.ports.store.remove_some(scope, *due).await,
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

/// What a record says of what was removed.
fn changes(removed: Removed) -> Vec<FieldChange> {
    let said = [("executions", removed.executions), ("output_bytes", removed.output_bytes), ("utilities", removed.utilities)];
    let said = said.into_iter().filter(|(_, number)| *number > 0);
    said.filter_map(|(what, number)| FieldChange::named(what, Some(&number.to_string()), None)).collect()
}
