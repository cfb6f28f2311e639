//! Output of ended executions is archived, read back as it was, and collected once nothing names it: whatever stops in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::access::TenantScope;
use domain::archive::{
    ArchivePorts, ArchiveRepository, Archived, ArchivedExecutions, Archiver, GRACE, ObjectId, Objects, Piece, Reference, StoredObjects,
    WRITTEN_WITHIN,
};
use domain::execution::{Bounds, Event, ExecutionRepository};
use domain::lease::InstanceId;
use domain::name::{ExecutionId, ExecutionName, TenantId};
use domain::time::Timestamp;
use domain::{Error, Result};
use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;
use test_support::archive_repository::done;
use test_support::sample::scope;
use test_support::{FakeClock, InMemoryExecutionRepository, InMemoryObjects, RecordedIncidents};

/// Events of output that are more than stays in the store, and a piece more.
const MANY: u64 = 24;
/// Longer than any lease.
const LATER: Duration = Duration::from_secs(600);

struct World {
    clock: Arc<FakeClock>,
    store: Arc<InMemoryExecutionRepository>,
    objects: Arc<InMemoryObjects>,
    incidents: Arc<RecordedIncidents>,
    /// How many steps the server has left before it dies.
    left: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        World {
            store: Arc::new(InMemoryExecutionRepository::new(clock.clone())),
            objects: Arc::new(InMemoryObjects::new(clock.clone())),
            incidents: Arc::default(),
            left: Arc::new(AtomicI64::new(i64::MAX)),
            clock,
        }
    }

    fn archiver(&self) -> Archiver {
        let ports = ArchivePorts {
            executions: self.store.clone(),
            archive: Arc::new(Mortal { inner: self.store.clone(), left: Arc::clone(&self.left) }),
            objects: Arc::new(Mortal { inner: self.objects.clone(), left: Arc::clone(&self.left) }),
            leases: self.store.clone(),
            incidents: self.incidents.clone(),
            clock: self.clock.clone(),
        };
        Archiver::new(ports, InstanceId::new("one"))
    }

    /// A server that dies after so many steps; another one, later.
    fn dies_after(&self, steps: i64) {
        self.left.store(steps, Ordering::SeqCst);
    }

    fn lives(&self) {
        self.dies_after(i64::MAX);
        self.clock.advance(LATER);
    }

    async fn read(&self, name: &ExecutionName) -> Result<Vec<Event>> {
        let reading = ArchivedExecutions::new(self.store.clone(), self.store.clone(), self.objects.clone());
        let (scope, mut all) = (TenantScope::for_system(name.tenant.clone()), Vec::new());
        loop {
            let after = all.last().map_or(0, |event: &Event| event.sequence);
            let events = reading.events_after(&scope, &name.execution, after, 100_000).await?;
            if events.is_empty() {
                return Ok(all);
            }
            all.extend(events);
        }
    }

    async fn prune_all(&self) {
        let all = Bounds { ended_before: Timestamp::from_millis(u64::MAX), max_output_bytes: u64::MAX, except: Vec::new() };
        self.store.prune(&all).await.unwrap();
    }
}

/// Something of a server that dies before or behind one of its steps: nothing more happens, and nobody is told of the last.
struct Mortal<T: ?Sized> {
    inner: Arc<T>,
    left: Arc<AtomicI64>,
}

impl<T: ?Sized> Mortal<T> {
    fn step(&self) -> Result<()> {
        match self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(()),
            false => Err(Error::unavailable("server", "it is dead")),
        }
    }
}

#[async_trait]
impl ArchiveRepository for Mortal<InMemoryExecutionRepository> {
    async fn archivable(&self, after: Option<&ExecutionName>, limit: u32) -> Result<Vec<ExecutionName>> {
        self.step()?;
        self.inner.archivable(after, limit).await
    }

    async fn archive(&self, scope: &TenantScope, id: &ExecutionId, pieces: &[Piece]) -> Result<bool> {
        self.step()?;
        let archived = self.inner.archive(scope, id, pieces).await?;
        self.step().map(|()| archived)
    }

    async fn piece_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64) -> Result<Option<Piece>> {
        self.step()?;
        self.inner.piece_after(scope, id, sequence).await
    }

    async fn unnamed(&self, scope: &TenantScope, objects: &[ObjectId]) -> Result<Vec<ObjectId>> {
        self.step()?;
        self.inner.unnamed(scope, objects).await
    }
}

#[async_trait]
impl Objects for Mortal<InMemoryObjects> {
    async fn put(&self, execution: &ExecutionName, events: &[Event]) -> Result<(ObjectId, Reference)> {
        self.step()?;
        let put = self.inner.put(execution, events).await?;
        self.step().map(|()| put)
    }

    async fn get(&self, execution: &ExecutionName, piece: &Piece) -> Result<Vec<Event>> {
        self.step()?;
        self.inner.get(execution, piece).await
    }

