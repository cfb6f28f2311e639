//! Objects are kept sealed, found by what they are, and opened for their own execution only.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ErrorKind;
use domain::archive::{ObjectId, Objects as _, Piece, Reference, Stored};
use domain::execution::{Body, Event, Output};
use domain::name::ExecutionName;
use domain::sandbox::Stream;
use futures_util::TryStreamExt as _;
use futures_util::future::{join, join_all};
use tempfile::TempDir;
use test_support::sample::{at, attestation, ended, execution, execution_id, output, scope, tenant};

use crate::directory::Root;
use crate::{BlobObjects, Location};

mod s3;

const CANARY: &str = "canary-7f3a91";

struct Scratch {
    directory: TempDir,
    objects: BlobObjects,
}

impl Scratch {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let objects = open(&directory, "one");
        Scratch { directory, objects }
    }

    async fn put(&self, number: u64, events: &[Event]) -> Piece {
        put(&self.objects, number, events).await
    }

    async fn kind(&self, number: u64, piece: &Piece) -> Option<ErrorKind> {
        self.objects.get(&name(number), piece).await.err().map(|error| error.kind())
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        find(self.directory.path(), &mut files);
        files
    }
}

fn open(directory: &TempDir, installation: &str) -> BlobObjects {
    BlobObjects::open(&Location::Directory(directory.path().join("objects")), installation).unwrap()
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, files) } else { files.push(path) }
    }
}

async fn put(objects: &BlobObjects, number: u64, events: &[Event]) -> Piece {
    let (object, reference) = objects.put(&name(number), events).await.unwrap();
    let number = |event: Option<&Event>| event.map_or(0, |event| event.sequence);
    Piece { first: number(events.first()), last: number(events.last()), object, reference }
}

fn name(number: u64) -> ExecutionName {
    ExecutionName { tenant: tenant("acme"), execution: execution_id(number) }
}

fn said(sequence: u64, text: &str) -> Event {
    let printed = Output { stream: Stream::Stderr, offset: 7, data: text.as_bytes().to_vec() };
    Event { sequence, time: at(sequence), body: Body::Output(printed) }
}

async fn listed(objects: &BlobObjects) -> Vec<Stored> {
    let mut listed: Vec<Stored> = objects.list().try_collect().await.unwrap();
    listed.sort_by(|one, other| one.object.cmp(&other.object));
    listed
}

#[tokio::test]
async fn events_of_every_kind_come_back_as_they_were() {
    let scratch = Scratch::new();
    let queued = Event { sequence: 1, time: at(1), body: Body::Queued { position: 4 } };
    let started = Event { sequence: 2, time: at(2), body: Body::Started(Box::new(attestation())) };
    // More than one batch and many chunks, and one event that is empty.
    let printed = (3..40).map(|sequence| output(sequence, if sequence == 9 { 0 } else { 60_000 }));
    let events: Vec<Event> = [queued, started].into_iter().chain(printed).chain([said(40, CANARY)]).collect();
    let piece = scratch.put(1, &events).await;
    assert_eq!(scratch.objects.get(&name(1), &piece).await.unwrap(), events);
}

#[tokio::test]
async fn what_cannot_be_compressed_fits_an_object_too() {
    let scratch = Scratch::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    let data: Vec<u8> = (0..domain::sandbox::MAX_CHUNK).map(|_| random()).collect();
    let event =
        |sequence| Event { sequence, time: at(1), body: Body::Output(Output { stream: Stream::Stdout, offset: 0, data: data.clone() }) };
    let events: Vec<Event> = (1..=domain::archive::PIECE_BYTES as u64 / 65_536 + 1).map(event).collect();
    let piece = scratch.put(1, &events).await;
    assert_eq!(scratch.objects.get(&name(1), &piece).await.unwrap(), events);
}

