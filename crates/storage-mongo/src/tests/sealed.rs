//! What callers and their code have written stands in no document in plain text, opens only where it was sealed, and is read whole however
//! much it is.

use std::fs;

use domain::ErrorKind;
use domain::code::Kind;
use domain::execution::{Body, Event, Execution, ExecutionQuery, ExecutionRepository, Output};
use domain::json::JsonText;
use domain::page::PageRequest;
use domain::request::Committed;
use domain::retention::{Due, RetentionStore as _};
use domain::sandbox::Stream;
use domain::server::KeyRepository;
use domain::tenant::TenantState;
use domain::utility::{UtilityChange, UtilityRepository};
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use test_support::audit_repository::entry;
use test_support::sample::{at, creation, ended, execution, execution_id, fence, request, scope, utility, utility_id, version_of};

use super::Scratch;
use super::retention::{removed, revision, turn};
use crate::MongoStore;
use crate::collections::{DATA_KEYS, EXECUTION_PARTS, EXECUTIONS, OUTPUT, VERSION_CODE};
use crate::row::binary;

/// Texts that stand nowhere else: in code, parameters, a result, an input, a value's result, a message, a traceback and output.
const CANARIES: [&str; 8] = [
    "plumbus_in_code",
    "plumbus_in_params",
    "plumbus_in_result",
    "plumbus_in_input",
    "plumbus_in_outcome",
    "plumbus_in_message",
    "plumbus_in_traceback",
    "plumbus_in_output",
];
/// Parts of a revision of the platform that a check of its contract stores: a manifest, a parameter's value, and a line of a log.
const PLATFORM_CANARIES: [&str; 3] = ["name: shop", "mail.example", "no config"];
const MIB: usize = 1024 * 1024;

fn quoted(text: &str) -> JsonText {
    JsonText::read(format!("\"{text}\""))
}

fn code() -> String {
    format!("def main():\n    pass\n# {}\n", CANARIES[0])
}

fn finished(number: u64) -> Execution {
    let mut one = ended(&execution(&scope("acme"), number), number + 5);
    one.params_json = JsonText::read(format!("{{\"x\": {:?}}}", CANARIES[1]));
    one.result_json = Some(quoted(CANARIES[2]));
    let values = one.values.as_mut().unwrap();
    values.inputs_json[0] = quoted(CANARIES[3]);
    values.outcomes[0] = Ok(quoted(CANARIES[4]));
    let failure = one.failure.as_mut().unwrap();
    failure.message = CANARIES[5].to_owned();
    failure.traceback = Some(CANARIES[6].to_owned());
    one
}

fn printed(sequence: u64) -> Event {
    let data = CANARIES[7].as_bytes().to_vec();
    Event { sequence, time: at(sequence), body: Body::Output(Output { stream: Stream::Stdout, offset: 0, data }) }
}

/// Two utilities, and two executions with an event each.
async fn fill(store: &MongoStore) {
    let acme = scope("acme");
    for id in ["one", "two"] {
        let made = creation(utility(&acme, id));
        let number = made.utility.latest_version;
        let asked = Some(request("CreateUtility", id, 1));
        let change = UtilityChange { new_version: Some(version_of(number, Kind::Script, code())), request: asked, ..made };
        assert_eq!(UtilityRepository::commit(store, &acme, change).await.unwrap(), Committed::Stored);
    }
    for number in [1, 2] {
        let asked = request("StartExecution", &number.to_string(), 1);
        let inserted = store.insert(&acme, &execution(&acme, number), Some(&asked), &[entry("acme", number)], None).await.unwrap();
        assert_eq!(inserted, Committed::Stored);
        store.append(&acme, &execution_id(number), &fence("server-1", 1), &[printed(1)]).await.unwrap();
        store.save(&acme, &finished(number), &[printed(2)]).await.unwrap();
    }
}

async fn check_that_all_is_read(store: &MongoStore) {
    let acme = scope("acme");
    for id in ["one", "two"] {
        let (_, current) = store.find_current(&acme, &utility_id(id)).await.unwrap().open_for_system().unwrap();
        assert_eq!(&**current.code.text(), code());
        let version = store.find_version(&acme, &utility_id(id), current.head.number).await.unwrap().open_for_system().unwrap();
        assert_eq!(version, current);
    }
    for number in [1, 2] {
        assert_eq!(find(store, number).await.unwrap(), Some(finished(number)));
        assert_eq!(store.events_after(&acme, &execution_id(number), 0, usize::MAX).await.unwrap(), [printed(1), printed(2)]);
    }
    assert_eq!(listed(store).await, [finished(2), finished(1)]);
}