    fn list(&self) -> StoredObjects {
        match self.step() {
            Ok(()) => self.inner.list(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn remove(&self, tenant: &TenantId, object: &ObjectId) -> Result<()> {
        self.step()?;
        self.inner.remove(tenant, object).await?;
        self.step()
    }
}

#[tokio::test]
async fn what_is_archived_is_read_as_it_was_from_any_place() {
    let world = World::new();
    let name = done(&*world.store, &scope("acme"), 1, MANY).await;
    let before = world.read(&name).await.unwrap();
    assert_eq!(before.len() as u64, MANY + 1);
    assert_eq!(world.archiver().archive().await.unwrap(), Archived { executions: 1, failed: 0 });
    assert!(world.objects.count() > 1, "more than one piece");
    let reading = ArchivedExecutions::new(world.store.clone(), world.store.clone(), world.objects.clone());
    for after in 0..=MANY + 1 {
        let (rest, whole) = (&before[after as usize..], reading.events_after(&scope("acme"), &name.execution, after, 0).await.unwrap());
        assert_eq!(whole, rest[..rest.len().min(1)], "after {after}");
    }
    assert_eq!(world.read(&name).await.unwrap(), before);
    assert_eq!(world.archiver().archive().await.unwrap(), Archived::default(), "once");
}

#[tokio::test]
async fn what_retention_has_removed_is_read_by_nobody_although_its_objects_are_there() {
    let world = World::new();
    let name = done(&*world.store, &scope("acme"), 1, MANY).await;
    world.archiver().archive().await.unwrap();
    let reading = ArchivedExecutions::new(world.store.clone(), world.store.clone(), world.objects.clone());
    assert!(!reading.events_after(&scope("acme"), &name.execution, 0, 1).await.unwrap().is_empty());
    world.prune_all().await;
    assert_eq!(reading.events_after(&scope("acme"), &name.execution, 0, 1).await.unwrap(), [], "nor from what was open in memory");
    assert!(world.objects.count() > 0);
    assert_eq!(world.archiver().collect().await.unwrap(), 0, "they are too new");
    world.clock.advance(GRACE);
    let all = world.objects.count() as u64;
    assert_eq!(world.archiver().collect().await.unwrap(), all);
    assert_eq!(world.objects.count(), 0);
}

#[tokio::test]
async fn what_is_read_again_and_again_stays_open_whatever_others_read() {
    let world = World::new();
    let mut names = Vec::new();
    for number in 1..=9 {
        names.push(done(&*world.store, &scope("acme"), number, MANY).await);
    }
    world.archiver().archive().await.unwrap();
    let reading = ArchivedExecutions::new(world.store.clone(), world.store.clone(), world.objects.clone());
    let read = async |place: usize| reading.events_after(&scope("acme"), &names[place].execution, 0, 1).await.map(drop);
    // Eight stay open; before the ninth is opened, the first is read once more.
    for place in [0, 1, 2, 3, 4, 5, 6, 7, 0, 8] {
        read(place).await.unwrap();
    }
    world.objects.faults().fail_always("get");
    read(0).await.unwrap();
    read(1).await.unwrap_err();
}

#[tokio::test]
async fn an_object_that_is_missing_is_told_and_not_taken_for_no_output() {
    let world = World::new();
    let name = done(&*world.store, &scope("acme"), 1, MANY).await;
    world.archiver().archive().await.unwrap();
    let piece = world.store.piece_after(&scope("acme"), &name.execution, 0).await.unwrap().unwrap();
    world.objects.remove(&name.tenant, &piece.object).await.unwrap();
    assert!(matches!(world.read(&name).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn one_that_cannot_be_archived_keeps_no_other_from_it_and_is_tried_again() {
    let world = World::new();
    for number in 1..=3 {
        done(&*world.store, &scope("acme"), number, MANY).await;
    }
    let archiver = world.archiver();
    world.objects.faults().break_next("put", 1);
    assert_eq!(archiver.archive().await.unwrap(), Archived { executions: 2, failed: 1 });
    assert_eq!(world.incidents.kinds(), ["work-failed"]);
    let objects = world.objects.count();
    assert_eq!(archiver.archive().await.unwrap(), Archived::default(), "it is left alone for a while");
    assert_eq!(world.objects.count(), objects, "and leaves nothing meanwhile");
    world.clock.advance(LATER);
    assert_eq!(archiver.archive().await.unwrap(), Archived { executions: 1, failed: 0 });
}

#[tokio::test]
async fn a_store_that_fails_for_one_execution_keeps_no_other_from_being_archived() {
    let world = World::new();
    for number in 1..=3 {
        done(&*world.store, &scope("acme"), number, MANY).await;
    }
    world.store.faults().fail_next("events_after", 1);
    assert_eq!(world.archiver().archive().await.unwrap(), Archived { executions: 2, failed: 1 });
}

#[tokio::test]
async fn objects_that_are_gone_stop_the_work_and_lose_nothing() {
    let world = World::new();
    let name = done(&*world.store, &scope("acme"), 1, MANY).await;
    let before = world.read(&name).await.unwrap();
    world.objects.faults().fail_always("put");
    world.archiver().archive().await.unwrap_err();
    assert_eq!(world.read(&name).await.unwrap(), before);
    world.objects.faults().heal();
    assert_eq!(world.archiver().archive().await.unwrap().executions, 1);
}

#[tokio::test]
async fn pieces_whose_objects_may_be_collected_by_now_are_not_noted() {
    let world = World::new();
    let name = done(&*world.store, &scope("acme"), 1, MANY).await;
    let before = world.read(&name).await.unwrap();
    let clock = world.clock.clone();
    world.objects.faults().meanwhile("put", move || clock.advance(WRITTEN_WITHIN));
    assert_eq!(world.archiver().archive().await.unwrap(), Archived { executions: 0, failed: 1 });
    assert_eq!(world.store.piece_after(&scope("acme"), &name.execution, 0).await.unwrap(), None);
    assert_eq!(world.read(&name).await.unwrap(), before);
}

#[tokio::test]
async fn a_server_that_dies_between_any_two_steps_loses_no_output_and_leaves_no_object_for_good() {
    let mut steps = 0;
    // As many deaths as there are steps: the last run lives to the end.
    for dies_after in 0.. {
        let world = World::new();
        let names = [1, 2, 3].map(|number| (number, if number == 3 { "beta" } else { "acme" }));
        let mut written = Vec::new();
        for (number, tenant) in names {
            let name = done(&*world.store, &scope(tenant), number, MANY).await;
            written.push((name.clone(), world.read(&name).await.unwrap()));
        }
        world.dies_after(dies_after);
        let lived = world.archiver().archive().await.is_ok_and(|archived| archived.executions == 3);
        check_read(&world, &written).await;
        // What the dead one has left is old by now, and collected by one that dies, too.
        world.clock.advance(GRACE);
        world.dies_after(dies_after);
        let _died = world.archiver().collect().await;
        check_read(&world, &written).await;
        world.lives();
        world.archiver().archive().await.unwrap();
        world.clock.advance(GRACE);
        world.archiver().collect().await.unwrap();
        check_read(&world, &written).await;
        assert_eq!(world.objects.count(), named(&world, &written).await, "dead after {dies_after}: each object is named");
        world.prune_all().await;
        world.archiver().collect().await.unwrap();
        assert_eq!(world.objects.count(), 0, "dead after {dies_after}");
        if lived {
            steps = dies_after;
            break;
        }
    }
    assert!(steps > 12, "it died at {steps} steps only");
}

/// What happens one after the other.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// An execution ends, with so many events.
    Ends(u64),
    /// A server archives, and dies after so many steps.
    Archives(i64),
    /// A server collects, and dies after so many steps.
    Collects(i64),
    /// Retention removes everything that has ended.
    Prunes,
    /// So many hours pass.
    Passes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (1..MANY).prop_map(Happens::Ends),
        (0..40_i64).prop_map(Happens::Archives),
        (0..20_i64).prop_map(Happens::Collects),
        Just(Happens::Prunes),
        (0..30_u64).prop_map(Happens::Passes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_servers_do_and_wherever_they_die_output_is_read_until_it_is_removed(all in prop::collection::vec(happens(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(walk(all));
    }
}

async fn walk(all: Vec<Happens>) {
    let (world, mut written, mut number) = (World::new(), Vec::new(), 0);
    for happens in all {
        world.lives();
        match happens {
            Happens::Ends(events) => {
                number += 1;
                let name = done(&*world.store, &scope(if number % 3 == 0 { "beta" } else { "acme" }), number, events).await;
                written.push((name.clone(), world.read(&name).await.unwrap()));
            }
            Happens::Archives(steps) => {
                world.dies_after(steps);
                // Whether it lived is none of anybody's business: what holds, holds either way.
                drop(world.archiver().archive().await);
            }
            Happens::Collects(steps) => {
                world.dies_after(steps);
                drop(world.archiver().collect().await);
            }
            Happens::Prunes => {
                world.prune_all().await;
                for (name, _) in written.drain(..) {
                    assert_eq!(world.read(&name).await.unwrap(), []);
                }
            }
            Happens::Passes(hours) => world.clock.advance(Duration::from_secs(3_600 * hours)),
        }
        check_read(&world, &written).await;
    }
    world.lives();
    world.clock.advance(GRACE);
    world.archiver().collect().await.unwrap();
    assert_eq!(world.objects.count(), named(&world, &written).await, "nothing is left that nothing names");
}

async fn check_read(world: &World, written: &[(ExecutionName, Vec<Event>)]) {
    for (name, events) in written {
        assert_eq!(world.read(name).await.unwrap(), *events, "{name}");
    }
}

/// How many objects pieces name.
async fn named(world: &World, written: &[(ExecutionName, Vec<Event>)]) -> usize {
    let mut named = 0;
    for (name, _) in written {
        let (scope, mut after) = (TenantScope::for_system(name.tenant.clone()), 0);
        while let Some(piece) = world.store.piece_after(&scope, &name.execution, after).await.unwrap() {
            (named, after) = (named + 1, piece.last);
        }
    }
    named
}
