//! Events, webhooks and deliveries whose rows are damaged hide no others.

use domain::event::{Event, EventKind, EventRepository};
use domain::identity::Secret;
use domain::request::{Committed, Expected};
use domain::utility::UtilityRepository;
use domain::webhook::{Queued, Webhook, WebhookChange, WebhookRepository, WebhookSecrets};
use test_support::sample::{at, creation, scope, utility};
use test_support::webhook_repository;

use super::Scratch;
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
    let secrets = Some(WebhookSecrets { current: Secret::new("whsec_"), previous: None });
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
    let queued = Queued { from: 0, to: 4, missed: 0, events: told(&store).await, due: at(1) };
    assert!(store.queue(&scope("acme"), &one.name.webhook, queued).await.unwrap());
    damage(&store, "UPDATE webhook_deliveries SET kind = 'x' WHERE sequence = 1").await;
    let due = store.due(&scope("acme"), &one.name.webhook, at(1), 9).await.unwrap();
    let kinds = [EventKind::Unreadable, EventKind::UtilityCreated, EventKind::Unreadable, EventKind::UtilityCreated];
    assert_eq!(due.iter().map(|delivery| delivery.event.kind).collect::<Vec<_>>(), kinds);
    damage(&store, "UPDATE webhooks SET document = '{' WHERE id = 'one'").await;
    assert_eq!(store.pending(at(1)).await.unwrap(), [other]);
}
