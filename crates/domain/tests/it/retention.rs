//! The job that removes what has been kept long enough: by what each tenant has settled, and never under a legal hold.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::access::TenantScope;
use domain::audit::{AuditQuery, AuditRepository as _, Outcome, Removal};
use domain::lease::InstanceId;
use domain::page::PageRequest;
use domain::retention::{Due, Removed, Retention, RetentionConfig, RetentionPorts, RetentionStore, Step};
use domain::revision::Revision;
use domain::tenant::actions::DeleteTenant;
use domain::tenant::{PURGED_AFTER, TenantPatch};
use domain::time::Timestamp;
use test_support::{FakeTree, RecordedIncidents, UtcCalendar, sample};

use crate::installation::{Installed, ROOT, tenant};

/// Whether a thing whose time began then goes, beside so many others.
type Goes = Box<dyn Fn(Timestamp, usize) -> bool>;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Things of a tenant that are kept, by kind, each with when its time began; a step removes one.
#[derive(Default)]
struct Kept {
    things: Mutex<BTreeMap<(String, &'static str), Vec<Timestamp>>>,
    tidied: Mutex<u32>,
}

impl Kept {
    fn keep(&self, tenant: &str, kind: &'static str, since: Timestamp) {
        self.things.lock().unwrap().entry((tenant.to_owned(), kind)).or_default().push(since);
    }

    fn left(&self, tenant: &str, kind: &'static str) -> usize {
        self.things.lock().unwrap().get(&(tenant.to_owned(), kind)).map_or(0, Vec::len)
    }

    /// The kind, and whether a thing of it has been kept long enough beside so many others.
    fn judge(due: Due) -> (&'static str, Goes) {
        match due {
            Due::Executions(before) => ("executions", Box::new(move |since, _| since < before)),
            Due::Output(before) => ("output", Box::new(move |since, _| since < before)),
            Due::OutputBeyond(most) => ("output", Box::new(move |_, all| all as u64 > most)),
            Due::DeletedUtilities(before) => ("utilities", Box::new(move |since, _| since < before)),
            Due::Everything => ("everything", Box::new(|_, _| true)),
        }
    }

    fn find(&self, scope: &TenantScope, due: Due) -> Option<((String, &'static str), usize)> {
        let (kind, goes) = Kept::judge(due);
        let (key, things) = ((scope.tenant().to_string(), kind), self.things.lock().unwrap());
        let found = things.get(&key)?;
        let at = found.iter().position(|since| goes(*since, found.len()))?;
        Some((key, at))
    }
}

#[async_trait]
impl RetentionStore for Kept {
    async fn is_due(&self, scope: &TenantScope, due: Due) -> Result<bool> {
        Ok(self.find(scope, due).is_some())
    }

    async fn remove_some(&self, scope: &TenantScope, due: Due, _judged: Revision) -> Result<Step> {
        let Some((key, at)) = self.find(scope, due) else { return Ok(Step::default()) };
        let kind = key.1;
        self.things.lock().unwrap().entry(key).or_default().remove(at);
        let removed = match kind {
            "executions" => Removed { executions: 1, ..Removed::default() },
            "output" => Removed { output_bytes: 1, ..Removed::default() },
            _ => Removed { utilities: 1, ..Removed::default() },
        };
        Ok(Step { removed, more: self.find(scope, due).is_some() })
    }

    async fn tidy_some(&self) -> Result<bool> {
        let mut tidied = self.tidied.lock().unwrap();
        *tidied += 1;
        Ok(*tidied < 3)
    }
}

struct Keeping {
    installed: Installed,
    kept: Arc<Kept>,
    incidents: Arc<RecordedIncidents>,
}

impl Keeping {
    async fn new() -> Self {
        let keeping = Keeping { installed: Installed::new().await, kept: Arc::default(), incidents: Arc::default() };
        // So that there are days before today.
        keeping.installed.clock.advance(DAY * 100);
        keeping
    }

