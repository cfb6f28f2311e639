//! What the store asks of the database, as it is on the wire: every command of the contracts' tests is looked at, whatever the code says.
//! The hints between servers are not: they wait for no disk, and no repository sends them.

use std::thread;

use domain::access::{GrantRepository, Grantee};
use domain::audit::{AuditQuery, AuditRepository};
use domain::execution::{ExecutionQuery, ExecutionRepository};
use domain::page::PageRequest;
use domain::utility::UtilityRepository;
use mongodb::bson::{Bson, Document};
use test_support::audit_repository::entry;
use test_support::sample::{creation, execution, scope, user, utility};

use super::proxy::Proxy;
use super::{Scratch, server};
use crate::Config;
use crate::collections::{ALL, Scope};

/// Queries that ask every shard, by the field that they are led by: sweeps of one server over all tenants, in the background.
const OF_ALL_TENANTS: &[(&str, &str)] = &[
    ("data_keys", "kek"),
    ("subjects", "is_erasing"),
    ("requests", "answered"),
    ("executions", "unfinished"),
    ("executions", "ended"),
    ("executions", "to_archive"),
    ("schedules", "next"),
    ("operations", "unfinished"),
    ("operations", "ended"),
    ("event_logs", "_id"),
    ("output_totals", "tenant"),
    ("audit_logs", "unsealed"),
    ("audit_intents", "instance"),
    ("webhooks", "state"),
    ("webhook_deliveries", "given_up"),
];
/// What lists may be read from secondaries.
const LISTED: [&str; 3] = ["executions", "execution_parts", "audit_records"];
/// A look at the schema, and at which keys are used, when a store is opened: the client alone has a deadline for it.
const AT_OPENING: [&str; 2] = ["schema", "data_keys"];

/// Watches the commands of one store, and fails its test where one of them breaks a rule.
pub(super) struct Watch(Proxy);

impl Watch {
    /// Before the server that is started for the tests.
    pub(super) fn begin() -> Self {
        Watch(Proxy::before(server::port()))
    }

