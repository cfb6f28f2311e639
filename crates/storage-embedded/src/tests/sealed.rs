//! What callers and their code have written stands in no file in plain text, opens only where it was sealed, and what stood there before
//! it was sealed is sealed at the next start.

use domain::ErrorKind;
use domain::code::Kind;
use domain::execution::{Body, Event, Execution, ExecutionRepository, Output};
use domain::json::JsonText;
use domain::request::Committed;
use domain::retention::{Due, RetentionStore as _};
use domain::sandbox::Stream;
use domain::server::KeyRepository;
use domain::tenant::TenantState;
use domain::utility::{UtilityChange, UtilityRepository};
use rusqlite::Connection;
use test_support::audit_repository::entry;
use test_support::sample::{at, creation, ended, execution, execution_id, fence, request, scope, utility, utility_id, version_of};

use super::personal::holds;
use super::retention::{revision, turn};
use super::{Scratch, open};
use crate::EmbeddedStore;
use crate::error::during;

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

fn quoted(text: &str) -> JsonText {
    JsonText::read(format!("\"{text}\""))
}

/// Longer than a page, as what is small lies elsewhere in the file.
fn long(text: &str) -> String {
    format!("{}{text}", "#".repeat(20_000))
}

fn code() -> String {
    format!("def main():\n    pass\n{}\n", long(CANARIES[0]))
}

fn finished(number: u64) -> Execution {
    let mut one = ended(&execution(&scope("acme"), number), number + 5);
    one.params_json = JsonText::read(format!("{{\"x\": {:?}}}", CANARIES[1]));
    one.result_json = Some(quoted(&long(CANARIES[2])));
    let values = one.values.as_mut().unwrap();
    values.inputs_json[0] = quoted(CANARIES[3]);
    values.outcomes[0] = Ok(quoted(CANARIES[4]));
    let failure = one.failure.as_mut().unwrap();
    failure.message = CANARIES[5].to_owned();
    failure.traceback = Some(CANARIES[6].to_owned());
    one.revision = domain::revision::Revision::FIRST;
    one
}

fn printed(sequence: u64) -> Event {
    let data = CANARIES[7].as_bytes().to_vec();
    Event { sequence, time: at(sequence), body: Body::Output(Output { stream: Stream::Stdout, offset: 0, data }) }
}

/// Two utilities, and two executions with an event each.
async fn fill(store: &EmbeddedStore) {
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
        let inserted = store.insert(&acme, &finished(number), Some(&asked), &[entry("acme", number)], None).await.unwrap();
        assert_eq!(inserted, Committed::Stored);
        store.append(&acme, &execution_id(number), &fence("server-1", 1), &[printed(1)]).await.unwrap();
    }
}

async fn check_that_all_is_read(store: &EmbeddedStore) {
    let acme = scope("acme");
    for id in ["one", "two"] {
        let (_, current) = store.find_current(&acme, &utility_id(id)).await.unwrap().open_for_system().unwrap();
        assert_eq!(&**current.code.text(), code());
        let version = store.find_version(&acme, &utility_id(id), current.head.number).await.unwrap().open_for_system().unwrap();
        assert_eq!(version, current);
    }
    for number in [1, 2] {
        let found = ExecutionRepository::find(store, &acme, &execution_id(number)).await.unwrap().open_for_system();
        assert_eq!(found, Some(finished(number)));
        assert_eq!(store.events_after(&acme, &execution_id(number), 0, usize::MAX).await.unwrap(), [printed(1)]);
    }
}

async fn run(store: &EmbeddedStore, sql: String) {
    store.write(move |connection: &Connection| connection.execute_batch(&sql).map_err(during("testing"))).await.unwrap();
}

#[tokio::test]
async fn what_callers_and_code_have_written_is_in_no_file_and_is_read_as_it_was_written() {
    let store = Scratch::new();
    fill(&store).await;
    check_that_all_is_read(&store).await;
    for canary in CANARIES {
        assert!(!holds(store.directory.path(), canary), "{canary}");
    }
    assert!(holds(store.directory.path(), "FAILED"), "what lists need is found");
}

