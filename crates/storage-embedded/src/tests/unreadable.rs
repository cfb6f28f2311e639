//! Rows that cannot be read hide no others, whatever is listed: each list is paged over two of them.

use domain::access::{Access, Found, Grant, GrantRepository, Grantee, Side};
use domain::audit::{AuditRepository, Entry, Outcome};
use domain::event::{EventKind, EventRepository};
use domain::execution::{ExecutionQuery, ExecutionRepository};
use domain::hash::Hash;
use domain::identity::{ApiKey, ApiKeyChange, ApiKeyRepository, Principal, PrincipalChange, PrincipalQuery, PrincipalRepository, Secret};
use domain::lease::InstanceId;
use domain::name::{ApiKeyId, PrincipalKind, PrincipalName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::secret::{SecretChange, SecretRepository};
use domain::utility::{UtilityQuery, UtilityRepository};
use domain::webhook::{Failed, Queued, Verdict, Webhook, WebhookChange, WebhookRepository, WebhookSecrets};
use test_support::audit_repository::entry;
use test_support::sample::{
    at, creation, execution, execution_id, grant, next_version, offer, principal, scope, user, utility, utility_id,
};
use test_support::{secret_repository, webhook_repository};

use super::Scratch;
use super::retention::ran;
use crate::error::during;

const ACCOUNT: &str = "tenants/acme/serviceAccounts/c";

/// Everything that a list holds, one row a page.
async fn all<T>(list: impl AsyncFn(PageRequest) -> domain::Result<Found<Page<T>>>) -> Vec<T> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = list(PageRequest { size: 1, after }).await.unwrap().open_for_system().unwrap();
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// Three of each thing that is listed.
async fn filled() -> Scratch {
    let (store, acme) = (Scratch::new(), scope("acme"));
    for number in 1..=3 {
        let made = UtilityRepository::commit(&*store, &acme, creation(utility(&acme, &format!("u-{number}")))).await.unwrap();
        assert_eq!(made, Committed::Stored);
        ran(&store, "acme", number, 5).await;
        let shared = offer(&format!("u-{number}"), Access::Read);
        assert_eq!(GrantRepository::put(&*store, &acme, &shared, at(10), None).await.unwrap(), Committed::Stored);
    }
    for _ in 1..=2 {
        let stored = UtilityRepository::find(&*store, &acme, &utility_id("u-3")).await.unwrap().open_for_system().unwrap();
        assert_eq!(UtilityRepository::commit(&*store, &acme, next_version(&stored)).await.unwrap(), Committed::Stored);
    }
    for id in ["a", "b", "c"] {
        for collection in ["users", "serviceAccounts"] {
            put_principal(&store, principal(&format!("tenants/acme/{collection}/{id}"))).await;
        }
        put_key(&store, &id.repeat(16)).await;
        let granted = grant("u-3", Grantee::Principal(user(id)), Access::Read);
        assert_eq!(GrantRepository::put(&*store, &acme, &granted, at(10), None).await.unwrap(), Committed::Stored);
        put_webhook(&store, webhook_repository::webhook("acme", id)).await;
        let made = secret_repository::creation(&secret_repository::secret("acme", id), "value");
        assert_eq!(SecretRepository::commit(&*store, &acme, made).await.unwrap(), Committed::Stored);
    }
    give_up(&store).await;
    store
}

async fn put_principal(store: &Scratch, principal: Principal) {
    let change = PrincipalChange { expected: Expected::Absent, principal, deletes: false, judged_at: None, request: None };
    assert_eq!(PrincipalRepository::commit(&**store, &scope("acme"), change).await.unwrap(), Committed::Stored);
}

async fn put_key(store: &Scratch, id: &str) {
    let key = ApiKey {
        id: ApiKeyId::parse("id", id).unwrap(),
        account: PrincipalName::parse("name", ACCOUNT).unwrap(),
        hash: Hash::from_bytes([7; 32]),
        description: String::new(),
        created: at(1),
        expires: None,
        last_used: None,
        revoked: None,
        issued_under: at(3),
        revision: Revision::FIRST,
    };
    let change = ApiKeyChange { expected: Expected::Absent, key, request: None };
    assert_eq!(ApiKeyRepository::commit(&**store, &scope("acme"), change).await.unwrap(), Committed::Stored);
}

async fn put_webhook(store: &Scratch, webhook: Webhook) {
    let secrets = Some(WebhookSecrets { current: Secret::new("whsec_"), previous: Vec::new() });
    let change = WebhookChange { expected: Expected::Absent, webhook, deletes: false, secrets, replays: None, request: None };
    assert_eq!(WebhookRepository::commit(&**store, &scope("acme"), change).await.unwrap(), Committed::Stored);
}

/// Three events that nobody took.
async fn give_up(store: &Scratch) {
    let (acme, webhook) = (scope("acme"), webhook_repository::webhook("acme", "c"));
    let id = &webhook.name.webhook;
    let from = WebhookRepository::reached(&**store, &acme, id, 10).await.unwrap().unwrap();
    for number in 4..=6 {
        UtilityRepository::commit(&**store, &acme, creation(utility(&acme, &format!("v-{number}")))).await.unwrap();
    }
    let events = EventRepository::behind(&**store, &acme, from).await.unwrap().open_for_system().unwrap().items;
    let places: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    let queued = Queued { revision: webhook.revision, from, to: places[2], missed: 0, events, due: at(1) };
    assert!(WebhookRepository::queue(&**store, &acme, id, queued).await.unwrap());
    for sequence in places {
        let failed = Failed { sequence, attempts: 1, failure: "no".to_owned(), verdict: Verdict::GivenUp(at(9)) };
        assert!(WebhookRepository::failed(&**store, &acme, id, failed).await.unwrap());
    }
}

/// Makes two of each three no longer readable, by a document that is none and by a text that is none.
async fn damage(store: &Scratch) {
    const SPOILED: [(&str, &str, [&str; 2]); 8] = [
        ("utilities", "id", ["'u-1'", "'u-2'"]),
        ("versions", "id = 'u-3' AND number", ["3", "1"]),
        ("principals", "id", ["'a'", "'b'"]),
        ("api_keys", "id", ["'aaaaaaaaaaaaaaaa'", "'bbbbbbbbbbbbbbbb'"]),
        ("grants", "grantee", ["'tenants/acme/users/a'", "'tenants/acme/users/b'"]),
        ("grants", "shared_with = 'beta' AND utility", ["'u-1'", "'u-2'"]),
        ("webhooks", "id", ["'a'", "'b'"]),
        ("secrets", "id", ["'a'", "'b'"]),
    ];
    let executions = [1, 2].map(|number| format!("'{}'", execution_id(number)));
    let mut sql = String::new();
    for (table, column, rows) in SPOILED {
        for (row, document) in rows.iter().zip(["'{'", "CAST(x'ff' AS TEXT)"]) {
            sql.push_str(&format!("UPDATE {table} SET document = {document} WHERE {column} = {row};"));
        }
    }
    for (row, document) in executions.iter().zip(["'{'", "CAST(x'ff' AS TEXT)"]) {
        sql.push_str(&format!("UPDATE executions SET document = {document} WHERE id = {row};"));
    }
    // What is inside of a delivery is shown as unreadable; beside it there is a text that is none.
    let first = "(SELECT min(sequence) FROM webhook_deliveries)";
    sql.push_str(&format!("UPDATE webhook_deliveries SET subject = CAST(x'ff' AS TEXT) WHERE sequence = {first};"));
    sql.push_str(&format!("UPDATE webhook_deliveries SET details = '{{' WHERE sequence = {first} + 1;"));
    store.write(move |connection| connection.execute_batch(&sql).map_err(during("damaging rows"))).await.unwrap();
}

#[tokio::test]
async fn rows_that_cannot_be_read_hide_no_others_in_any_list_and_are_counted() {
    let (filled, acme) = (filled().await, scope("acme"));
    damage(&filled).await;
    let store = &*filled;

    let utilities = all(async |page| UtilityRepository::list(store, &acme, &UtilityQuery::default(), &page).await).await;
    assert_eq!(utilities.iter().map(|one| one.name.utility.as_str()).collect::<Vec<_>>(), ["u-3", "v-4", "v-5", "v-6"]);
    let versions = all(async |page| store.list_versions(&acme, &utility_id("u-3"), &page).await).await;
    assert_eq!(versions.iter().map(|one| one.number).collect::<Vec<_>>(), [2]);
    let executions = all(async |page| ExecutionRepository::list(store, &acme, &ExecutionQuery::default(), &page).await).await;
    assert_eq!(executions.iter().map(|one| one.name.execution.clone()).collect::<Vec<_>>(), [execution_id(3)]);
    for kind in [PrincipalKind::User, PrincipalKind::ServiceAccount] {
        let query = PrincipalQuery { kind, only: None };
        let principals = all(async |page| PrincipalRepository::list(store, &acme, &query, &page).await).await;
        assert_eq!(principals.iter().map(|one| one.name.id()).collect::<Vec<_>>(), ["c"], "{kind:?}");
    }
    let account = PrincipalName::parse("name", ACCOUNT).unwrap();
    let keys = all(async |page| ApiKeyRepository::list(store, &acme, &account, &page).await).await;
    assert_eq!(keys.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["cccccccccccccccc"]);
    let grants: Vec<Grant> = all(async |page| GrantRepository::list(store, &acme, &utility_id("u-3"), &page).await).await;
    assert_eq!(grants.iter().map(|one| one.grantee.to_string()).collect::<Vec<_>>(), ["tenants/acme/users/c", "tenants/beta"]);
    for (of, side) in [("acme", Side::Given), ("beta", Side::Received)] {
        let shares = all(async |page| store.list_shares(&scope(of), side, &page).await).await;
        assert_eq!(shares.iter().map(|one| one.utility.utility.as_str()).collect::<Vec<_>>(), ["u-3"], "{side:?}");
    }
    let webhooks = all(async |page| WebhookRepository::list(store, &acme, &page).await).await;
    assert_eq!(webhooks.iter().map(|one| one.name.webhook.as_str()).collect::<Vec<_>>(), ["c"]);
    let secrets = all(async |page| SecretRepository::list(store, &acme, &page).await).await;
    assert_eq!(secrets.iter().map(|one| one.name.secret.as_str()).collect::<Vec<_>>(), ["c"]);
    let letters = all(async |page| store.dead_letters(&acme, &webhook_repository::webhook("acme", "c").name.webhook, &page).await).await;
    let kinds: Vec<_> = letters.iter().map(|letter| letter.delivery.event.kind).collect();
    assert_eq!(kinds, [EventKind::Unreadable, EventKind::UtilityCreated], "what is sealed or coded inside is shown as such");

    // Two of each of ten, and one delivery; not those of the event that is told as unreadable.
    assert_eq!(store.unreadable_rows(), 21);
    assert_eq!(all(async |page| store.list_versions(&acme, &utility_id("u-3"), &page).await).await.len(), 1);
    assert_eq!(store.unreadable_rows(), 21, "each once");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_where_it_is_asked_for_by_name_and_gives_nobody_anything() {
    let (filled, acme) = (filled().await, scope("acme"));
    damage(&filled).await;
    let store = &*filled;
    assert!(UtilityRepository::find(store, &acme, &utility_id("u-1")).await.is_err());
    assert!(ExecutionRepository::find(store, &acme, &execution_id(2)).await.is_err());
    let held = async |id: &str| store.held_by(&acme, &Grantee::Principal(user(id))).await.unwrap().len();
    assert_eq!((held("a").await, held("b").await, held("c").await), (0, 0, 1));
}

#[tokio::test]
async fn what_dead_servers_left_is_found_behind_however_much_that_cannot_be_read() {
    let (store, acme) = (Scratch::new(), scope("acme"));
    for number in 1..=25 {
        store.insert(&acme, &execution(&acme, number), None, &[], None).await.unwrap();
    }
    let readable = [7, 1].map(execution_id);
    let damage = format!("UPDATE executions SET document = '{{' WHERE id NOT IN ('{}', '{}')", readable[0], readable[1]);
    store.write(move |connection| connection.execute_batch(&damage).map_err(during("damaging rows"))).await.unwrap();
    let left = async |limit| {
        let found = ExecutionRepository::abandoned(&*store, at(60_000), limit).await.unwrap();
        found.into_iter().map(|one| one.name.execution).collect::<Vec<_>>()
    };
    assert_eq!(left(20).await, readable);
    assert_eq!(left(1).await, readable[..1]);
    assert_eq!(store.unreadable_rows(), 23);
}

#[tokio::test]
async fn open_intents_are_found_behind_however_many_that_cannot_be_read() {
    let store = Scratch::new();
    let intents = (1..=25).map(|number| Entry { outcome: Outcome::Intent, until: None, count: 1, ..entry("acme", number) });
    AuditRepository::append(&*store, intents.collect()).await.unwrap();
    let damage = "UPDATE audit_records SET record = x'09' WHERE sequence < 22";
    store.write(move |connection| connection.execute_batch(damage).map_err(during("damaging rows"))).await.unwrap();
    let found = AuditRepository::abandoned(&*store, &InstanceId::new("another"), at(60_000), 2).await.unwrap();
    let places: Vec<_> = found.iter().map(|one| one.as_ref().ok().map(|record| record.sequence)).collect();
    assert_eq!(places, [Some(22), Some(23), None], "those that can be read, and that there are others");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_replaced_as_a_whole_or_deleted_by_its_revision() {
    let (filled, acme) = (filled().await, scope("acme"));
    damage(&filled).await;
    let store = &*filled;
    for id in ["a", "b"] {
        let (id, made) = (secret_repository::id(id), secret_repository::secret("acme", id));
        assert!(SecretRepository::find(store, &acme, &id).await.is_err() && store.open(&acme, &id).await.is_err());
        assert_eq!(store.find_unreadable(&acme, &id).await.unwrap(), Some(made.revision));
        let value = Some(Secret::new("another"));
        let stale = SecretChange { value, expected: Expected::Revision(made.revision.next()), ..secret_repository::change(&made, &made) };
        assert_eq!(SecretRepository::commit(store, &acme, stale).await.unwrap(), Committed::Conflict);
        let value = Some(Secret::new("another"));
        let replaced = SecretChange { value, ..secret_repository::change(&made, &made) };
        assert_eq!(SecretRepository::commit(store, &acme, replaced).await.unwrap(), Committed::Stored);
        assert_eq!(store.open(&acme, &id).await.unwrap().unwrap().1.expose(), "another");
        assert_eq!(store.find_unreadable(&acme, &id).await.unwrap(), None, "it can be read");
    }
    damage(&filled).await;
    let (id, made) = (secret_repository::id("a"), secret_repository::secret("acme", "a"));
    let revision = store.find_unreadable(&acme, &id).await.unwrap().unwrap();
    let last = SecretChange { expected: Expected::Revision(revision), deletes: true, ..secret_repository::change(&made, &made) };
    assert_eq!(SecretRepository::commit(store, &acme, last).await.unwrap(), Committed::Stored);
    assert_eq!(store.find_unreadable(&acme, &id).await.unwrap(), None, "it is gone");
}