    pub(super) fn uri(&self) -> String {
        self.0.uri()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let commands = self.0.take();
        let faults: Vec<String> = commands.iter().flat_map(faults).collect();
        if !thread::panicking() {
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

/// What is wrong with a command.
fn faults(command: &Document) -> Vec<String> {
    let (name, _) = command.iter().next().expect("a command has a name");
    let mut wrong = Vec::new();
    match name.as_str() {
        "hello" | "isMaster" | "ismaster" | "ping" | "endSessions" | "killCursors" | "listCollections" | "saslStart" | "saslContinue" => {}
        "find" | "aggregate" => {
            wrong.extend(reads_what_is_stored(command));
            wrong.extend(is_bounded(command));
            wrong.extend(prefers_the_primary(command));
            wrong.extend(names_its_shard(command));
        }
        "insert" | "update" | "delete" => {
            wrong.extend(if is_in_transaction(command) { begins_rightly(command) } else { is_durable(command) });
            wrong.extend(names_its_shard(command));
        }
        "commitTransaction" | "abortTransaction" => {
            wrong.extend(is_durable(command));
            wrong.extend((!is_in_transaction(command)).then(|| "is of no transaction".to_owned()));
        }
        "create" | "createIndexes" => wrong.extend(is_durable(command)),
        "getMore" => {}
        _ => wrong.push("is none that is known".to_owned()),
    }
    let has_no_session = !["hello", "isMaster", "ismaster", "endSessions", "saslStart", "saslContinue"].contains(&name.as_str());
    wrong.extend((has_no_session && !command.contains_key("lsid")).then(|| "has no session".to_owned()));
    wrong.into_iter().map(|why| format!("{why}: {command}")).collect()
}

/// Only what a majority has is read; within a transaction, all of one moment.
fn reads_what_is_stored(command: &Document) -> Option<String> {
    if is_in_transaction(command) {
        return begins_rightly(command);
    }
    (level(command) != Some("majority")).then(|| "does not read what a majority has".to_owned())
}

fn begins_rightly(command: &Document) -> Option<String> {
    let (begins, has_number) = (is(command, "startTransaction", true), matches!(command.get("txnNumber"), Some(Bson::Int64(_))));
    if !has_number {
        return Some("has no number of its transaction".to_owned());
    }
    (begins != (level(command) == Some("snapshot"))).then(|| "does not read all of one moment".to_owned())
}

/// What is written is on disk of a majority.
fn is_durable(command: &Document) -> Option<String> {
    let concern = command.get_document("writeConcern").ok();
    let is_durable = concern.is_some_and(|concern| concern.get_str("w").is_ok_and(|w| w == "majority") && is(concern, "j", true));
    (!is_durable).then(|| "is not on disk of a majority when it is answered".to_owned())
}

/// The database gives up when whoever asks does.
fn is_bounded(command: &Document) -> Option<String> {
    let is_bounded = command.contains_key("maxTimeMS") || AT_OPENING.contains(&collection(command)) || follows_the_feed(command);
    (!is_bounded).then(|| "has no bound in time".to_owned())
}

/// In plain text the driver speaks to one server only, which it always asks as if it were not the primary.
fn prefers_the_primary(command: &Document) -> Option<String> {
    let mode = command.get_document("$readPreference").ok().and_then(|preference| preference.get_str("mode").ok());
    let is_primary = matches!(mode, None | Some("primary" | "primaryPreferred"));
    (!is_primary && !LISTED.contains(&collection(command))).then(|| "may be read from a secondary".to_owned())
}

/// What is of tenants is asked for by the tenant, so that one shard answers; what is looked for by its key, by that, or as the list of a
/// tenant, which every shard is asked for.
fn names_its_shard(command: &Document) -> Vec<String> {
    let name = collection(command);
    let scope = ALL.iter().copied().flatten().find(|known| known.name == name).map(|known| known.scope);
    let is_named = |filter: &Document| match scope {
        Some(Scope::Tenants) => names_tenants(filter) || is_of_all_tenants(name, filter),
        Some(Scope::Keys) => names_tenants(filter) || filter.contains_key("_id"),
        Some(Scope::Installation) | None => true,
    };
    let unnamed = filters(command).into_iter().filter(|filter| !is_named(filter));
    unnamed.map(|filter| format!("does not name its shard: {filter}")).collect()
}

/// Whether it says of which tenants it is, on whose shards alone it is answered then.
fn names_tenants(filter: &Document) -> bool {
    match filter.get("tenant") {
        Some(Bson::String(_)) => true,
        Some(Bson::Document(one_of)) => one_of.contains_key("$in"),
        Some(_) => false,
        None => filter.get_array("$and").into_iter().flatten().filter_map(Bson::as_document).any(names_tenants),
    }
}

fn is_of_all_tenants(collection: &str, filter: &Document) -> bool {
    // A key by itself is no sweep, and names no shard: there it is a range, or an exception.
    let is_sweep = |filter: &Document, field: &str| match filter.get(field) {
        Some(value) => !["_id", "tenant"].contains(&field) || value.as_document().is_some(),
        None => false,
    };
    let is_led_by = |filter: &Document| OF_ALL_TENANTS.iter().any(|(of, field)| *of == collection && is_sweep(filter, field));
    is_led_by(filter) || filter.get_array("$and").into_iter().flatten().filter_map(Bson::as_document).any(is_led_by)
}

/// What a command asks for, or stores.
fn filters(command: &Document) -> Vec<Document> {
    let list = |name: &str| command.get_array(name).into_iter().flatten().filter_map(Bson::as_document);
    let asked = |name: &str| list(name).filter_map(|one| one.get_document("q").ok()).cloned().collect();
    match command.keys().next().map(String::as_str) {
        Some("find") => vec![command.get_document("filter").cloned().unwrap_or_default()],
        Some("aggregate") if follows_the_feed(command) => Vec::new(),
        Some("aggregate") => vec![list("pipeline").next().and_then(|first| first.get_document("$match").ok()).cloned().unwrap_or_default()],
        Some("insert") => list("documents").cloned().collect(),
        Some("update") => asked("updates"),
        Some("delete") => asked("deletes"),
        _ => Vec::new(),
    }
}

fn follows_the_feed(command: &Document) -> bool {
    let stages = command.get_array("pipeline").into_iter().flatten().filter_map(Bson::as_document);
    stages.into_iter().any(|stage| stage.contains_key("$changeStream"))
}

fn collection(command: &Document) -> &str {
    command.values().next().and_then(Bson::as_str).unwrap_or_default()
}

fn level(command: &Document) -> Option<&str> {
    command.get_document("readConcern").ok()?.get_str("level").ok()
}

fn is_in_transaction(command: &Document) -> bool {
    is(command, "autocommit", false)
}

fn is(document: &Document, field: &str, wanted: bool) -> bool {
    document.get_bool(field).is_ok_and(|found| found == wanted)
}

// === tests ===

#[test]
fn commands_that_break_a_rule_are_found() {
    use mongodb::bson::doc;
    let lsid = || doc! { "id": 1 };
    let majority = || doc! { "level": "majority" };
    let durable = || doc! { "w": "majority", "j": true };
    let key = || doc! { "_id": "acme/one", "tenant": "acme" };
    let found = |command: Document| faults(&command).len();
    let find = |filter: Document| doc! { "find": "utilities", "filter": filter, "lsid": lsid(), "readConcern": majority(), "maxTimeMS": 5 };
    assert_eq!(found(find(key())), 0);
    assert_eq!(found(find(doc! { "_id": "acme/one" })), 1, "it asks every shard");
    assert_eq!(found(find(doc! { "tenant": { "$nin": ["beta"] } })), 1, "so does this");
    let of = |collection: &str, filter: Document| {
        let mut command = find(filter);
        command.insert("find", collection);
        found(command)
    };
    assert_eq!((of("event_logs", doc! { "_id": { "$gt": "a" } }), of("event_logs", doc! { "_id": "acme" })), (0, 1), "a sweep, and a key");
    assert_eq!((of("sessions", doc! { "_id": "one" }), of("sessions", doc! { "principal": "ann" })), (0, 1), "a key, and anybody's");
    assert_eq!(found(find(doc! { "$and": [key(), { "kind": "script" }] })), 0);
    assert_eq!(found(doc! { "find": "utilities", "filter": key() }), 3, "no session, no concern, no bound");
    let mut lagging = find(key());
    lagging.insert("$readPreference", doc! { "mode": "secondaryPreferred" });
    assert_eq!(found(lagging), 1);
    let delete = |concern: Document| doc! { "delete": "utilities", "deletes": [{ "q": key() }], "lsid": lsid(), "writeConcern": concern };
    assert_eq!((found(delete(durable())), found(delete(doc! { "w": 1 }))), (0, 1));
    let begin = |level: &str| {
        let (key, concern) = (key(), doc! { "level": level });
        doc! {
            "insert": "utilities", "documents": [key], "lsid": lsid(), "txnNumber": 1_i64, "autocommit": false, "startTransaction": true,
            "readConcern": concern,
        }
    };
    assert_eq!((found(begin("snapshot")), found(begin("local"))), (0, 1));
    assert_eq!(found(doc! { "commitTransaction": 1, "lsid": lsid(), "txnNumber": 1_i64, "autocommit": false }), 1);
    assert_eq!(found(doc! { "dropDatabase": 1, "lsid": lsid() }), 1);
}

#[tokio::test]
async fn only_lists_are_read_from_secondaries_and_only_where_that_is_settled() {
    let (acme, ann) = (scope("acme"), Grantee::Principal(user("ann")));
    let everything = PageRequest { size: 10, after: None };
    for lists_from_secondaries in [false, true] {
        let watch = Watch::begin();
        let scratch = Scratch::with(|config| Config { uri: watch.uri(), lists_from_secondaries, ..config }).await;
        UtilityRepository::commit(&*scratch, &acme, creation(utility(&acme, "extract"))).await.unwrap();
        ExecutionRepository::insert(&*scratch, &acme, &execution(&acme, 1), None, &[], None).await.unwrap();
        AuditRepository::append(&*scratch, vec![entry("acme", 1)]).await.unwrap();
        watch.0.take();
        GrantRepository::held_by(&*scratch, &acme, &ann).await.unwrap();
        drop(UtilityRepository::find_current(&*scratch, &acme, &utility(&acme, "extract").name.utility).await.unwrap());
        drop(ExecutionRepository::find(&*scratch, &acme, &execution(&acme, 1).name.execution).await.unwrap());
        assert_eq!(from_secondaries(&watch), Vec::<String>::new(), "what decides is of the primary");
        drop(ExecutionRepository::list(&*scratch, &acme, &ExecutionQuery::default(), &everything).await.unwrap());
        drop(AuditRepository::list(&*scratch, &acme, &AuditQuery::default(), &everything).await.unwrap());
        let lists = from_secondaries(&watch);
        assert_eq!(lists.iter().any(|name| name == "executions"), lists_from_secondaries, "{lists:?}");
        assert_eq!(lists.iter().any(|name| name == "audit_records"), lists_from_secondaries, "{lists:?}");
        assert!(lists.iter().all(|name| LISTED.contains(&name.as_str())), "{lists:?}");
    }
}

/// Collections that were read since, and may have been from secondaries.
fn from_secondaries(watch: &Watch) -> Vec<String> {
    let may_lag = |command: &Document| {
        let mode = command.get_document("$readPreference").ok().and_then(|preference| preference.get_str("mode").ok());
        mode.is_some_and(|mode| mode.starts_with("secondary"))
    };
    watch.0.take().iter().filter(|command| may_lag(command)).map(|command| collection(command).to_owned()).collect()
}

#[tokio::test]
async fn however_many_ask_there_are_no_more_connections_than_are_settled() {
    const CONNECTIONS: u32 = 4;
    let watch = Watch::begin();
    let scratch = Scratch::with(|config| Config { uri: watch.uri(), connections: CONNECTIONS, ..config }).await;
    let acme = scope("acme");
    let asked = (0..64).map(|number| {
        let (store, acme) = (&*scratch, &acme);
        async move { UtilityRepository::commit(store, acme, creation(utility(acme, &format!("u{number}")))).await }
    });
    futures_util::future::try_join_all(asked).await.unwrap();
    let read = (0..64).map(|number| {
        let (store, acme, id) = (&*scratch, &acme, utility(&acme, &format!("u{number}")).name.utility);
        async move { UtilityRepository::find(store, acme, &id).await }
    });
    futures_util::future::try_join_all(read).await.unwrap();
    assert!((1..=CONNECTIONS as usize).contains(&watch.0.most_busy()), "{}", watch.0.most_busy());
}
