//! What every `ArchiveRepository` promises, with the executions that it is of. Run all of it with
//! [`archive_repository_contract!`](crate::archive_repository_contract); each check wants an empty repository.

use domain::access::TenantScope;
use domain::archive::{ArchiveRepository, INLINE_OUTPUT, ObjectId, Piece, Reference};
use domain::execution::{Body, Bounds, Event, Execution, ExecutionRepository};
use domain::name::ExecutionName;
use domain::time::Timestamp;

use crate::sample::{at, ended, execution, output, scope};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! archive_repository_contract {
    ($make:expr) => {
        $crate::archive_repository_contract!($make;
            what_has_ended_with_much_output_is_to_be_archived,
            what_is_archived_leaves_the_store_but_for_its_end,
            a_piece_is_found_by_any_of_its_events,
            what_is_archived_is_not_archived_again,
            what_is_pruned_names_no_objects_and_counts_its_archived_output,
            tenants_name_their_own_objects,
            a_repeated_save_of_an_end_changes_nothing_of_the_archive,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::archive_repository::$check(&*repository).await;
        }
    )+};
}

/// A store of both.
pub trait Repository: ExecutionRepository + ArchiveRepository {}

impl<T: ExecutionRepository + ArchiveRepository> Repository for T {}

const NO_LIMIT: usize = usize::MAX;
/// Bytes of output of one event here.
const CHUNK: usize = 60_000;
/// Events of output that together are more than stays in a store.
const MANY: u64 = INLINE_OUTPUT / CHUNK as u64 + 1;

/// Neither what runs, nor what has little.
pub async fn what_has_ended_with_much_output_is_to_be_archived(repository: &dyn Repository) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    repository.append(&acme, &held.name.execution, &held.fence, &printed(MANY)).await.expect("appended");
    assert_eq!(archivable(repository).await, []);
    repository.save(&acme, &last(&held, MANY), &[finished(&held, MANY)]).await.expect("saved");
    done(repository, &acme, 2, MANY - 1).await;
    let other = done(repository, &scope("beta"), 3, MANY).await;
    assert_eq!(archivable(repository).await, [held.name.clone(), other.clone()]);
    let behind = |after: ExecutionName| async move { repository.archivable(Some(&after), 10).await.expect("looked") };
    assert_eq!(behind(held.name.clone()).await, std::slice::from_ref(&other));
    assert_eq!(behind(other).await, []);
    assert_eq!(repository.archivable(None, 1).await.expect("looked"), [held.name]);
}

/// The last event stays, and says how it ended.
pub async fn what_is_archived_leaves_the_store_but_for_its_end(repository: &dyn Repository) {
    let acme = scope("acme");
    let name = done(repository, &acme, 1, MANY).await;
    let before = repository.events_after(&acme, &name.execution, 0, NO_LIMIT).await.expect("read");
    assert_eq!(before.len() as u64, MANY + 1);
    assert!(repository.archive(&acme, &name.execution, &[piece(1, 1, MANY)]).await.expect("archived"));
    let after = repository.events_after(&acme, &name.execution, 0, NO_LIMIT).await.expect("read");
    assert!(after.len() < before.len() && after.first().is_some_and(|first| first.sequence > 1), "{}", after.len());
    assert_eq!(after.last(), before.last());
    let execution = repository.find(&acme, &name.execution).await.expect("found").open_for_system();
    assert!(execution.is_some_and(|execution| execution.state.is_terminal()));
}

/// Of several pieces, the one that holds the next event.
pub async fn a_piece_is_found_by_any_of_its_events(repository: &dyn Repository) {
    let acme = scope("acme");
    let name = done(repository, &acme, 1, MANY).await;
    let pieces = [piece(1, 1, 2), piece(2, 3, 3), piece(3, 4, MANY)];
    let found = |after: u64| {
        let (acme, name) = (&acme, &name);
        async move { repository.piece_after(acme, &name.execution, after).await.expect("looked") }
    };
    assert_eq!(found(0).await, None);
    assert!(repository.archive(&acme, &name.execution, &pieces).await.expect("archived"));
    for (after, place) in [(0, Some(0)), (1, Some(0)), (2, Some(1)), (3, Some(2)), (MANY - 1, Some(2)), (MANY, None), (u64::MAX, None)] {
        assert_eq!(found(after).await.as_ref(), place.map(|place: usize| &pieces[place]), "after {after}");
    }
    assert_eq!(repository.piece_after(&scope("beta"), &name.execution, 0).await.expect("looked"), None);
}

/// Whoever comes second changes nothing, and neither does whoever archives nothing, or what has not much.
pub async fn what_is_archived_is_not_archived_again(repository: &dyn Repository) {
    let acme = scope("acme");
    let (name, small) = (done(repository, &acme, 1, MANY).await, done(repository, &acme, 2, 1).await);
    let archive = |name: ExecutionName, pieces: Vec<Piece>| {
        let acme = &acme;
        async move { repository.archive(acme, &name.execution, &pieces).await.expect("archived") }
    };
    assert!(!archive(name.clone(), Vec::new()).await);
    assert!(!archive(small, vec![piece(9, 1, 1)]).await);
    assert!(archive(name.clone(), vec![piece(1, 1, MANY)]).await);
    assert!(!archive(name.clone(), vec![piece(2, 1, MANY)]).await);
    assert_eq!(archivable(repository).await, []);
    let found = repository.piece_after(&acme, &name.execution, 0).await.expect("looked");
    assert_eq!(found, Some(piece(1, 1, MANY)));
    assert_eq!(repository.unnamed(&acme, &[object(1), object(2), object(9)]).await.expect("looked"), [object(2), object(9)]);
}

