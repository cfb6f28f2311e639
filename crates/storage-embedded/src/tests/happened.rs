//! Events, webhooks and deliveries whose rows are damaged hide no others, and how many dead letters are kept.

use domain::audit::AuditRepository;
use domain::event::{Event, EventKind, EventRepository};
use domain::identity::Secret;
use domain::page::PageRequest;
use domain::request::{Committed, Expected};
use domain::tenant::TenantState;
use domain::utility::UtilityRepository;
use domain::webhook::{Failed, Queued, Verdict, Webhook, WebhookChange, WebhookRepository, WebhookSecrets};
use futures_util::FutureExt as _;
use test_support::audit_repository::entry;
use test_support::sample::{at, creation, scope, utility};
use test_support::{in_time, webhook_repository};

use super::Scratch;
use super::retention::turn;
use crate::error::during;

/// Four utilities are made.
async fn happened(store: &Scratch) {
    for number in 1..=4 {
        let creation = creation(utility(&scope("acme"), &format!("u-{number}")));
        assert_eq!(UtilityRepository::commit(&**store, &scope("acme"), creation).await.unwrap(), Committed::Stored);
    }
}

async fn told(store: &Scratch) -> Vec<Event> {
    EventRepository::behind(&**store, &scope("acme"), 0).await.unwrap().open_for_system().unwrap().items
}

async fn damage(store: &Scratch, sql: &'static str) {
    store.write(move |connection| connection.execute_batch(sql).map_err(during("testing"))).await.unwrap();
}

