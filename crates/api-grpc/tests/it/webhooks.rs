//! Webhooks through a real client: what can be wrong with them, secrets that are shown once, and requests that are sent twice.

use api_proto::zona::event::v1 as pb;
use domain::access::TenantScope;
use domain::audit::AuditRepository as _;
use domain::event::{EventRepository as _, Happened};
use domain::name::WebhookId;
use domain::webhook::{Failed, Queued, Verdict, WebhookRepository as _};
use test_support::sample;
use tonic::Code;

use crate::harness::{Harness, TENANT, pairs, reason, violations};

const REQUEST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const NAME: &str = "tenants/demo/webhooks/hook";

fn creation(id: &str) -> pb::CreateWebhookRequest {
    let webhook = pb::Webhook {
        url: "https://hooks.example.org/zona".to_owned(),
        description: "for tests".to_owned(),
        types: vec!["dev.zona.utility".to_owned()],
        ..Default::default()
    };
    pb::CreateWebhookRequest { parent: TENANT.to_owned(), webhook_id: id.to_owned(), webhook: Some(webhook), ..Default::default() }
}

async fn create(server: &Harness, id: &str) -> pb::CreateWebhookResponse {
    server.webhooks.clone().create_webhook(creation(id)).await.unwrap().into_inner()
}

async fn get(server: &Harness) -> pb::Webhook {
    server.webhooks.clone().get_webhook(pb::GetWebhookRequest { name: NAME.to_owned() }).await.unwrap().into_inner()
}

fn scope() -> TenantScope {
    sample::scope("demo")
}

fn id() -> WebhookId {
    WebhookId::parse("webhook", "hook").unwrap()
}

/// So many events, queued and given up.
async fn give_up(server: &Harness, many: u64) {
    let utility = sample::utility(&scope(), "u");
    server.known.events.note((0..many).map(|_| Happened::of_utility(&sample::creation(utility.clone()))));
    let revision = server.known.webhooks.find(&scope(), &id()).await.unwrap().open_for_system().unwrap().revision;
    let from = server.known.webhooks.progress(&scope(), &id()).await.unwrap().unwrap().reached;
    let events = server.known.events.behind(&scope(), from).await.unwrap().open_for_system().unwrap().items;
    let to = events.last().unwrap().sequence;
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    let queued = Queued { revision, from, to, missed: 0, events, due: sample::at(1) };
    assert!(server.known.webhooks.queue(&scope(), &id(), queued).await.unwrap());
    for (sequence, attempts) in sequences.into_iter().flat_map(|sequence| (1..=8).map(move |attempts| (sequence, attempts))) {
        let verdict = if attempts == 8 { Verdict::GivenUp(sample::at(2)) } else { Verdict::Again(sample::at(1)) };
        let failed = Failed { sequence, attempts, failure: "a failure".to_owned(), verdict };
        server.known.webhooks.failed(&scope(), &id(), failed).await.unwrap();
    }
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_deleted_and_its_secret_is_shown_once() {
    let server = Harness::start().await;
    let made = create(&server, "hook").await;
    assert!(made.secret.starts_with("whsec_"));
    assert!(!format!("{made:?}").contains(&made.secret), "nor does a log show it");
    let shown = get(&server).await;
    let webhook = made.webhook.unwrap();
    assert_eq!(shown, pb::Webhook { progress: Some(pb::WebhookProgress::default()), ..webhook.clone() });
    assert_eq!((webhook.name.as_str(), webhook.state(), webhook.disabled), (NAME, pb::WebhookState::Active, false));

    let changed = pb::Webhook { disabled: true, etag: webhook.etag.clone(), ..Default::default() };
    let update = pb::UpdateWebhookRequest { name: NAME.to_owned(), webhook: Some(changed), ..Default::default() };
    let updated = server.webhooks.clone().update_webhook(update.clone()).await.unwrap().into_inner();
    assert_eq!((updated.state(), updated.url.as_str()), (pb::WebhookState::Disabled, "https://hooks.example.org/zona"));
    let stale = server.webhooks.clone().update_webhook(update).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));

    let rotate = pb::RotateWebhookSecretRequest { name: NAME.to_owned(), ..Default::default() };
    let rotated = server.webhooks.clone().rotate_webhook_secret(rotate).await.unwrap().into_inner();
    assert!(rotated.secret.starts_with("whsec_") && rotated.secret != made.secret);
    let kept = server.known.webhooks.secrets(&scope(), &id()).await.unwrap().unwrap();
    assert_eq!((kept.current.expose(), kept.previous[0].0.expose()), (rotated.secret.as_str(), made.secret.as_str()));

    server.webhooks.clone().delete_webhook(pb::DeleteWebhookRequest { name: NAME.to_owned(), ..Default::default() }).await.unwrap();
    let gone = server.webhooks.clone().get_webhook(pb::GetWebhookRequest { name: NAME.to_owned() }).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone)), (Code::NotFound, "NOT_FOUND".to_owned()));
    let records = server.execution_store.since(&scope(), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    let said = format!("{records:?}");
    for action in ["create", "update", "rotateSecret", "delete"] {
        assert!(said.contains(&format!("webhook.{action}")), "{action} is recorded");
    }
    assert!(said.contains(NAME) && !said.contains(&made.secret) && !said.contains(&rotated.secret));
}