async fn find(store: &MongoStore, number: u64) -> domain::Result<Option<Execution>> {
    Ok(ExecutionRepository::find(store, &scope("acme"), &execution_id(number)).await?.open_for_system())
}

async fn listed(store: &MongoStore) -> Vec<Execution> {
    let page = PageRequest { size: 9, after: None };
    let found = ExecutionRepository::list(store, &scope("acme"), &ExecutionQuery::default(), &page).await.unwrap();
    found.open_for_system().unwrap().items
}

/// What becomes of reading code of `two`, and the second execution and its output.
async fn refusals(store: &MongoStore) -> [Option<ErrorKind>; 3] {
    let acme = scope("acme");
    [
        store.find_current(&acme, &utility_id("two")).await.err().map(|error| error.kind()),
        find(store, 2).await.err().map(|error| error.kind()),
        store.events_after(&acme, &execution_id(2), 0, usize::MAX).await.err().map(|error| error.kind()),
    ]
}

/// Where code, contents and output of the first or the second stand.
fn places(number: u64) -> [(&'static str, Document, &'static str); 3] {
    let execution = execution_id(number);
    [
        (VERSION_CODE.name, doc! { "tenant": "acme", "id": if number == 1 { "one" } else { "two" } }, "sealed"),
        (EXECUTIONS.name, doc! { "tenant": "acme", "id": execution.as_str() }, "sealed"),
        (OUTPUT.name, doc! { "tenant": "acme", "execution": execution.as_str(), "first": 1_i64 }, "events"),
    ]
}

async fn stored(store: &MongoStore, number: u64) -> Vec<Bson> {
    let mut values = Vec::new();
    for (collection, filter, field) in places(number) {
        let found = store.shared.database.collection::<Document>(collection).find_one(filter).await.unwrap().expect("it is there");
        values.push(found.get(field).expect("it has the field").clone());
    }
    values
}

async fn overwrite(store: &MongoStore, number: u64, values: &[Bson]) {
    for ((collection, filter, field), value) in places(number).into_iter().zip(values) {
        let documents = store.shared.database.collection::<Document>(collection);
        let done = documents.update_one(filter, doc! { "$set": { field: value.clone() } }).await.unwrap();
        assert_eq!(done.matched_count, 1, "{collection}");
    }
}

async fn count(store: &MongoStore, collection: &str, filter: Document) -> u64 {
    store.shared.database.collection::<Document>(collection).count_documents(filter).await.unwrap()
}

/// Every document of every collection of the database, known to the store or not.
async fn dump(store: &MongoStore) -> String {
    let mut all = String::new();
    for name in store.shared.database.list_collection_names().await.unwrap() {
        let mut cursor = store.shared.database.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
        while cursor.advance().await.unwrap() {
            all.push_str(&String::from_utf8_lossy(cursor.current().as_bytes()));
        }
    }
    all
}

#[tokio::test]
async fn what_callers_and_code_have_written_is_in_no_document_and_is_read_as_it_was_written() {
    let store = Scratch::new().await;
    fill(&store).await;
    check_that_all_is_read(&store).await;
    check_that_all_is_read(&store.another().await).await;
    let all = dump(&store).await;
    for canary in CANARIES {
        assert!(!all.contains(canary), "{canary}");
    }
    assert!(all.contains("FAILED"), "what lists need is found");
}

#[tokio::test]
async fn what_the_platform_shall_be_and_why_it_failed_is_in_no_document() {
    let store = Scratch::new().await;
    test_support::platform_repository::a_revision_survives_whole(&*store).await;
    let settled = Scratch::new().await;
    test_support::platform_repository::a_revision_is_settled_once(&*settled).await;
    let all = format!("{}{}", dump(&store).await, dump(&settled).await);
    for canary in PLATFORM_CANARIES {
        assert!(!all.contains(canary), "{canary}");
    }
}