async fn make(store: &Scratch, id: &str) -> Webhook {
    let webhook = webhook_repository::webhook("acme", id);
    let secrets = Some(WebhookSecrets { current: Secret::new("whsec_"), previous: Vec::new() });
    let change =
        WebhookChange { expected: Expected::Absent, webhook: webhook.clone(), deletes: false, secrets, replays: None, request: None };
    assert_eq!(WebhookRepository::commit(&**store, &scope("acme"), change).await.unwrap(), Committed::Stored);
    webhook
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_as_such_in_its_place_and_hides_no_other() {
    let store = Scratch::new();
    happened(&store).await;
    let whole = told(&store).await;
    damage(&store, "UPDATE events SET kind = 'dev.zona.x' WHERE sequence = 2; UPDATE events SET details = '{' WHERE sequence = 3").await;
    let all = told(&store).await;
    let kinds = [EventKind::UtilityCreated, EventKind::Unreadable, EventKind::Unreadable, EventKind::UtilityCreated];
    assert_eq!(all.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
    let known = |event: &Event| (event.sequence, event.id.clone(), event.time, event.subject.clone());
    assert_eq!(all.iter().map(known).collect::<Vec<_>>(), whole.iter().map(known).collect::<Vec<_>>());
    assert!(all[1].details.is_empty() && all[2].details.is_empty());
    assert_eq!((&all[0], &all[3]), (&whole[0], &whole[3]));
}

#[tokio::test]
async fn a_delivery_or_a_webhook_that_cannot_be_read_holds_up_no_other() {
    let store = Scratch::new();
    let (one, other) = (make(&store, "one").await, make(&store, "other").await);
    happened(&store).await;
    // The third goes on its way as what cannot be read.
    damage(&store, "UPDATE events SET details = '{' WHERE sequence = 3").await;
    let queued = Queued { revision: one.revision, from: 0, to: 4, missed: 0, events: told(&store).await, due: at(1) };
    assert!(store.queue(&scope("acme"), &one.name.webhook, queued).await.unwrap());
    damage(&store, "UPDATE webhook_deliveries SET kind = 'x' WHERE sequence = 1").await;
    let due = store.due(&scope("acme"), &one, at(1), 9).await.unwrap();
    let kinds = [EventKind::Unreadable, EventKind::UtilityCreated, EventKind::Unreadable, EventKind::UtilityCreated];
    assert_eq!(due.iter().map(|delivery| delivery.event.kind).collect::<Vec<_>>(), kinds);
    damage(&store, "UPDATE webhooks SET document = '{' WHERE id = 'one'").await;
    assert_eq!(store.pending(at(1), None).await.unwrap(), [other]);
}

#[tokio::test]
async fn a_secret_that_was_replaced_and_cannot_be_read_leaves_the_new_one() {
    let store = Scratch::new();
    let made = make(&store, "one").await;
    let previous = vec![(Secret::new("whsec_before"), at(9_000_000_000_000))];
    let webhook = Webhook { revision: made.revision.next(), ..made.clone() };
    let change = WebhookChange {
        expected: Expected::Revision(made.revision),
        webhook,
        deletes: false,
        secrets: Some(WebhookSecrets { current: Secret::new("whsec_new"), previous }),
        replays: None,
        request: None,
    };
    assert_eq!(WebhookRepository::commit(&*store, &scope("acme"), change).await.unwrap(), Committed::Stored);
    let secrets = async || {
        let found = store.secrets(&scope("acme"), &made.name.webhook).await.unwrap().unwrap();
        (found.current.expose().to_owned(), found.previous.len())
    };
    assert_eq!(secrets().await, ("whsec_new".to_owned(), 1));
    damage(&store, "UPDATE webhooks SET previous = x'00'").await;
    assert_eq!(secrets().await, ("whsec_new".to_owned(), 0));
    damage(&store, "UPDATE webhooks SET secret = x'00'").await;
    let error = store.secrets(&scope("acme"), &made.name.webhook).await.unwrap_err();
    assert_eq!(error.kind(), domain::ErrorKind::Internal);
}

#[tokio::test]
async fn nothing_is_pending_for_tenants_that_are_not_active() {
    let store = Scratch::new();
    let one = make(&store, "one").await;
    happened(&store).await;
    turn(&store, "acme", TenantState::Suspended, false).await;
    assert_eq!(store.pending(at(1), None).await.unwrap(), []);
    turn(&store, "acme", TenantState::Active, false).await;
    assert_eq!(store.pending(at(1), None).await.unwrap(), [one]);
}

/// So many dead letters of the webhook `one`, as if each had been given up.
const LETTERS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
     INSERT INTO webhook_deliveries (tenant, webhook, sequence, id, time, kind, subject, details, due, given_up) \
     SELECT 'acme', 'one', i, 'id', 1, 'dev.zona.utility.created', 'some', '{}', 1, 1 FROM n; \
     INSERT INTO webhook_deliveries (tenant, webhook, sequence, id, time, kind, subject, details, due) \
     VALUES ('acme', 'one', 10001, 'id', 1, 'dev.zona.utility.created', 'some', '{}', 1), \
     ('acme', 'one', 10002, 'id', 1, 'dev.zona.utility.created', 'some', '{}', 1)";

#[tokio::test]
async fn the_oldest_dead_letters_go_beyond_the_bound_but_not_under_a_legal_hold() {
    let store = Scratch::new();
    let one = make(&store, "one").await;
    damage(&store, LETTERS).await;
    let give_up = async |sequence| {
        let failed = Failed { sequence, attempts: 1, failure: String::new(), verdict: Verdict::GivenUp(at(2)) };
        store.failed(&scope("acme"), &one.name.webhook, failed).await.unwrap();
        let page = PageRequest { size: 1, after: None };
        let first = store.dead_letters(&scope("acme"), &one.name.webhook, &page).await.unwrap().open_for_system().unwrap().items;
        let progress = store.progress(&scope("acme"), &one.name.webhook).await.unwrap().unwrap();
        (first[0].delivery.event.sequence, progress.dead_letters)
    };
    turn(&store, "acme", TenantState::Active, true).await;
    assert_eq!(give_up(10_001).await, (1, 10_001));
    turn(&store, "acme", TenantState::Active, false).await;
    assert_eq!(give_up(10_002).await, (3, 10_000));
}

#[tokio::test]
async fn who_listens_hears_what_is_added_to_their_own_log_once_it_is_stored() {
    let store = Scratch::new();
    let mut others = [EventRepository::news(&*store, &scope("beta")), AuditRepository::news(&*store, &scope("acme"))];
    let news = EventRepository::news(&*store, &scope("acme"));
    let creation = creation(utility(&scope("acme"), "u"));
    assert_eq!(UtilityRepository::commit(&*store, &scope("acme"), creation).await.unwrap(), Committed::Stored);
    in_time(news).await;
    assert_eq!(told(&store).await.len(), 1, "whoever looks now finds it");
    assert!(others.iter_mut().all(|other| other.now_or_never().is_none()));
    let [_, news] = others;
    AuditRepository::append(&*store, vec![entry("acme", 1)]).await.unwrap();
    in_time(news).await;
}
