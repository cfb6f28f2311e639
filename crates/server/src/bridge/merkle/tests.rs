//! The tree over a real store: what is signed verifies, and what somebody has changed in the store is found before it is signed over.

use std::io::Write as _;

use audit::{Fault, Header, Known, checkpoint_line, end_line, record_line, removed_line, verify};
use domain::audit::{Actor, Auditor, BeginningFault, Entry, Outcome, Ports, Removal};
use domain::lease::InstanceId;
use domain::revision::Revision;
use domain::tenant::TenantRepository as _;
use domain::time::Timestamp;
use futures_util::future::{Either, select};
use storage_embedded::{Config, EmbeddedStore};
use telemetry::Metrics;
use tempfile::TempDir;
use test_support::TokioSpawner;

use super::*;
use crate::bridge::incidents::LoggedIncidents;
use crate::system::{SystemClock, UuidIds};

mod report;

pub(crate) struct World {
    directory: TempDir,
    pub(crate) store: Arc<EmbeddedStore>,
    tree: Arc<MerkleTree>,
}

fn scope() -> TenantScope {
    TenantScope::for_system(TenantId::parse("tenant", "acme").unwrap())
}

pub(crate) fn entry(number: u64) -> Entry {
    Entry {
        tenant: scope().tenant().clone(),
        time: Timestamp::from_millis(number),
        until: None,
        count: 1,
        instance: InstanceId::new("one"),
        call: format!("call {number}"),
        actor: Actor::default(),
        method: "/a.B/C".to_owned(),
        action: "utility.get".to_owned(),
        resource: "tenants/acme/utilities/a".to_owned(),
        version: None,
        outcome: Outcome::Allowed,
        reason: String::new(),
        changes: Vec::new(),
        purpose: String::new(),
        request_id: String::new(),
        trace_id: String::new(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        World::of(TempDir::new().unwrap())
    }

    fn of(directory: TempDir) -> Self {
        let config = Config { deadline: std::time::Duration::from_secs(60), ..Config::new(directory.path().join("data")) };
        let store = Arc::new(EmbeddedStore::open(config).unwrap());
        let tree = Arc::new(MerkleTree::new(store.clone(), Key::from_seed(&[7; 32]), "test", Arc::new(SystemClock), Vec::new()));
        World { directory, store, tree }
    }

    async fn append(&self, numbers: std::ops::Range<u64>) {
        self.store.append(numbers.map(entry).collect()).await.unwrap();
    }

    async fn checkpoint(&self) -> domain::audit::Checkpoint {
        self.store.checkpoint(&scope(), u64::MAX).await.unwrap().unwrap()
    }

    /// What `zona audit export` writes.
    async fn export(&self) -> Vec<u8> {
        let (origin, key) = (self.tree.origin(scope().tenant()), AuditTree::key(&*self.tree, scope().tenant()));
        let mut lines = Header::new("acme", origin, vec![key]).line();
        let kept = self.store.first_kept(&scope()).await.unwrap();
        let mut place = 0;
        while place < kept {
            let next = self.store.checkpoint_after(&scope(), place).await.unwrap().unwrap();
            let leaves = self.tree.leaves(&scope(), place, next.size.min(kept)).await.unwrap();
            let bytes: Vec<_> = leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
            lines.write_all(&removed_line(&bytes)).unwrap();
            place += leaves.len() as u64;
            if place == next.size {
                lines.write_all(&checkpoint_line(&next.note)).unwrap();
            }
        }
        let mut checkpoint = self.store.checkpoint_after(&scope(), kept).await.unwrap();
        let records = self.store.records_from(&scope(), 0, usize::MAX).await.unwrap();
        for record in &records {
            lines.write_all(&record_line(&record.bytes)).unwrap();
            let covered = record.sequence + 1;
            if let Some(fits) = checkpoint.take_if(|checkpoint| checkpoint.size == covered) {
                lines.write_all(&checkpoint_line(&fits.note)).unwrap();
                checkpoint = self.store.checkpoint_after(&scope(), covered).await.unwrap();
            }
        }
        lines.write_all(&end_line(kept + records.len() as u64)).unwrap();
        lines
    }

    async fn remove(&self, before: Timestamp) -> Result<u64> {
        self.store.ensure(&[scope().tenant().clone()], Timestamp::from_millis(1)).await.unwrap();
        self.removal().remove(scope().tenant(), before, Revision::FIRST).await
    }

    fn removal(&self) -> Removal {
        let ports = Ports {
            repository: self.store.clone(),
            spawner: Arc::new(TokioSpawner::current()),
            incidents: Arc::new(LoggedIncidents::new(Arc::new(Metrics::new()))),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidIds),
        };
        let auditor = Auditor::new(ports, InstanceId::new("one"));
        Removal { repository: self.store.clone(), tree: self.tree.clone(), auditor }
    }

    /// Somebody changes the database while no server runs.
    pub(crate) async fn tampered(self, sql: &str) -> World {
        self.store.close().await.unwrap();
        let World { directory, store, tree } = self;
        drop((store, tree));
        let database = directory.path().join("data/zona.db");
        let status = std::process::Command::new("python3")
            .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()"])
            .arg(database)
            .arg(sql)
            .status();
        assert!(status.expect("Python is there: it runs utilities").success());
        World::of(directory)
    }
}