#[tokio::test]
async fn what_the_platform_shall_be_and_why_it_failed_is_in_no_file() {
    let store = Scratch::new();
    test_support::platform_repository::a_revision_survives_whole(&*store).await;
    let settled = Scratch::new();
    test_support::platform_repository::a_revision_is_settled_once(&*settled).await;
    for canary in PLATFORM_CANARIES {
        assert!(!holds(store.directory.path(), canary) && !holds(settled.directory.path(), canary), "{canary}");
    }
}

#[tokio::test]
async fn what_is_sealed_opens_in_its_own_row_only() {
    let store = Scratch::new();
    fill(&store).await;
    let (first, second) = (execution_id(1), execution_id(2));
    let swap = format!(
        "UPDATE version_code SET sealed = (SELECT sealed FROM version_code WHERE id = 'one') WHERE id = 'two';
         UPDATE executions SET sealed = (SELECT sealed FROM executions WHERE id = '{first}') WHERE id = '{second}';
         UPDATE output SET events = (SELECT events FROM output WHERE execution = '{first}') WHERE execution = '{second}';"
    );
    run(&store, swap).await;
    let acme = scope("acme");
    let refused = [
        store.find_current(&acme, &utility_id("two")).await.map(drop).unwrap_err(),
        ExecutionRepository::find(&*store, &acme, &second).await.map(drop).unwrap_err(),
        store.events_after(&acme, &second, 0, usize::MAX).await.map(drop).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    }
    assert!(store.find_current(&acme, &utility_id("one")).await.is_ok());
    let found = ExecutionRepository::find(&*store, &acme, &first).await.unwrap().open_for_system();
    assert_eq!(found, Some(finished(1)), "others are as before");
}