    fn job(&self, instance: &str) -> Retention {
        let Installed { executions, kept_tenants, clock, auditor, .. } = &self.installed;
        let tree = Arc::new(FakeTree::new(executions.clone()));
        let ports = RetentionPorts {
            tenants: kept_tenants.clone(),
            executions: executions.clone(),
            store: self.kept.clone(),
            leases: executions.clone(),
            calendar: Arc::new(UtcCalendar),
            auditor: auditor.clone(),
            audit: Removal { repository: executions.clone(), tree, auditor: auditor.clone() },
            incidents: self.incidents.clone(),
            clock: clock.clone(),
        };
        let instance = InstanceId::new(instance);
        Retention::new(ports, RetentionConfig { instance, keep: DAY * 30, max_output_bytes: u64::MAX })
    }

    async fn run(&self) -> Removed {
        self.job("first").run().await.unwrap().expect("no other server does it")
    }

    /// So many days ago, and a little.
    fn ago(&self, days: u32) -> Timestamp {
        self.installed.now().minus(DAY * days).minus(Duration::from_millis(1))
    }

    /// What the log of a tenant says of removals: the action and its outcome, oldest first.
    async fn recorded(&self, tenant: &str) -> Vec<(String, Outcome)> {
        let page = PageRequest { size: 100, after: None };
        let found = self.installed.executions.list(&sample::scope(tenant), &AuditQuery::default(), &page).await.unwrap();
        let mut records = found.open_for_system().map(|page| page.items).unwrap_or_default();
        records.sort_by_key(|record| record.sequence);
        records.into_iter().map(|record| (record.entry.action, record.entry.outcome)).collect()
    }
}

fn days(days: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(days)
}

#[tokio::test]
async fn what_a_tenant_has_settled_goes_step_by_step_and_its_log_says_what_went() {
    let keeping = Keeping::new().await;
    for age in [1, 8, 10, 20] {
        keeping.kept.keep("acme", "executions", keeping.ago(age));
        keeping.kept.keep("beta", "executions", keeping.ago(age));
    }
    keeping.kept.keep("acme", "output", keeping.ago(3));
    keeping.kept.keep("acme", "utilities", keeping.ago(50));
    keeping.kept.keep("acme", "utilities", keeping.ago(5));
    keeping.installed.kept_tenants.settle("acme", |settings| {
        settings.keep.executions = days(9);
        settings.keep.output = days(2);
        settings.keep.deleted_utilities = days(30);
    });
    let removed = keeping.run().await;
    assert_eq!((removed.executions, removed.output_bytes, removed.utilities), (2, 1, 1));
    let left = |tenant, kind| keeping.kept.left(tenant, kind);
    assert_eq!((left("acme", "executions"), left("acme", "utilities"), left("beta", "executions")), (2, 1, 4));
    let retained = |outcome| ("tenant.retain".to_owned(), outcome);
    assert_eq!(keeping.recorded("acme").await, [retained(Outcome::Intent), retained(Outcome::Allowed)]);
    assert!(keeping.recorded("beta").await.is_empty(), "of whom nothing is due, nothing is recorded");
    assert_eq!(keeping.run().await, Removed::default());
    assert_eq!(keeping.recorded("acme").await.len(), 2);
}

#[tokio::test]
async fn output_beyond_what_a_tenant_may_have_goes_the_oldest_first() {
    let keeping = Keeping::new().await;
    for age in [3, 2, 1] {
        keeping.kept.keep("acme", "output", keeping.ago(age));
    }
    keeping.installed.kept_tenants.settle("acme", |settings| settings.quota.output_bytes = NonZeroU64::new(1));
    assert_eq!(keeping.run().await.output_bytes, 2);
    assert_eq!(keeping.kept.left("acme", "output"), 1);
}

#[tokio::test]
async fn a_deleted_tenant_goes_in_its_time_and_is_marked_before_anything_of_it_does() {
    let keeping = Keeping::new().await;
    keeping.kept.keep("beta", "everything", keeping.ago(1));
    let permit = keeping.installed.by::<DeleteTenant>(ROOT, tenant("beta")).await.unwrap();
    keeping.installed.tenants.delete(&permit, TenantPatch::default()).await.unwrap();
    keeping.run().await;
    assert_eq!(keeping.kept.left("beta", "everything"), 1, "it is kept for a while");
    keeping.installed.clock.advance(PURGED_AFTER);
    assert_eq!(keeping.run().await.utilities, 1);
    assert_eq!(keeping.kept.left("beta", "everything"), 0);
    let found = domain::tenant::TenantRepository::find(keeping.installed.kept_tenants.as_ref(), &sample::scope("beta")).await.unwrap();
    assert_eq!(found.open_for_system().and_then(|tenant| tenant.purged), Some(keeping.installed.now()));
    let purged: Vec<_> = keeping.recorded("beta").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(purged, ["tenant.purge", "tenant.purge"]);
}

#[tokio::test]
async fn a_legal_hold_keeps_everything_and_a_tenant_that_cannot_be_read_holds_up_no_other() {
    let keeping = Keeping::new().await;
    for tenant in ["acme", "beta"] {
        keeping.kept.keep(tenant, "executions", keeping.ago(20));
        keeping.installed.kept_tenants.settle(tenant, |settings| settings.keep.executions = days(9));
    }
    keeping.installed.kept_tenants.settle("beta", |settings| settings.legal_hold = true);
    assert_eq!(keeping.run().await.executions, 1);
    assert_eq!((keeping.kept.left("acme", "executions"), keeping.kept.left("beta", "executions")), (0, 1));
    keeping.kept.keep("acme", "executions", keeping.ago(20));
    keeping.installed.kept_tenants.spoil("beta");
    assert_eq!(keeping.run().await.executions, 1);
    assert_eq!(keeping.incidents.kinds(), ["not-removed"]);
}

#[tokio::test]
async fn records_go_up_to_the_last_checkpoint_of_before_and_what_removed_them_stands_in_the_log() {
    let keeping = Keeping::new().await;
    let (store, clock) = (&keeping.installed.executions, &keeping.installed.clock);
    let old = (0..5).map(|number| test_support::audit_repository::entry("acme", number)).collect();
    store.append(old).await.unwrap();
    let tree = FakeTree::new(store.clone());
    domain::audit::AuditTree::seal(&tree, &sample::scope("acme")).await.unwrap();
    clock.advance(DAY * 40);
    store.append(vec![test_support::audit_repository::entry("acme", 5)]).await.unwrap();
    keeping.installed.kept_tenants.settle("acme", |settings| settings.keep.audit = days(30));
    assert_eq!(keeping.run().await.records, 5);
    let actions: Vec<_> = keeping.recorded("acme").await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions[1..], ["audit.remove", "audit.remove"]);
    assert_eq!(store.first_kept(&sample::scope("acme")).await.unwrap(), 5);
    assert_eq!(keeping.run().await.records, 0, "what is left has time");
}

#[tokio::test]
async fn one_server_of_a_store_removes_at_a_time_and_gives_the_lease_back() {
    let keeping = Keeping::new().await;
    let (first, second) = (keeping.job("first"), keeping.job("second"));
    // The first one is at work: it holds the lease of the job.
    let lease = domain::lease::LeaseName::of_job("retention");
    let executions = &keeping.installed.executions;
    let holder = InstanceId::new("first");
    let now = keeping.installed.now();
    let term = Duration::from_secs(20);
    domain::lease::LeaseRepository::acquire(executions.as_ref(), &lease, &holder, now, term).await.unwrap();
    assert_eq!(second.run().await.unwrap(), None);
    keeping.installed.clock.advance(term);
    assert!(second.run().await.unwrap().is_some(), "whoever has gone holds up nobody for long");
    assert!(first.run().await.unwrap().is_some());
}
