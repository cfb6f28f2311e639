//! What is personal stands in no file in plain text, opens only where it was sealed, and is lost to nobody else.

use std::fs;
use std::path::{Path, PathBuf};

use domain::audit::{Actor, AuditQuery, AuditRecord, AuditRepository, Entry, FieldChange, Outcome};
use domain::identity::{Erasure, Principal, PrincipalChange, PrincipalQuery, PrincipalRepository, PrincipalState, SubjectRepository};
use domain::name::{PrincipalKind, PrincipalName};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::server::KeyRepository;
use rusqlite::{Connection, OptionalExtension as _};
use storage_rules::Trouble;
use tempfile::TempDir;
use test_support::audit_repository::entry;
use test_support::sample::{principal, request, scope, user};

use super::{Scratch, open};
use crate::EmbeddedStore;
use crate::error::during;

const ANN: &str = "tenants/acme/users/ann";
const BOB: &str = "tenants/acme/users/bob";
/// What stands in the place of a name that does not open.
const UNREADABLE: &str = "(cannot be opened)";
/// Texts that stand nowhere else.
const DISPLAY_NAME: &str = "Zaphodina Quuxbury";
const PURPOSE: &str = "looking for the plumbus";
const ADDRESS: &str = "203.0.113.77";

fn named(name: &str, display_name: &str) -> Principal {
    Principal { display_name: display_name.to_owned(), ..principal(name) }
}

fn creation(principal: &Principal) -> PrincipalChange {
    PrincipalChange { expected: Expected::Absent, principal: principal.clone(), deletes: false, judged_at: None, request: None }
}

/// What ann did about herself, from an address and for a purpose.
fn act() -> Entry {
    let actor = Actor { principal: Some(user("ann")), address: Some(ADDRESS.parse().unwrap()), ..Actor::default() };
    let changes = vec![FieldChange::principal("grantee", ANN), FieldChange::principal("grantee", "tenants/acme/roles/user")];
    Entry { actor, resource: format!("{ANN}/sessions/s"), changes, purpose: PURPOSE.to_owned(), ..entry("acme", 1) }
}

async fn find(store: &EmbeddedStore, name: &str) -> domain::Result<Option<Principal>> {
    let name = PrincipalName::parse("name", name).unwrap();
    Ok(PrincipalRepository::find(store, &scope("acme"), &name).await?.open_for_system())
}

async fn listed(store: &EmbeddedStore, query: &AuditQuery) -> Vec<AuditRecord> {
    let page = AuditRepository::list(store, &scope("acme"), query, &PageRequest { size: 100, after: None }).await.unwrap();
    page.open_for_system().unwrap().items
}

fn by(actor: PrincipalName) -> AuditQuery {
    AuditQuery { actor: Some(actor), ..AuditQuery::default() }
}

fn database(directory: &Path) -> PathBuf {
    directory.join("data/zona.db")
}

/// Whether a text stands in a file of the store.
pub(super) fn holds(directory: &Path, text: &str) -> bool {
    let holds = |path: &Path| fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
    fs::read_dir(directory.join("data")).unwrap().any(|entry| holds(&entry.unwrap().path()))
}