#[tokio::test]
async fn what_is_sealed_step_by_step_verifies_as_a_whole() {
    let world = World::new();
    world.tree.seal(&scope()).await.unwrap();
    assert_eq!(world.store.checkpoint(&scope(), u64::MAX).await.unwrap(), None, "nothing to cover");
    for numbers in [0..1, 1..255, 255..300, 300..2_000] {
        let size = numbers.end;
        world.append(numbers).await;
        world.tree.seal(&scope()).await.unwrap();
        assert_eq!(world.checkpoint().await.size, size);
    }
    let report = verify(world.export().await.as_slice(), &Known::default()).unwrap();
    assert_eq!((report.faults, report.records, report.checkpoints), (vec![], 2_000, 4));
}

#[tokio::test]
async fn a_log_that_is_written_without_a_pause_is_covered_as_far_as_it_went_when_that_was_asked_for() {
    let world = World::new();
    world.append(0..10).await;
    let clients = async {
        for number in 10..400 {
            world.append(number..number + 1).await;
        }
    };
    let acme = scope();
    let sealing = world.tree.seal(&acme);
    let Either::Left((sealed, _)) = select(sealing, std::pin::pin!(clients)).await else { panic!("it goes on as long as they do") };
    sealed.unwrap();
    let first = world.store.checkpoint_after(&acme, 0).await.unwrap().unwrap();
    assert!(first.size >= 10, "{}", first.size);
    assert_eq!(world.checkpoint().await, first, "one checkpoint is enough");
}

#[tokio::test]
async fn two_servers_that_seal_at_once_make_one_line_of_checkpoints() {
    let world = World::new();
    let beside = MerkleTree::new(world.store.clone(), Key::from_seed(&[7; 32]), "test", Arc::new(SystemClock), Vec::new());
    for round in 0..20 {
        world.append(round * 10..round * 10 + 10).await;
        let (scope_one, scope_two) = (scope(), scope());
        let (one, two) = tokio::join!(world.tree.seal(&scope_one), beside.seal(&scope_two));
        one.and(two).unwrap();
    }
    let report = verify(world.export().await.as_slice(), &Known::default()).unwrap();
    assert_eq!((report.faults, report.records), (vec![], 200));
}

#[tokio::test]
async fn proofs_are_made_of_stored_tiles() {
    let world = World::new();
    world.append(0..600).await;
    world.tree.seal(&scope()).await.unwrap();
    let mut tiles = Tiles::default();
    for record in world.store.records_from(&scope(), 0, usize::MAX).await.unwrap() {
        tiles.push(record.sequence, leaf_hash(&record.bytes));
    }
    let bytes = |hashes: Vec<Hash>| hashes.into_iter().map(|hash| *hash.as_bytes()).collect::<Vec<_>>();
    for (sequence, size) in [(0, 1), (0, 600), (599, 600), (300, 511)] {
        let proof = world.tree.inclusion(&scope(), sequence, size).await.unwrap();
        assert_eq!(bytes(proof), audit::inclusion(&tiles, sequence, size).unwrap(), "{sequence} in {size}");
    }
    for (older, newer) in [(0, 600), (1, 600), (256, 600), (599, 600), (600, 600)] {
        let proof = world.tree.consistency(&scope(), older, newer).await.unwrap();
        assert_eq!(bytes(proof), audit::consistency(&tiles, older, newer).unwrap(), "{older} in {newer}");
    }
}