#[tokio::test]
async fn nothing_of_events_stands_in_a_file_and_files_are_for_us_alone() {
    let scratch = Scratch::new();
    let events: Vec<Event> = (1..100).map(|sequence| said(sequence, CANARY)).collect();
    let piece = scratch.put(1, &events).await;
    let files = scratch.files();
    assert_eq!(files.len(), 1);
    let bytes = fs::read(&files[0]).unwrap();
    assert!(bytes.len() < 2_000, "it was compressed to {}", bytes.len());
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    let key = &piece.reference.as_bytes()[1..];
    assert!(!bytes.windows(key.len()).any(|window| window == key), "whoever has the object has no key of it");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(scratch.directory.path().join("objects")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn equal_events_are_different_objects_each_named_by_what_is_stored() {
    let scratch = Scratch::new();
    let events = [said(1, CANARY)];
    let (one, other) = (scratch.put(1, &events).await, scratch.put(1, &events).await);
    assert_ne!(one.object, other.object);
    assert_ne!(one.reference, other.reference);
    let hashes: Vec<String> = scratch.files().iter().map(|file| hash_of(file)).collect();
    let names: Vec<String> = scratch.files().iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(hashes, names);
}

fn hash_of(file: &Path) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_object_that_was_changed_cut_or_exchanged_is_refused() {
    let scratch = Scratch::new();
    let piece = scratch.put(1, &(1..4).map(|sequence| output(sequence, 60_000)).collect::<Vec<_>>()).await;
    let file = scratch.files().remove(0);
    let whole = fs::read(&file).unwrap();
    for at in [0, 5, 11, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        assert_eq!(scratch.kind(1, &piece).await, Some(ErrorKind::Internal), "at {at}");
    }
    for cut in [0, 11, whole.len() - 1] {
        fs::write(&file, &whole[..cut]).unwrap();
        assert_eq!(scratch.kind(1, &piece).await, Some(ErrorKind::Internal), "cut to {cut}");
    }
    let other = scratch.put(1, &[said(1, "other")]).await;
    let others = scratch.files().into_iter().find(|found| *found != file).unwrap();
    fs::copy(&others, &file).unwrap();
    assert_eq!(scratch.kind(1, &piece).await, Some(ErrorKind::Internal), "another object under its name");
    fs::write(&file, &whole).unwrap();
    assert_eq!(scratch.kind(1, &piece).await, None);
    assert_eq!(scratch.kind(1, &other).await, None);
}

#[tokio::test]
async fn an_object_opens_for_its_own_execution_tenant_and_reference_only() {
    let scratch = Scratch::new();
    let (piece, other) = (scratch.put(1, &[said(1, "one")]).await, scratch.put(2, &[said(1, "two")]).await);
    assert_eq!(scratch.kind(2, &piece).await, Some(ErrorKind::Internal), "another execution");
    let mixed = Piece { reference: other.reference.clone(), ..piece.clone() };
    assert_eq!(scratch.kind(1, &mixed).await, Some(ErrorKind::Internal), "the key of another object");
    let none = Piece { reference: Reference::new(vec![9; 5]), ..piece.clone() };
    assert_eq!(scratch.kind(1, &none).await, Some(ErrorKind::Internal), "no key at all");
    // Whoever may write the directory moves it to another tenant.
    let acme = scratch.directory.path().join("objects/one/output/acme");
    fs::create_dir(acme.with_file_name("beta")).unwrap();
    fs::copy(acme.join(piece.object.as_str()), acme.with_file_name("beta").join(piece.object.as_str())).unwrap();
    let moved = ExecutionName { tenant: tenant("beta"), execution: execution_id(1) };
    let read = scratch.objects.get(&moved, &piece).await;
    assert_eq!(read.err().map(|error| error.kind()), Some(ErrorKind::Internal), "another tenant");
}

#[tokio::test]
async fn an_object_that_is_not_there_is_told_from_a_directory_that_is_not() {
    let scratch = Scratch::new();
    let piece = scratch.put(1, &[said(1, "one")]).await;
    scratch.objects.remove(&tenant("acme"), &piece.object).await.unwrap();
    assert_eq!(scratch.kind(1, &piece).await, Some(ErrorKind::NotFound));
    scratch.objects.remove(&tenant("acme"), &piece.object).await.expect("what is gone is no error");
    // A file stands where the directory was: neither stored nor read.
    let directory = scratch.directory.path().join("objects");
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "").unwrap();
    let put = scratch.objects.put(&name(1), &[said(1, "one")]).await;
    assert_eq!(put.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
}

#[tokio::test]
async fn three_servers_on_one_directory_read_what_each_has_stored() {
    let directory = TempDir::new().unwrap();
    let servers: Vec<Arc<BlobObjects>> = (0..3).map(|_| Arc::new(open(&directory, "one"))).collect();
    let stored = join_all((0..30_u64).map(|number| {
        let server = Arc::clone(&servers[number as usize % 3]);
        async move { put(&server, number, &[said(1, &format!("said {number}"))]).await }
    }));
    let pieces = stored.await;
    for (number, piece) in (0..).zip(&pieces) {
        for server in &servers {
            assert_eq!(server.get(&name(number), piece).await.unwrap(), [said(1, &format!("said {number}"))]);
        }
    }
    let mut known: Vec<ObjectId> = pieces.iter().map(|piece| piece.object.clone()).collect();
    known.sort();
    for server in &servers {
        assert_eq!(listed(server).await.into_iter().map(|stored| stored.object).collect::<Vec<_>>(), known);
    }
    servers[0].remove(&tenant("acme"), &known[0]).await.unwrap();
    assert_eq!(listed(&servers[2]).await.len(), 29);
}

#[tokio::test]
async fn a_hundred_who_read_at_the_same_time_are_all_served_and_so_is_who_stores() {
    let scratch = Scratch::new();
    let (own, other, events) = (name(1), name(2), [said(1, "one")]);
    let piece = scratch.put(1, &events).await;
    let reads = join_all((0..100).map(|_| scratch.objects.get(&own, &piece)));
    let writes = join_all((0..20).map(|_| scratch.objects.put(&other, &events)));
    let (reads, writes) = join(reads, writes).await;
    assert!(reads.into_iter().all(|read| read.unwrap() == events));
    assert!(writes.into_iter().all(|written| written.is_ok()));
}

#[tokio::test]
async fn only_objects_of_the_own_installation_are_listed() {
    let scratch = Scratch::new();
    let piece = scratch.put(1, &[said(1, "one")]).await;
    put(&open(&scratch.directory, "two"), 2, &[said(1, "two")]).await;
    let root = scratch.directory.path().join("objects");
    for foreign in ["README", "one/output/acme/README", "one/output/Acme/x", "one/output/stray", "one/other/acme/x"] {
        let file = root.join(foreign);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let found = listed(&scratch.objects).await;
    assert_eq!(found.iter().map(|stored| (&stored.tenant, &stored.object)).collect::<Vec<_>>(), [(&tenant("acme"), &piece.object)]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(now.as_millis() as u64 - found[0].at.as_millis() < 600_000, "it was stored just now");
}

#[tokio::test]
async fn only_what_killed_servers_of_the_own_installation_left_is_swept() {
    let scratch = Scratch::new();
    let root = scratch.directory.path().join("objects");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(48 * 3_600);
    let foreign = ["aa#1", "two/output/acme/aa#1", "one/other/aa#1"].map(|name| root.join(name));
    let own = root.join("one/output/acme/aa#1");
    for file in foreign.iter().chain([&own]) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let times = fs::FileTimes::new().set_modified(old);
        fs::File::create(file).unwrap().set_times(times).unwrap();
    }
    Root::make(&root).unwrap().sweep("one/output").await.unwrap();
    assert!(!own.exists(), "what is ours goes");
    assert!(foreign.iter().all(|file| file.exists()), "what is not ours stays");
}

#[tokio::test]
async fn the_end_of_an_execution_and_nothing_at_all_are_no_objects() {
    let scratch = Scratch::new();
    let done = ended(&execution(&scope("acme"), 1), 9);
    let finished = Event { sequence: 2, time: at(9), body: Body::Finished(Box::new(done)) };
    for wrong in [vec![said(1, "one"), finished], Vec::new(), vec![said(2, "two"), said(1, "one")]] {
        let refused = scratch.objects.put(&name(1), &wrong).await;
        assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Internal));
    }
    assert_eq!(scratch.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_directory_of_somebody_elses_or_open_to_all_is_not_used() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, directory.path().join("objects")).unwrap();
    let opened = BlobObjects::open(&Location::Directory(directory.path().join("objects")), "one");
    assert!(opened.is_err(), "a link in the place of the directory");
}