/// Retention counts output wherever it is.
pub async fn what_is_pruned_names_no_objects_and_counts_its_archived_output(repository: &dyn Repository) {
    let acme = scope("acme");
    let name = done(repository, &acme, 1, MANY).await;
    assert!(repository.archive(&acme, &name.execution, &[piece(1, 1, MANY)]).await.expect("archived"));
    let fits = Bounds { ended_before: Timestamp::default(), max_output_bytes: MANY * CHUNK as u64, except: Vec::new() };
    assert!(!repository.is_prunable(&fits).await.expect("looked"));
    let bounds = Bounds { max_output_bytes: MANY * CHUNK as u64 - 1, ..fits };
    assert!(repository.is_prunable(&bounds).await.expect("looked"));
    let pruned = repository.prune(&bounds).await.expect("pruned");
    assert_eq!((pruned.executions, pruned.output_bytes), (1, MANY * CHUNK as u64));
    assert_eq!(repository.unnamed(&acme, &[object(1)]).await.expect("looked"), [object(1)]);
    assert_eq!(repository.piece_after(&acme, &name.execution, 0).await.expect("looked"), None);
    // What went while it was to be archived is not looked for any more.
    done(repository, &acme, 2, MANY).await;
    repository.prune(&Bounds { ended_before: Timestamp::from_millis(u64::MAX), ..bounds }).await.expect("pruned");
    assert_eq!(archivable(repository).await, []);
}

/// One tenant's object is unnamed by another, even of the same id.
pub async fn tenants_name_their_own_objects(repository: &dyn Repository) {
    let (acme, beta) = (scope("acme"), scope("beta"));
    let name = done(repository, &acme, 1, MANY).await;
    assert!(repository.archive(&acme, &name.execution, &[piece(1, 1, MANY)]).await.expect("archived"));
    assert_eq!(repository.unnamed(&acme, &[object(1)]).await.expect("looked"), []);
    assert_eq!(repository.unnamed(&beta, &[object(1)]).await.expect("looked"), [object(1)]);
    assert_eq!(repository.unnamed(&beta, &[]).await.expect("looked"), []);
}

/// Whoever was not answered in time saves again, perhaps behind the archiving.
pub async fn a_repeated_save_of_an_end_changes_nothing_of_the_archive(repository: &dyn Repository) {
    let acme = scope("acme");
    let name = done(repository, &acme, 1, MANY).await;
    assert!(repository.archive(&acme, &name.execution, &[piece(1, 1, MANY)]).await.expect("archived"));
    let left = repository.events_after(&acme, &name.execution, 0, NO_LIMIT).await.expect("read");
    let held = execution(&acme, 1);
    let again: Vec<Event> = printed(MANY).into_iter().chain([finished(&held, MANY)]).collect();
    repository.save(&acme, &last(&held, MANY), &again).await.expect("saved");
    assert_eq!(repository.events_after(&acme, &name.execution, 0, NO_LIMIT).await.expect("read"), left);
    assert_eq!(archivable(repository).await, []);
}

async fn archivable(repository: &dyn Repository) -> Vec<ExecutionName> {
    repository.archivable(None, 10).await.expect("looked")
}

async fn inserted(repository: &dyn Repository, scope: &TenantScope, number: u64) -> Execution {
    let held = execution(scope, number);
    repository.insert(scope, &held, None, &[], None).await.expect("stored");
    held
}

/// An execution that has ended after so many events of output.
pub async fn done(repository: &dyn Repository, scope: &TenantScope, number: u64, events: u64) -> ExecutionName {
    let held = inserted(repository, scope, number).await;
    // Its last batch holds its end.
    let (early, late) = (printed(events - 1), output(events, CHUNK));
    repository.append(scope, &held.name.execution, &held.fence, &early).await.expect("appended");
    repository.save(scope, &last(&held, events), &[late, finished(&held, events)]).await.expect("saved");
    held.name
}

fn printed(events: u64) -> Vec<Event> {
    (1..=events).map(|sequence| output(sequence, CHUNK)).collect()
}

fn last(held: &Execution, events: u64) -> Execution {
    Execution { last_sequence: events + 1, ..ended(held, 20) }
}

fn finished(held: &Execution, events: u64) -> Event {
    Event { sequence: events + 1, time: at(20), body: Body::Finished(Box::new(last(held, events))) }
}

fn piece(number: u8, first: u64, last: u64) -> Piece {
    Piece { first, last, object: object(number), reference: Reference::new(vec![number; 32]) }
}

fn object(number: u8) -> ObjectId {
    ObjectId::parse(&format!("{number:064x}")).expect("these are its digits")
}