#[tokio::test]
async fn some_records_are_verified_from_the_checkpoint_before_them_to_the_one_behind_them_and_what_was_changed_there_is_found() {
    let world = World::new();
    for numbers in [0..100, 100..300, 300..700, 700..900] {
        world.append(numbers).await;
        world.tree.seal(&scope()).await.unwrap();
    }
    let verified = async |world: &World, first, last| world.tree.verify(&scope(), first, last).await.unwrap();
    let whole = |first, size, checkpoints| Verification { first, size, checkpoints, whole: true };
    assert_eq!(verified(&world, 0, 899).await, whole(0, 900, 4));
    assert_eq!(verified(&world, 150, 350).await, whole(100, 700, 2));
    assert_eq!(verified(&world, 300, 699).await, whole(300, 700, 1));
    assert!(!verified(&world, 300, 900).await.whole, "no checkpoint covers the last one");
    let world = world.tampered("UPDATE audit_records SET record = CAST(record || ' ' AS BLOB) WHERE sequence = 299").await;
    assert!(!verified(&world, 150, 350).await.whole);
    assert!(verified(&world, 300, 350).await.whole, "what stands before it is not looked at");
    let world = world.tampered("DELETE FROM audit_records WHERE sequence = 500").await;
    assert!(!verified(&world, 300, 350).await.whole);
    let world = world.tampered("UPDATE audit_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND position = 2").await;
    assert!(!verified(&world, 720, 730).await.whole, "it goes on from what was not signed");
}

#[tokio::test]
async fn nothing_is_signed_over_tiles_or_a_checkpoint_that_somebody_has_changed() {
    for sql in [
        "UPDATE audit_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND position = 1",
        "DELETE FROM audit_tiles",
        "UPDATE audit_checkpoints SET note = replace(note, '300', '299')",
        "DELETE FROM audit_records WHERE sequence = 300",
        "DELETE FROM audit_records WHERE sequence >= 300",
        "UPDATE audit_logs SET sealed = 299",
        "UPDATE audit_logs SET records = 301",
    ] {
        let world = World::new();
        world.append(0..300).await;
        world.tree.seal(&scope()).await.unwrap();
        world.append(300..302).await;
        let world = world.tampered(sql).await;
        let refused = world.tree.seal(&scope()).await.unwrap_err();
        assert_eq!(refused.kind(), domain::ErrorKind::Internal, "{sql}");
        assert_eq!(world.checkpoint().await.size, 300, "{sql}");
    }
}

#[tokio::test]
async fn a_record_that_somebody_has_changed_is_found_in_the_export() {
    let world = World::new();
    world.append(0..10).await;
    world.tree.seal(&scope()).await.unwrap();
    let sql = "UPDATE audit_records SET record = CAST(replace(CAST(record AS TEXT), 'ALLOWED', 'DENIED') AS BLOB) WHERE sequence = 4";
    let world = world.tampered(sql).await;
    world.append(10..12).await;
    world.tree.seal(&scope()).await.unwrap();
    let report = verify(world.export().await.as_slice(), &Known::default()).unwrap();
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
}

/// A log of three checkpoints.
async fn long() -> World {
    let world = World::new();
    for numbers in [0..300, 300..700, 700..900] {
        world.append(numbers).await;
        world.tree.seal(&scope()).await.unwrap();
    }
    world
}

/// The time right after the checkpoint over so many records.
async fn after(world: &World, size: u64) -> Timestamp {
    let checkpoint = world.store.checkpoint(&scope(), size).await.unwrap().unwrap();
    checkpoint.time.plus(std::time::Duration::from_millis(1))
}