#[tokio::test]
async fn what_is_sealed_opens_in_its_own_document_only() {
    let store = Scratch::new().await;
    fill(&store).await;
    let own = stored(&store, 2).await;
    overwrite(&store, 2, &stored(&store, 1).await).await;
    assert_eq!(refusals(&store).await, [Some(ErrorKind::Internal); 3]);
    assert_eq!(listed(&store).await, [finished(1)], "it hides no others");
    assert!(store.find_current(&scope("acme"), &utility_id("one")).await.is_ok());
    overwrite(&store, 2, &own).await;
    check_that_all_is_read(&store).await;
}

#[tokio::test]
async fn what_stands_in_plain_text_is_refused() {
    let store = Scratch::new().await;
    fill(&store).await;
    let contents = storage_documents::encode(&storage_documents::ContentsDocument::from(&finished(2)));
    let batch = storage_documents::frame::batches(&storage_documents::frame::frames(&[printed(1)]).unwrap()).remove(0).events;
    overwrite(&store, 2, &[binary(code().into_bytes()), binary(contents.clone().into_bytes()), binary(batch)]).await;
    assert_eq!(refusals(&store).await, [Some(ErrorKind::Internal); 3]);
    // Nor is anything taken that stands under another name.
    for (collection, filter, field) in places(2) {
        let plain = if collection == VERSION_CODE.name {
            doc! { "code": code() }
        } else {
            doc! { "contents": &contents }
        };
        let change = doc! { "$unset": { field: "" }, "$set": plain };
        store.shared.database.collection::<Document>(collection).update_one(filter, change).await.unwrap();
    }
    assert_eq!(refusals(&store).await, [Some(ErrorKind::Internal); 3]);
}

#[tokio::test]
async fn what_a_purged_tenant_had_opens_from_no_copy() {
    let store = Scratch::new().await;
    fill(&store).await;
    let copies = stored(&store, 2).await;
    turn(&store, "acme", TenantState::Deleted, false).await;
    let judged = revision(&store, "acme").await;
    while store.remove_some(&scope("acme"), Due::Everything, judged).await.unwrap().more {}
    assert_eq!(count(&store, DATA_KEYS.name, doc! { "tenant": "acme" }).await, 0);
    fill(&store).await;
    check_that_all_is_read(&store).await;
    // As a backup would bring it back: the key is destroyed, and the new one is another.
    overwrite(&store, 2, &copies).await;
    assert_eq!(refusals(&store).await, [Some(ErrorKind::Internal); 3]);
}

#[tokio::test]
async fn a_rotation_of_keys_leaves_everything_readable() {
    let store = Scratch::new().await;
    fill(&store).await;
    let (before, running) = (stored(&store, 1).await, store.another().await);
    check_that_all_is_read(&running).await;
    KeyRepository::rotate(&*store, None).await.unwrap();
    assert_eq!(stored(&store, 1).await, before, "nothing is sealed anew");
    for server in [&store.store, &running, &store.another().await] {
        check_that_all_is_read(server).await;
    }
}

#[tokio::test]
async fn where_the_files_of_keys_are_gone_none_is_made_and_the_known_ones_stay_in_use() {
    let store = Scratch::new().await;
    fill(&store).await;
    let running = store.another().await;
    let known = async || KeyRepository::wrapping_keys(&running).await.unwrap().into_iter().map(|key| key.id).collect::<Vec<_>>();
    let before = known().await;
    KeyRepository::rotate(&*store, None).await.unwrap();
    // As below a mount that is lost.
    let (mounted, lost) = (&store.config.keys, store.config.keys.with_extension("lost"));
    fs::rename(mounted, &lost).unwrap();
    fs::create_dir(mounted).unwrap();
    assert_eq!(find(&running, 1).await.unwrap_err().kind(), ErrorKind::Internal);
    assert!(KeyRepository::rotate(&running, None).await.is_err());
    assert_eq!((fs::read_dir(mounted).unwrap().count(), known().await), (0, before));
    fs::remove_dir(mounted).unwrap();
    fs::rename(&lost, mounted).unwrap();
    check_that_all_is_read(&running).await;
}

#[tokio::test]
async fn nothing_is_sealed_for_what_is_not_there_so_that_a_tenant_that_is_gone_gets_no_key_again() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    let save = async || store.save(&acme, &finished(1), &[printed(1)]).await;
    let append = async || store.append(&acme, &execution_id(1), &fence("server-1", 1), &[printed(1)]).await;
    assert_eq!([save().await, append().await].map(|done| done.unwrap_err().kind()), [ErrorKind::NotFound; 2]);
    assert_eq!(count(&store, DATA_KEYS.name, doc! { "tenant": "acme" }).await, 0);
    store.insert(&acme, &execution(&acme, 1), None, &[], None).await.unwrap();
    assert_eq!([save().await, append().await].map(|done| done.is_ok()), [true; 2], "what is appended again is skipped");
    assert_eq!(count(&store, DATA_KEYS.name, doc! { "tenant": "acme" }).await, 1);
}