#[tokio::test]
async fn what_a_purged_tenant_had_opens_from_no_copy() {
    let store = Scratch::new();
    fill(&store).await;
    run(&store, "CREATE TABLE copied AS SELECT * FROM version_code".to_owned()).await;
    turn(&store, "acme", TenantState::Deleted, false).await;
    let judged = revision(&store, "acme").await;
    while store.remove_some(&scope("acme"), Due::Everything, judged).await.unwrap().more {}
    fill(&store).await;
    check_that_all_is_read(&store).await;
    // As a backup would bring it back: the key is destroyed, and the new one is another.
    let back = "UPDATE version_code SET sealed = (SELECT sealed FROM copied WHERE copied.id = version_code.id); DROP TABLE copied";
    run(&store, back.to_owned()).await;
    assert_eq!(store.find_current(&scope("acme"), &utility_id("one")).await.map(drop).unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_tenant_whose_key_does_not_open_keeps_no_server_from_starting_and_what_it_has_stays_until_it_does() {
    let store = Scratch::new();
    fill(&store).await;
    let plain = format!(
        "CREATE TABLE held AS SELECT * FROM data_keys; UPDATE version_code SET code = '{}', sealed = NULL;
         UPDATE totals SET value = 0 WHERE name = 'contents_sealed'; UPDATE data_keys SET wrapped = x'01' WHERE tenant = 'acme';",
        code()
    );
    run(&store, plain).await;
    store.close().await.unwrap();
    let damaged = open(store.directory.path()).unwrap();
    assert!(damaged.vault().takes_plain_text());
    let restored = "UPDATE data_keys SET wrapped = (SELECT wrapped FROM held WHERE held.tenant = data_keys.tenant AND held.subject = data_keys.subject);
         DROP TABLE held";
    run(&damaged, restored.to_owned()).await;
    damaged.close().await.unwrap();
    let whole = open(store.directory.path()).unwrap();
    assert!(!whole.vault().takes_plain_text());
    check_that_all_is_read(&whole).await;
}

#[tokio::test]
async fn a_rotation_of_keys_leaves_everything_readable() {
    let store = Scratch::new();
    fill(&store).await;
    KeyRepository::rotate(&*store, None).await.unwrap();
    check_that_all_is_read(&store).await;
}

#[tokio::test]
async fn what_stood_there_in_plain_text_is_read_and_sealed_at_the_next_start_and_what_cannot_be_read_keeps_no_server_from_starting() {
    let store = Scratch::new();
    fill(&store).await;
    // As servers stored it that sealed nothing, and one row that nobody can read.
    let document = |number| {
        let mut map = as_map(&storage_documents::encode(&storage_documents::ExecutionDocument::from(&finished(number))));
        map.extend(as_map(&storage_documents::encode(&storage_documents::ContentsDocument::from(&finished(number)))));
        serde_json::to_string(&map).unwrap().replace('\'', "''")
    };
    let events = hex(&plain_batch());
    let mut sql = format!(
        "UPDATE version_code SET code = '{}', sealed = NULL; UPDATE output SET events = x'{events}';
         UPDATE totals SET value = 0 WHERE name = 'contents_sealed';",
        code()
    );
    for number in [1, 2] {
        let (id, document) = (execution_id(number), document(number));
        sql.push_str(&format!("UPDATE executions SET document = '{document}', sealed = NULL WHERE id = '{id}';"));
    }
    sql.push_str(
        "INSERT INTO executions (tenant, id, utility, caller, state, created, unfinished, instance, token, document)
         SELECT tenant, 'broken', utility, caller, state, created, 1, instance, token, '{' FROM executions LIMIT 1;",
    );
    run(&store, sql).await;
    // Where all is sealed, nobody takes that for their own.
    let acme = scope("acme");
    assert_eq!(store.find_current(&acme, &utility_id("one")).await.map(drop).unwrap_err().kind(), ErrorKind::Internal);
    let found = ExecutionRepository::find(&*store, &acme, &execution_id(1)).await;
    assert_eq!(found.map(drop).unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(store.events_after(&acme, &execution_id(1), 0, 1).await.unwrap_err().kind(), ErrorKind::Internal);
    store.close().await.unwrap();
    for canary in CANARIES {
        assert!(holds(store.directory.path(), canary), "{canary}");
    }

    let again = open(store.directory.path()).unwrap();
    check_that_all_is_read(&again).await;
    let rest = "SELECT (SELECT count(*) FROM version_code WHERE sealed IS NULL OR code <> ''), \
         (SELECT count(*) FROM executions WHERE sealed IS NULL OR instr(document, 'plumbus')), \
         (SELECT count(*) FROM output WHERE hex(events) NOT LIKE '02%'), (SELECT value FROM totals WHERE name = 'contents_sealed')";
    let read = move |connection: &Connection| {
        let row = connection.query_row(rest, [], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]));
        row.map_err(during("testing"))
    };
    assert_eq!(again.read(read).await.unwrap(), [0, 1, 0, 0], "all but the one that cannot be read, which the next start tries again");
    for canary in CANARIES {
        assert!(!holds(store.directory.path(), canary), "{canary} is overwritten in the database and its log");
    }
    run(&again, "DELETE FROM executions WHERE id = 'broken'".to_owned()).await;
    again.close().await.unwrap();
    let last = open(store.directory.path()).unwrap();
    assert!(!last.vault().takes_plain_text());
    check_that_all_is_read(&last).await;
    last.close().await.unwrap();
    for canary in CANARIES {
        assert!(!holds(store.directory.path(), canary), "{canary} is overwritten in the database");
    }
}

/// One event in the framing, not sealed: version 1, standard output, number, time, offset, length and bytes.
fn plain_batch() -> Vec<u8> {
    let data = CANARIES[7].as_bytes();
    let mut batch = vec![1, 3];
    for number in [1, at(1).as_millis(), 0] {
        batch.extend(number.to_le_bytes());
    }
    batch.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    batch.extend(data);
    batch
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_map(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn nothing_of_a_shredded_tenant_opens_and_its_log_and_others_are_as_they_were() {
    test_support::shredding::nothing_of_a_shredded_tenant_opens_and_its_log_and_others_are_as_they_were(&Scratch::new().store).await;
}