#[tokio::test]
async fn what_is_personal_is_in_no_file_and_is_read_as_it_was_written() {
    let store = Scratch::new();
    let ann = named(ANN, DISPLAY_NAME);
    assert_eq!(PrincipalRepository::commit(&*store, &scope("acme"), creation(&ann)).await.unwrap(), Committed::Stored);
    store.append(vec![act(), entry("acme", 2)]).await.unwrap();
    assert_eq!(find(&store, ANN).await.unwrap(), Some(ann));
    assert_eq!(listed(&store, &by(user("ann"))).await[1].entry, act());
    let about = AuditQuery { resource: Some(act().resource), ..AuditQuery::default() };
    assert_eq!(listed(&store, &about).await.len(), 1);
    for text in [DISPLAY_NAME, "Quuxbury", PURPOSE, ADDRESS] {
        assert!(!holds(store.directory.path(), text), "{text}");
    }
    assert!(holds(store.directory.path(), "utility.update"), "what is not personal is found");
    let bytes = AuditRepository::records_from(&*store, &scope("acme"), 0, 1).await.unwrap().remove(0).bytes;
    let bytes = String::from_utf8(bytes).unwrap();
    assert!(!bytes.contains("users/ann") && bytes.contains(r#""field":"grantee=tenants/acme/subjects/"#), "{bytes}");
}

#[tokio::test]
async fn nobody_without_records_is_found_by_another_name() {
    let store = Scratch::new();
    store.append(vec![act()]).await.unwrap();
    assert!(listed(&store, &by(user("bob"))).await.is_empty());
    let about = AuditQuery { resource: Some("tenants/acme/users/bob".to_owned()), ..AuditQuery::default() };
    assert!(listed(&store, &about).await.is_empty());
    // Looking for somebody makes nobody.
    assert_eq!(subjects(&store).await, 1);
}

/// How many persons there are.
async fn subjects(store: &EmbeddedStore) -> i64 {
    let query = |connection: &Connection| connection.query_row("SELECT count(*) FROM subjects", [], |row| row.get(0));
    store.read(move |connection| query(connection).map_err(during("counting"))).await.unwrap()
}

#[tokio::test]
async fn a_refused_call_makes_nobody_and_its_record_names_who_there_is() {
    let store = Scratch::new();
    PrincipalRepository::commit(&*store, &scope("acme"), creation(&named(ANN, ""))).await.unwrap();
    let refused = |number, resource: &str| Entry {
        actor: Actor::default(),
        resource: resource.to_owned(),
        outcome: Outcome::Denied,
        ..entry("acme", number)
    };
    let unknown = ["tenants/nowhere/users/zaphod.nobody", "tenants/acme/users/zaphod.nobody/sessions/s"];
    store.append(vec![refused(1, unknown[0]), refused(2, unknown[1]), refused(3, ANN)]).await.unwrap();
    let mut resources: Vec<_> = listed(&store, &AuditQuery::default()).await.into_iter().map(|record| record.entry.resource).collect();
    resources.sort_unstable();
    assert_eq!(resources, [ANN, "user", "user"]);
    let about = AuditQuery { resource: Some(ANN.to_owned()), ..AuditQuery::default() };
    assert_eq!((listed(&store, &about).await.len(), subjects(&store).await), (1, 1));
    assert!(!holds(store.directory.path(), "zaphod"));
}

#[tokio::test]
async fn what_was_moved_to_another_user_is_no_name_of_theirs_and_the_record_of_no_other_place() {
    let store = Scratch::new();
    for (name, called) in [(ANN, "Ann"), (BOB, "Bob")] {
        PrincipalRepository::commit(&*store, &scope("acme"), creation(&named(name, called))).await.unwrap();
    }
    store.append(vec![act(), Entry { purpose: "another".to_owned(), ..act() }]).await.unwrap();
    let moved = "UPDATE principals SET document = (SELECT document FROM principals WHERE id = 'ann') WHERE id = 'bob'";
    store.write(move |connection| connection.execute_batch(moved).map_err(during("testing"))).await.unwrap();
    assert_eq!(find(&store, BOB).await.unwrap().unwrap().display_name, UNREADABLE);
    assert_eq!(find(&store, ANN).await.unwrap().unwrap().display_name, "Ann", "nobody else is spoiled");
    let moved = "UPDATE audit_records SET record = (SELECT record FROM audit_records WHERE sequence = 1) WHERE sequence = 0";
    store.write(move |connection| connection.execute_batch(moved).map_err(during("testing"))).await.unwrap();
    let shown = [(0, "RECORD_UNREADABLE", None), (1, "SOME_REASON", Some(user("ann")))];
    assert_eq!(shown_records(&store).await, shown.map(|(sequence, reason, by)| (sequence, reason.to_owned(), by)));
}

/// Place, reason and actor of each record, as a list has it, which a reader from the first place on sees as well.
async fn shown_records(store: &EmbeddedStore) -> Vec<(u64, String, Option<PrincipalName>)> {
    let mut found = listed(store, &AuditQuery::default()).await;
    found.sort_by_key(|record| record.sequence);
    let since = store.since(&scope("acme"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    assert_eq!(found, since);
    found.into_iter().map(|record| (record.sequence, record.entry.reason, record.entry.actor.principal)).collect()
}

/// What is stored of a user.
async fn document(store: &EmbeddedStore, id: &'static str) -> Option<String> {
    let query = move |connection: &Connection| {
        let found = connection.query_row("SELECT document FROM principals WHERE id = ?1", [id], |row| row.get(0));
        found.optional().map_err(during("testing"))
    };
    store.read(query).await.unwrap()
}

#[tokio::test]
async fn a_user_whose_name_does_not_open_is_listed_disabled_and_deleted_and_the_name_stays_as_it_is() {
    let store = Scratch::new();
    for (name, called) in [(ANN, "Ann"), (BOB, "Bob")] {
        let active = Principal { state: PrincipalState::Active, ..named(name, called) };
        PrincipalRepository::commit(&*store, &scope("acme"), creation(&active)).await.unwrap();
    }
    let damage = r#"UPDATE principals SET document = replace(document, '"sealed_display_name":"A', '"sealed_display_name":"B')
        WHERE id = 'ann'"#;
    store.write(move |connection| connection.execute_batch(damage).map_err(during("testing"))).await.unwrap();
    let (before, query) = (document(&store, "ann").await.unwrap(), PrincipalQuery { kind: PrincipalKind::User, only: None });
    let page = PrincipalRepository::list(&*store, &scope("acme"), &query, &PageRequest { size: 10, after: None }).await.unwrap();
    let names: Vec<_> = page.open_for_system().unwrap().items.into_iter().map(|listed| listed.display_name).collect();
    assert_eq!(names, [UNREADABLE, "Bob"]);

    let ann = find(&store, ANN).await.unwrap().unwrap();
    let disabled = Principal { state: PrincipalState::Disabled, revision: ann.revision.next(), ..ann.clone() };
    assert_ne!(ann.state, disabled.state);
    let change = |principal: &Principal, expected, deletes| PrincipalChange {
        expected: Expected::Revision(expected),
        principal: principal.clone(),
        deletes,
        judged_at: None,
        request: Some(request("UpdateUser", if deletes { "two" } else { "one" }, 1)),
    };
    let disable = change(&disabled, ann.revision, false);
    assert_eq!(PrincipalRepository::commit(&*store, &scope("acme"), disable).await.unwrap(), Committed::Stored);
    assert_eq!(find(&store, ANN).await.unwrap().unwrap(), disabled);
    let sealed = |document: &str| document.split('"').skip_while(|part| *part != "sealed_display_name").nth(2).map(str::to_owned);
    let after = document(&store, "ann").await.unwrap();
    assert!(sealed(&before).is_some() && sealed(&after) == sealed(&before), "{after}");
    let delete = change(&disabled, disabled.revision, true);
    assert_eq!(PrincipalRepository::commit(&*store, &scope("acme"), delete).await.unwrap(), Committed::Stored);
    assert_eq!(document(&store, "ann").await, None);
}

#[tokio::test]
async fn the_name_of_somebody_who_was_erased_is_stored_no_more() {
    let store = Scratch::new();
    let ann = named(ANN, DISPLAY_NAME);
    PrincipalRepository::commit(&*store, &scope("acme"), creation(&ann)).await.unwrap();
    let erasure = Erasure { user: user("ann"), principal: Some(ann.clone()), judged_at: None, request: None };
    assert_eq!(SubjectRepository::erase(&*store, &scope("acme"), erasure).await.unwrap(), Committed::Stored);
    // Whoever signs in beside the erasure was read before it.
    store.rehash(&scope("acme"), &ann).await.unwrap();
    let again = PrincipalChange { request: Some(request("CreateUser", "one", 1)), ..creation(&ann) };
    assert_eq!(PrincipalRepository::commit(&*store, &scope("acme"), again).await.unwrap(), Committed::Conflict);
    assert!(!holds(store.directory.path(), DISPLAY_NAME));
}

#[tokio::test]
async fn a_record_without_what_is_personal_of_somebody_known_or_of_another_form_is_unreadable_and_hides_no_other() {
    let store = Scratch::new();
    store.append(vec![act(), act(), act()]).await.unwrap();
    let cut = |connection: &Connection| {
        let read = "SELECT record FROM audit_records WHERE sequence = 0";
        let record: Vec<u8> = connection.query_row(read, [], |row| row.get(0)).map_err(during("testing"))?;
        let text = String::from_utf8(record).unwrap();
        let (before, rest) = text.split_once(r#""sealed":""#).unwrap();
        let (_, after) = rest.split_once(r#"","#).unwrap();
        let cut = format!("{before}{after}").into_bytes();
        connection.execute("UPDATE audit_records SET record = ?1 WHERE sequence = 0", [cut]).map_err(during("testing"))?;
        connection.execute_batch("UPDATE audit_records SET record = x'7b7d' WHERE sequence = 1").map_err(during("testing"))
    };
    store.write(cut).await.unwrap();
    let shown = [(0, "RECORD_UNREADABLE", None), (1, "RECORD_UNREADABLE", None), (2, "SOME_REASON", Some(user("ann")))];
    assert_eq!(shown_records(&store).await, shown.map(|(sequence, reason, by)| (sequence, reason.to_owned(), by)));
    let calls = listed(&store, &AuditQuery::default()).await.into_iter().map(|record| record.entry.call);
    assert_eq!(calls.collect::<Vec<_>>(), [act().call, String::new(), act().call], "what is not sealed is shown where it can be read");
}

#[tokio::test]
async fn a_record_that_stands_elsewhere_in_a_list_than_it_says_is_marked_and_a_reader_by_places_sees_it_as_it_is() {
    let store = Scratch::new();
    let ci = "tenants/acme/serviceAccounts/ci";
    store.append(vec![act(), act(), act(), act(), act(), Entry { actor: Actor::default(), ..entry("acme", 1) }]).await.unwrap();
    let reasons = |records: Vec<AuditRecord>| records.into_iter().map(|record| record.entry.reason).collect::<Vec<_>>();
    let reason = act().reason;
    assert_eq!(reasons(listed(&store, &AuditQuery::default()).await), [reason.as_str(); 6]);
    let moved = format!(
        "UPDATE audit_records SET time = time - 1 WHERE sequence = 0; UPDATE audit_records SET outcome = 'DENIED' WHERE sequence = 2; \
         UPDATE audit_records SET actor = '{ci}' WHERE sequence IN (3, 5); UPDATE audit_records SET resource = '{ci}' WHERE sequence = 4"
    );
    store.write(move |connection| connection.execute_batch(&moved).map_err(during("testing"))).await.unwrap();
    let mut found = listed(&store, &AuditQuery::default()).await;
    found.sort_by_key(|record| record.sequence);
    let misplaced = "RECORD_MISPLACED";
    assert_eq!(reasons(found), [misplaced, &reason, misplaced, misplaced, misplaced, misplaced]);
    let by_another = listed(&store, &by(PrincipalName::parse("name", ci).unwrap())).await;
    assert_eq!(reasons(by_another), [misplaced; 2]);
    let about_another = AuditQuery { resource: Some(ci.to_owned()), ..AuditQuery::default() };
    assert_eq!(reasons(listed(&store, &about_another).await), [misplaced]);
    let since = store.since(&scope("acme"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    assert_eq!(reasons(since), [reason.as_str(); 6]);
}

#[tokio::test]
async fn what_does_not_open_is_logged_once_however_often_it_is_read() {
    let store = Scratch::new();
    let error = |row: &str| crate::Error::undecodable("audit_records", row, "it is damaged");
    let is_news = |trouble, row: &str| store.vault().is_news(trouble, &error(row));
    assert_eq!(["acme/1", "acme/1", "acme/2", "acme/1"].map(|row| is_news(Trouble::Unopened, row)), [true, false, true, false]);
    let many = (0..5_000).filter(|row| is_news(Trouble::Unopened, &format!("acme/{row}"))).count();
    assert!(many < 1_000, "{many}");
    assert!(is_news(Trouble::Misplaced, "acme/5"), "damaging much does not hide that records are found by something else");
}

#[tokio::test]
async fn a_person_whom_a_refused_write_has_made_is_made_anew() {
    let store = Scratch::new();
    let vault = store.vault();
    let refused = move |connection: &Connection| {
        crate::audit::add_all(connection, &vault, [&act()].into_iter())?;
        Err::<(), _>(crate::Error::Misused("on purpose"))
    };
    store.write(refused).await.unwrap_err();
    store.append(vec![act()]).await.unwrap();
    let (directory, Scratch { store, directory: kept }) = (store.directory.path().to_owned(), store);
    store.close().await.unwrap();
    drop(store);
    let again = open(&directory).unwrap();
    assert_eq!(listed(&again, &by(user("ann"))).await[0].entry, act());
    drop(kept);
}

#[tokio::test]
async fn a_store_whose_key_is_missing_is_refused_and_opens_again_with_it() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(vec![act()]).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let (keys, away) = (directory.path().join("data/keys"), directory.path().join("away"));
    fs::rename(&keys, &away).unwrap();
    let refused = open(directory.path()).err().unwrap();
    assert!(matches!(refused, crate::Error::Keys(keys::Error::Missing { .. })), "{refused}");
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 0, "a key of this start would be the newest once the others are back");
    for file in fs::read_dir(&away).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), keys.join(file.file_name())).unwrap();
    }
    let again = open(directory.path()).unwrap();
    assert_eq!(listed(&again, &by(user("ann"))).await.len(), 1);
}

#[tokio::test]
async fn what_was_stored_in_plain_text_before_is_sealed_and_its_records_stay_as_they_are() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    for name in [ANN, BOB] {
        PrincipalRepository::commit(&store, &scope("acme"), creation(&named(name, ""))).await.unwrap();
    }
    store.append(vec![entry("acme", 1), Entry { resource: ANN.to_owned(), outcome: Outcome::Denied, ..entry("acme", 2) }]).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let plain = [1, 2].map(|number| {
        let (resource, outcome) =
            if number == 1 { (entry("acme", 1).resource, Outcome::Allowed) } else { (ANN.to_owned(), Outcome::Denied) };
        let entry = Entry { resource, outcome, ..entry("acme", number) };
        storage_documents::AuditDocument::new(&entry, number - 1).to_bytes()
    });
    let before = Connection::open(database(directory.path())).unwrap();
    for (sequence, record) in plain.iter().enumerate() {
        let update = "UPDATE audit_records SET record = ?2, actor = ?3, resource = iif(sequence = 1, ?3, resource) WHERE sequence = ?1";
        before.execute(update, (sequence as i64, record, ANN)).unwrap();
    }
    let document = format!(
        r#"UPDATE principals SET document = replace(document, '{{', '{{"display_name":"{DISPLAY_NAME}",') WHERE id = 'ann';
           UPDATE principals SET document = '{{}}' WHERE id = 'bob'"#
    );
    let forget = "DELETE FROM subjects; DELETE FROM data_keys; UPDATE totals SET value = 0 WHERE name = 'personal_sealed'";
    before.execute_batch(&format!("{document}; {forget}")).unwrap();
    drop(before);

    let store = open(directory.path()).unwrap();
    assert_eq!(find(&store, ANN).await.unwrap().unwrap().display_name, DISPLAY_NAME);
    assert!(find(&store, BOB).await.is_err(), "a row that nobody can read keeps nothing else from being sealed");
    let reasons: Vec<_> = listed(&store, &by(user("ann"))).await.into_iter().map(|record| record.entry.reason).collect();
    assert_eq!(reasons, [entry("acme", 1).reason, entry("acme", 2).reason], "they are found by what they say, under another name");
    let about = AuditQuery { resource: Some(ANN.to_owned()), ..AuditQuery::default() };
    assert_eq!(listed(&store, &about).await.len(), 1);
    let records = store.records_from(&scope("acme"), 0, 1 << 20).await.unwrap();
    assert_eq!(records.into_iter().map(|record| record.bytes).collect::<Vec<_>>(), plain);
    store.close().await.unwrap();
    drop(store);
    Connection::open(database(directory.path())).unwrap().execute_batch("VACUUM").unwrap();
    assert!(!holds(directory.path(), DISPLAY_NAME));
}

#[tokio::test]
async fn a_rotation_wraps_every_key_anew_touches_nothing_that_is_sealed_and_goes_on_after_a_stop() {
    const MANY: usize = 600;
    // One of the tenant, and the one of remembered requests.
    const KEYS: u64 = MANY as u64 + 2;
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let actor = |number: usize| Actor { principal: Some(user(&format!("user-{number}"))), ..Actor::default() };
    store.append((0..MANY).map(|number| Entry { actor: actor(number), ..entry("acme", 1) }).collect()).await.unwrap();
    let sealed = async |store: &EmbeddedStore| store.records_from(&scope("acme"), 0, 1 << 24).await.unwrap();
    let (before, old) = (sealed(&store).await, store.wrapping_keys().await.unwrap());
    assert_eq!(old.iter().map(|key| key.wraps).collect::<Vec<_>>(), [KEYS]);
    let Committed::Answered(made) = store.rotate(None).await.unwrap() else { panic!("no key") };
    let keys = store.wrapping_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| (key.id.as_str(), key.wraps)).collect::<Vec<_>>(), [(made.as_str(), KEYS), (&old[0].id, 0)]);
    assert_eq!(sealed(&store).await, before);
    assert_eq!(listed(&store, &by(user("user-7"))).await.len(), 1);

    // One that ended behind its first commit.
    let vault = store.vault();
    store.write(move |_connection| vault.add_wrapping_key(vault.make_wrapping_key().unwrap())).await.unwrap();
    assert_eq!(store.wrapping_keys().await.unwrap()[0].wraps, 0);
    store.close().await.unwrap();
    drop(store);
    let next = open(directory.path()).unwrap();
    let keys = next.wrapping_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.wraps).collect::<Vec<_>>(), [0, KEYS, 0], "what is left keeps no store from opening");
    assert_eq!((next.go_on_rotating().await.unwrap(), next.go_on_rotating().await.unwrap()), (KEYS, 0));
    let keys = next.wrapping_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.wraps).collect::<Vec<_>>(), [KEYS, 0, 0]);
    next.close().await.unwrap();
    drop(next);
    // Those that wrap nothing are not needed any more.
    for key in &keys[1..] {
        fs::remove_file(directory.path().join(format!("data/keys/{}.kek", key.id))).unwrap();
    }
    let last = open(directory.path()).unwrap();
    assert_eq!(listed(&last, &by(user("user-7"))).await.len(), 1);
}