// === what is large ===

/// An execution that has taken and given so many bytes.
fn large(number: u64, bytes: usize) -> Execution {
    let mut one = finished(number);
    one.result_json = Some(quoted(&"y".repeat(bytes)));
    one
}

async fn parts(store: &MongoStore, number: u64) -> u64 {
    count(store, EXECUTION_PARTS.name, doc! { "tenant": "acme", "execution": execution_id(number).as_str() }).await
}

#[tokio::test]
async fn an_execution_that_is_larger_than_any_document_is_stored_and_read_whole() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    for number in [1, 2] {
        let params_json = quoted(&"x".repeat(2 * MIB));
        store.insert(&acme, &Execution { params_json, ..execution(&acme, number) }, None, &[], None).await.unwrap();
        assert_eq!(parts(&store, number).await, 1);
    }
    let whole = large(1, 18 * MIB);
    store.save(&acme, &whole, &[printed(1)]).await.unwrap();
    assert_eq!(parts(&store, 1).await, 3, "those of before are gone");
    store.save(&acme, &finished(2), &[]).await.unwrap();
    assert_eq!(parts(&store, 2).await, 0);
    let another = store.another().await;
    for server in [&store.store, &another] {
        assert!(find(server, 1).await.unwrap().as_ref() == Some(&whole), "it is what was saved");
        assert!(listed(server).await == [finished(2), whole.clone()], "in lists, too");
    }
    store.save(&acme, &whole, &[printed(1)]).await.unwrap();
    assert_eq!(parts(&store, 1).await, 3, "a save that is repeated leaves nothing behind");
}

#[tokio::test]
async fn an_execution_a_part_of_which_is_lost_or_exchanged_is_refused_and_hides_no_other() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    for number in [1, 2] {
        store.insert(&acme, &large(number, 12 * MIB), None, &[], None).await.unwrap();
        assert_eq!(parts(&store, number).await, 2);
    }
    let documents = store.shared.database.collection::<Document>(EXECUTION_PARTS.name);
    let part = |number, part: i64| doc! { "tenant": "acme", "execution": execution_id(number).as_str(), "part": part };
    let sealed = async |number| {
        let found = documents.find_one(part(number, 0)).await.unwrap().expect("it is there");
        doc! { "$set": { "sealed": found.get("sealed").expect("it is sealed").clone() } }
    };
    let [theirs, own] = [sealed(1).await, sealed(2).await];
    documents.update_one(part(2, 0), theirs).await.unwrap();
    assert_eq!(find(&store, 2).await.unwrap_err().kind(), ErrorKind::Internal);
    documents.update_one(part(2, 0), own).await.unwrap();
    assert!(find(&store, 2).await.unwrap() == Some(large(2, 12 * MIB)));
    documents.delete_one(part(2, 1)).await.unwrap();
    assert_eq!(find(&store, 2).await.unwrap_err().kind(), ErrorKind::Internal);
    assert!(listed(&store).await == [large(1, 12 * MIB)], "the newest is looked at first");
}

#[tokio::test]
async fn parts_go_with_their_execution() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    for number in [1, 20] {
        store.insert(&acme, &large(number, 2 * MIB), None, &[], None).await.unwrap();
    }
    // They ended 5 ms after their number.
    assert_eq!(removed(&store, "acme", Due::Executions(at(20))).await.executions, 1);
    assert_eq!((parts(&store, 1).await, parts(&store, 20).await), (0, 1));
    turn(&store, "acme", TenantState::Deleted, false).await;
    removed(&store, "acme", Due::Everything).await;
    assert_eq!(count(&store, EXECUTION_PARTS.name, doc! {}).await, 0);
}

#[tokio::test]
async fn nothing_of_a_shredded_tenant_opens_and_its_log_and_others_are_as_they_were() {
    let store = Scratch::new().await;
    test_support::shredding::nothing_of_a_shredded_tenant_opens_and_its_log_and_others_are_as_they_were(&store.store).await;
}