#[tokio::test]
async fn what_is_removed_of_a_log_is_in_the_log_and_the_rest_is_proven_as_before() {
    let world = long().await;
    let seen = Known { checkpoints: vec![world.store.checkpoint(&scope(), 300).await.unwrap().unwrap().note], ..Known::default() };
    assert_eq!(world.remove(Timestamp::from_millis(1)).await.unwrap(), 0, "nothing is so old");
    assert_eq!(world.remove(Timestamp::from_millis(u64::MAX / 2)).await.unwrap(), 900);
    assert_eq!(world.remove(after(&world, 900).await).await.unwrap(), 0, "once is enough");
    world.append(902..910).await;
    world.tree.seal(&scope()).await.unwrap();
    let report = verify(world.export().await.as_slice(), &seen).unwrap();
    // Intent and outcome of the removal are what remains of it.
    assert_eq!((report.faults, report.removed, report.records, report.checkpoints), (vec![], 900, 910, 4));
    let kept = world.store.records_from(&scope(), 0, usize::MAX).await.unwrap();
    assert_eq!((kept.len(), kept[0].sequence), (10, 900));
    assert_eq!(world.tree.verify(&scope(), 900, 909).await.unwrap(), Verification { first: 900, size: 910, checkpoints: 1, whole: true });
    assert_eq!(world.tree.inclusion(&scope(), 5, 910).await.unwrap().len(), 10, "a record that somebody kept is proven still");
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_ended_by_the_next() {
    let world = long().await;
    assert_eq!(world.store.remove(&scope(), 700, 10, None).await.unwrap(), 10);
    assert_eq!(world.store.first_kept(&scope()).await.unwrap(), 700);
    assert_eq!(world.remove(Timestamp::from_millis(1)).await.unwrap(), 690);
    world.tree.seal(&scope()).await.unwrap();
    // Nobody has recorded this one.
    let faults = verify(world.export().await.as_slice(), &Known::default()).unwrap().faults;
    assert_eq!(faults, [Fault::Removed { removed: 700, said: 0 }]);
}

#[tokio::test]
async fn records_that_somebody_has_changed_stay_when_their_time_is_over() {
    let world = long().await;
    let world = world.tampered("UPDATE audit_records SET record = CAST(record || ' ' AS BLOB) WHERE sequence = 299").await;
    let refused = world.remove(Timestamp::from_millis(u64::MAX / 2)).await.unwrap_err();
    assert_eq!(refused.kind(), domain::ErrorKind::Internal);
    assert_eq!((world.store.first_kept(&scope()).await.unwrap(), world.store.size(&scope()).await.unwrap()), (0, 900));
    // Whoever hides records by the database alone is found.
    let world = world.tampered("UPDATE audit_logs SET first_kept = 300").await;
    let faults = verify(world.export().await.as_slice(), &Known::default()).unwrap().faults;
    assert_eq!(faults, [Fault::Removed { removed: 300, said: 0 }]);
}

#[tokio::test]
async fn a_removal_that_ends_as_its_tenant_is_changed_leaves_a_log_that_begins_at_a_checkpoint_and_is_proven() {
    let world = World::new();
    for numbers in [0..600, 600..900, 900..2_400] {
        world.append(numbers).await;
        world.tree.seal(&scope()).await.unwrap();
    }
    // Somebody changes the tenant as the first step is done, which goes to a checkpoint within a thousand records.
    let changed = "CREATE TRIGGER changed AFTER UPDATE OF first_kept ON audit_logs BEGIN UPDATE tenants SET revision = revision + 1; END";
    let world = world.tampered(changed).await;
    assert_eq!(world.remove(Timestamp::from_millis(u64::MAX / 2)).await.unwrap(), 900);
    assert_eq!(world.store.first_kept(&scope()).await.unwrap(), 900);
    assert_eq!(world.remove(Timestamp::from_millis(u64::MAX / 2)).await.unwrap(), 0, "that is judged by what the tenant was");
    world.tree.seal(&scope()).await.unwrap();
    let report = verify(world.export().await.as_slice(), &Known::default()).unwrap();
    assert_eq!((report.faults, report.removed), (vec![], 900));
    assert_eq!(report::beginning(&world).await, (Some(900), None), "its outcome says where it has ended");
    // Somebody takes the rest, which the intent was signed for.
    let taken = "DROP TRIGGER changed; UPDATE audit_logs SET first_kept = 2400; DELETE FROM audit_records WHERE sequence < 2400";
    let world = world.tampered(taken).await;
    let faults = verify(world.export().await.as_slice(), &Known::default()).unwrap().faults;
    assert_eq!(faults, [Fault::Removed { removed: 2_400, said: 900 }]);
    let not_recorded = (Some(2_400), Some(BeginningFault::NotRecorded));
    assert_eq!(report::beginning(&world).await, not_recorded);
    let world = world.tampered("DELETE FROM audit_records WHERE action = 'audit.remove' AND outcome <> 'INTENT'").await;
    assert_eq!(report::beginning(&world).await, not_recorded, "that outcomes are missing is found, too");
}