#[tokio::test]
async fn a_data_key_that_does_not_open_keeps_no_other_from_being_wrapped_anew_and_no_store_from_opening() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    store.append(vec![act()]).await.unwrap();
    let damage = async |store: &EmbeddedStore, which: &'static str| {
        let sql = format!("UPDATE data_keys SET wrapped = x'00' WHERE {which}");
        store.write(move |connection| connection.execute_batch(&sql).map_err(during("testing"))).await.unwrap();
    };
    damage(&store, "subject NOT IN ('', 'requests')").await;
    let asked = RequestKey { caller: user("root"), ..request("RotateKeys", "one", 1) };
    let first = store.rotate(Some(&asked)).await.unwrap();
    assert!(matches!(first, Committed::Answered(_)));
    let wraps = async |store: &EmbeddedStore| store.wrapping_keys().await.unwrap().iter().map(|key| key.wraps).collect::<Vec<_>>();
    assert_eq!(wraps(&store).await, [2, 1]);
    assert_eq!(store.rotate(Some(&asked)).await.unwrap(), first, "what nobody can wrap anew keeps nothing from being answered");
    damage(&store, "TRUE").await;
    store.close().await.unwrap();
    drop(store);
    let again = open(directory.path()).unwrap();
    assert_eq!((again.go_on_rotating().await.unwrap(), wraps(&again).await), (0, vec![2, 1]));
}