#[tokio::test]
async fn every_violation_of_a_webhook_is_told_at_once() {
    let server = Harness::start().await;
    let mut wrong = creation("Not An Id");
    wrong.webhook = Some(pb::Webhook {
        url: "http://hooks.example.org/".to_owned(),
        description: "x".repeat(501),
        types: vec!["dev.zona.util".to_owned()],
        ..Default::default()
    });
    let refused = server.webhooks.clone().create_webhook(wrong).await.unwrap_err();
    let expected = [
        ("webhook_id", "MALFORMED"),
        ("webhook.url", "ADDRESS_REFUSED"),
        ("webhook.description", "TOO_LONG"),
        ("webhook.types[0]", "UNKNOWN_EVENT_TYPE"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
    create(&server, "hook").await;
    let taken = server.webhooks.clone().create_webhook(creation("hook")).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken)), (Code::AlreadyExists, "ALREADY_EXISTS".to_owned()));
    for number in 1..20 {
        create(&server, &format!("hook-{number}")).await;
    }
    let full = server.webhooks.clone().create_webhook(creation("one-more")).await.unwrap_err();
    assert_eq!((full.code(), reason(&full)), (Code::FailedPrecondition, "TOO_MANY_WEBHOOKS".to_owned()));
    let page = pb::ListWebhooksRequest { parent: TENANT.to_owned(), page_size: 7, ..Default::default() };
    let page = server.webhooks.clone().list_webhooks(page).await.unwrap().into_inner();
    assert_eq!((page.webhooks.len(), page.next_page_token.is_empty()), (7, false));
}

#[tokio::test]
async fn a_request_about_a_webhook_that_is_sent_twice_is_done_once_and_shows_no_secret_again() {
    let server = Harness::start().await;
    let ask = pb::CreateWebhookRequest { request_id: REQUEST.to_owned(), ..creation("hook") };
    let first = server.webhooks.clone().create_webhook(ask.clone()).await.unwrap().into_inner();
    let again = server.webhooks.clone().create_webhook(ask.clone()).await.unwrap().into_inner();
    assert_eq!((again.webhook, again.secret.as_str()), (first.webhook, ""));
    let other = pb::CreateWebhookRequest { webhook_id: "other".to_owned(), ..ask };
    let reused = server.webhooks.clone().create_webhook(other).await.unwrap_err();
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");

    let rotate = pb::RotateWebhookSecretRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let first = server.webhooks.clone().rotate_webhook_secret(rotate.clone()).await.unwrap().into_inner();
    let again = server.webhooks.clone().rotate_webhook_secret(rotate).await.unwrap().into_inner();
    assert_eq!((again.webhook, again.secret.as_str()), (first.webhook, ""));
    let kept = server.known.webhooks.secrets(&scope(), &id()).await.unwrap().unwrap();
    assert_eq!(kept.current.expose(), first.secret, "rotated once");

    give_up(&server, 3).await;
    let replay = pb::ReplayDeadLettersRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let first = server.webhooks.clone().replay_dead_letters(replay.clone()).await.unwrap().into_inner();
    give_up(&server, 2).await;
    assert_eq!(server.webhooks.clone().replay_dead_letters(replay).await.unwrap().into_inner(), first);
    assert_eq!(get(&server).await.progress.unwrap().dead_letters, 2, "those that came later stay");

    let webhook = Some(pb::Webhook { description: "other".to_owned(), ..Default::default() });
    let update = pb::UpdateWebhookRequest { name: NAME.to_owned(), webhook, request_id: REQUEST.to_owned(), ..Default::default() };
    let delete = pb::DeleteWebhookRequest { name: NAME.to_owned(), request_id: REQUEST.to_owned(), ..Default::default() };
    let updated = server.webhooks.clone().update_webhook(update.clone()).await.unwrap().into_inner();
    assert_eq!(server.webhooks.clone().update_webhook(update).await.unwrap().into_inner(), updated);
    let deleted = server.webhooks.clone().delete_webhook(delete.clone()).await.unwrap().into_inner();
    assert_eq!(server.webhooks.clone().delete_webhook(delete).await.unwrap().into_inner(), deleted);
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_and_replayed_by_their_sequences() {
    let server = Harness::start().await;
    create(&server, "hook").await;
    give_up(&server, 5).await;
    let list = async |page_token: String| {
        let request = pb::ListDeadLettersRequest { parent: NAME.to_owned(), page_size: 2, page_token };
        server.webhooks.clone().list_dead_letters(request).await.unwrap().into_inner()
    };
    let (mut letters, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(token).await;
        letters.extend(page.dead_letters);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let sequences: Vec<i64> = letters.iter().map(|letter| letter.event.as_ref().unwrap().sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    assert_eq!((letters[0].failure.as_str(), letters[0].attempts), ("a failure", 8));
    let replay =
        |sequences: &[i64]| pb::ReplayDeadLettersRequest { name: NAME.to_owned(), sequences: sequences.to_vec(), ..Default::default() };
    let refused = server.webhooks.clone().replay_dead_letters(replay(&[1, -1])).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("sequences[1]", "OUT_OF_RANGE")]));
    server.webhooks.clone().replay_dead_letters(replay(&[2, 4, 99])).await.unwrap();
    let progress = get(&server).await.progress.unwrap();
    assert_eq!((progress.waiting, progress.dead_letters), (2, 3));
}
