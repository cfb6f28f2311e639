//! What every store that seals promises of a tenant whose keys are destroyed: nothing of it opens any more, nothing of others has
//! changed, its audit log is as it was, and what is left goes.

use domain::access::TenantScope;
use domain::archive::{ArchiveRepository, ObjectId, Piece, Reference};
use domain::audit::{AuditRepository, StoredRecord};
use domain::execution::ExecutionRepository;
use domain::name::ExecutionName;
use domain::retention::{Due, RetentionStore};
use domain::tenant::{Tenant, TenantChange, TenantRepository, TenantState};
use domain::utility::UtilityRepository;

use crate::archive_repository::done;
use crate::audit_repository::entry;
use crate::sample::{at, creation, scope, utility, utility_id};

/// A store with all that is sealed in it.
pub trait Store: ArchiveRepository + AuditRepository + ExecutionRepository + RetentionStore + TenantRepository + UtilityRepository {}

impl<T> Store for T where
    T: ArchiveRepository + AuditRepository + ExecutionRepository + RetentionStore + TenantRepository + UtilityRepository
{
}

/// Events of output, more than stays in a store.
const EVENTS: u64 = 6;

/// Fills two tenants, destroys the keys of one, and has its rest removed.
pub async fn nothing_of_a_shredded_tenant_opens_and_its_log_and_others_are_as_they_were(store: &impl Store) {
    let (acme, beta) = (scope("acme"), scope("beta"));
    store.ensure(&[acme.tenant().clone(), beta.tenant().clone()], at(1)).await.expect("made");
    let (mine, others) = (filled(store, &acme, 1).await, filled(store, &beta, 2).await);
    let before = (records(store, &acme).await, records(store, &beta).await);
    assert!(!before.0.is_empty());
    assert_eq!(refused(store, &acme, &mine).await, [None; 4]);
    // One that is not at the revision destroys nothing.
    let deleted = turned(store, &acme, |tenant| Tenant { state: TenantState::Deleted, closed: Some(at(2)), ..tenant }, false).await;
    let stale = TenantChange { expected: deleted.revision.next(), tenant: deleted.clone(), db_password: None, shreds: true, request: None };
    TenantRepository::commit(store, &acme, stale).await.expect("asked");
    assert_eq!(refused(store, &acme, &mine).await, [None; 4]);
    for _ in 0..2 {
        turned(store, &acme, |tenant| Tenant { purged: Some(at(3)), ..tenant }, true).await;
        assert_eq!(refused(store, &acme, &mine).await, [Some("TENANT_PURGED"); 4]);
        assert_eq!(refused(store, &beta, &others).await, [None; 4]);
        assert_eq!((records(store, &acme).await, records(store, &beta).await), before);
    }
    let tenant = tenant(store, &acme).await;
    assert!(tenant.is_to_be_purged(at(3)) && tenant.begin_purge(at(4)).is_none());
    assert!(RetentionStore::is_due(store, &acme, Due::Everything).await.expect("looked"));
    while store.remove_some(&acme, Due::Everything, tenant.revision).await.expect("removed").more {}
    assert!(!RetentionStore::is_due(store, &acme, Due::Everything).await.expect("looked"));
    assert_eq!(refused(store, &beta, &others).await, [None; 4]);
    assert_eq!((records(store, &acme).await, records(store, &beta).await), before);
}

/// A utility, two executions with output, of which one is archived, and records.
async fn filled(store: &impl Store, scope: &TenantScope, number: u64) -> [ExecutionName; 2] {
    UtilityRepository::commit(store, scope, creation(utility(scope, "extract"))).await.expect("stored");
    let names = [done(store, scope, number, EVENTS).await, done(store, scope, number + 10, EVENTS).await];
    let object = ObjectId::parse(&format!("{number:064x}")).expect("these are its digits");
    let piece = Piece { first: 1, last: EVENTS, object, reference: Reference::new(vec![7; 33]) };
    assert!(store.archive(scope, &names[1].execution, &[piece]).await.expect("archived"));
    let entries = (0..3).map(|place| entry(scope.tenant().as_str(), number * 100 + place)).collect();
    AuditRepository::append(store, entries).await.expect("recorded");
    names
}

/// Why code, what an execution gives, output, and what opens archived output cannot be read, each; nothing where it can.
async fn refused(store: &impl Store, scope: &TenantScope, [plain, archived]: &[ExecutionName; 2]) -> [Option<&'static str>; 4] {
    [
        store.find_current(scope, &utility_id("extract")).await.err().map(|error| error.reason()),
        ExecutionRepository::find(store, scope, &plain.execution).await.err().map(|error| error.reason()),
        store.events_after(scope, &plain.execution, 0, 1).await.err().map(|error| error.reason()),
        store.piece_after(scope, &archived.execution, 0).await.err().map(|error| error.reason()),
    ]
}

async fn tenant(store: &impl Store, scope: &TenantScope) -> Tenant {
    TenantRepository::find(store, scope).await.expect("read").open_for_system().expect("it is there")
}

async fn turned(store: &impl Store, scope: &TenantScope, to: impl Fn(Tenant) -> Tenant, shreds: bool) -> Tenant {
    let old = tenant(store, scope).await;
    let tenant = Tenant { revision: old.revision.next(), ..to(old.clone()) };
    let change = TenantChange { expected: old.revision, tenant: tenant.clone(), db_password: None, shreds, request: None };
    TenantRepository::commit(store, scope, change).await.expect("stored");
    tenant
}

/// The bytes that the tree of the log is built over.
async fn records(store: &impl Store, scope: &TenantScope) -> Vec<StoredRecord> {
    store.records_from(scope, 0, usize::MAX).await.expect("read")
}