#[tokio::test]
async fn a_key_of_remembered_requests_that_does_not_open_is_replaced_and_nothing_of_before_is_done_twice() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    let asked = |id: &str| RequestKey { caller: user("root"), ..request("RotateKeys", id, 1) };
    let first = store.rotate(Some(&asked("one"))).await.unwrap();
    assert_eq!(store.find_rotation(&asked("one")).await.unwrap(), Some(first));
    let damage = "UPDATE data_keys SET wrapped = x'00' WHERE subject = 'requests'";
    store.write(move |connection| connection.execute_batch(damage).map_err(during("testing"))).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let next = open(directory.path()).unwrap();
    assert_eq!(next.rotate(Some(&asked("one"))).await.unwrap(), Committed::KeyReused);
    let second = next.rotate(Some(&asked("two"))).await.unwrap();
    next.close().await.unwrap();
    drop(next);
    let last = open(directory.path()).unwrap();
    assert_eq!(last.find_rotation(&asked("two")).await.unwrap(), Some(second), "the key is stored");
}

#[tokio::test]
async fn a_rotation_is_remembered_with_its_key() {
    let store = Scratch::new();
    let asked = RequestKey { caller: user("root"), ..request("RotateKeys", "one", 1) };
    let first = store.rotate(Some(&asked)).await.unwrap();
    assert!(matches!(first, Committed::Answered(_)));
    assert_eq!(store.rotate(Some(&asked)).await.unwrap(), first);
    assert_eq!(store.find_rotation(&asked).await.unwrap(), Some(first));
    assert_eq!(store.wrapping_keys().await.unwrap().len(), 2);
    let other = RequestKey { caller: user("root"), ..request("RotateKeys", "one", 2) };
    assert_eq!(store.rotate(Some(&other)).await.unwrap(), Committed::KeyReused);
    assert_eq!(store.find_rotation(&RequestKey { id: "two".to_owned(), ..asked }).await.unwrap(), None);
}

#[tokio::test]
async fn a_rotation_that_failed_half_way_is_answered_as_done_to_nobody_until_it_is() {
    const MANY: usize = 600;
    let store = Scratch::new();
    let actor = |number: usize| Actor { principal: Some(user(&format!("user-{number}"))), ..Actor::default() };
    store.append((0..MANY).map(|number| Entry { actor: actor(number), ..entry("acme", 1) }).collect()).await.unwrap();
    let sql = async |sql: &'static str| {
        store.write(move |connection| connection.execute_batch(sql).map_err(during("testing"))).await.unwrap();
    };
    let wraps = async || store.wrapping_keys().await.unwrap().iter().map(|key| key.wraps).collect::<Vec<_>>();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON data_keys WHEN (SELECT count(*) FROM data_keys WHERE kek = NEW.kek) >= 300 \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    sql(refuse).await;
    let asked = |id: &str| RequestKey { caller: user("root"), ..request("RotateKeys", id, 1) };
    store.rotate(Some(&asked("one"))).await.unwrap_err();
    let half = wraps().await;
    assert!(half.len() == 2 && half.iter().all(|wraps| *wraps > 0), "{half:?}");
    assert_eq!(store.find_rotation(&asked("one")).await.unwrap(), None, "it is not done");
    store.rotate(Some(&asked("one"))).await.unwrap_err();
    store.go_on_rotating().await.unwrap_err();
    for other in [Some(asked("other")), None] {
        sql("DROP TRIGGER refuse").await;
        assert_eq!(store.rotate(other.as_ref()).await.unwrap(), Committed::Conflict, "one runs");
        assert_eq!(wraps().await.len(), 2, "no key was made");
        sql(refuse).await;
    }

    sql("DROP TRIGGER refuse").await;
    let made = store.rotate(Some(&asked("one"))).await.unwrap();
    let newest = store.wrapping_keys().await.unwrap().remove(0).id;
    assert_eq!((made.clone(), wraps().await), (Committed::Answered(Box::new(newest)), vec![MANY as u64 + 2, 0]), "it makes one key");
    assert_eq!(store.find_rotation(&asked("one")).await.unwrap(), Some(made));

    sql(refuse).await;
    store.rotate(Some(&asked("two"))).await.unwrap_err();
    sql("DROP TRIGGER refuse").await;
    assert!(store.go_on_rotating().await.unwrap() > 0);
    assert_eq!(wraps().await, [MANY as u64 + 2, 0, 0]);
    assert!(matches!(store.find_rotation(&asked("two")).await.unwrap(), Some(Committed::Answered(_))), "it went on by itself");
}
