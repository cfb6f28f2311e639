//! Webhooks as administrators keep them; what is sent to them stands elsewhere.

use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::identity::Secret;
use domain::name::{WebhookId, WebhookName};
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::revision::Etag;
use domain::webhook::{
    Webhook, WebhookAsked, WebhookDraft, WebhookPatch, WebhookPorts, WebhookRepository as _, WebhookState, Webhooks, actions,
};
use test_support::{FakeSender, InMemoryEvents, InMemoryWebhooks, sample};

use crate::installation::{ADA, BEA, CLEO, Installed, principal, reason, tenant, violations};

const URL: &str = "https://chat.example/hook";

struct Keeping {
    installed: Installed,
    stored: Arc<InMemoryWebhooks>,
    webhooks: Webhooks,
}

impl Keeping {
    async fn new() -> Self {
        let installed = Installed::new().await;
        let events = Arc::new(InMemoryEvents::new(installed.clock.clone()));
        let stored = Arc::new(InMemoryWebhooks::new(installed.clock.clone(), events));
        let sender = Arc::new(FakeSender::default());
        let webhooks = Webhooks::new(WebhookPorts { repository: stored.clone(), sender, clock: installed.clock.clone() });
        Keeping { installed, stored, webhooks }
    }

    async fn create(&self, who: &str, draft: WebhookDraft, asked: WebhookAsked) -> Result<(Webhook, Option<Secret>)> {
        let permit = self.installed.by::<actions::CreateWebhook>(who, tenant("acme")).await?;
        self.webhooks.create(&permit, draft, asked).await
    }

    async fn made(&self) -> Webhook {
        self.create(ADA, draft(), WebhookAsked::default()).await.unwrap().0
    }

    async fn update(&self, patch: WebhookPatch, asked: WebhookAsked) -> Result<Webhook> {
        let permit = self.installed.by::<actions::UpdateWebhook>(ADA, chat()).await?;
        self.webhooks.update(&permit, patch, asked).await
    }

    async fn rotate(&self, asked: WebhookAsked) -> Result<(Webhook, Option<Secret>)> {
        let permit = self.installed.by::<actions::RotateWebhookSecret>(ADA, chat()).await?;
        self.webhooks.rotate(&permit, asked).await
    }

    async fn delete(&self, asked: WebhookAsked) -> Result<Webhook> {
        let permit = self.installed.by::<actions::DeleteWebhook>(ADA, chat()).await?;
        self.webhooks.delete(&permit, asked).await
    }

    /// How many secrets before the current one still sign.
    async fn previous(&self) -> usize {
        let found = self.stored.secrets(&sample::scope("acme"), &chat().webhook).await.unwrap();
        found.map_or(0, |secrets| secrets.previous.len())
    }
}

fn chat() -> WebhookName {
    WebhookName { tenant: sample::tenant("acme"), webhook: WebhookId::parse("id", "chat").expect("an id") }
}

fn draft() -> WebhookDraft {
    WebhookDraft { id: Some(chat().webhook), url: URL.to_owned(), types: vec!["dev.zona.utility".to_owned()], ..WebhookDraft::default() }
}

fn seen(etag: Etag) -> WebhookAsked {
    WebhookAsked { etag, ..WebhookAsked::default() }
}

fn request(id: &str) -> WebhookAsked {
    let request = RequestKey { caller: principal(ADA), ..sample::request("/zona.Test/Any", id, 1) };
    WebhookAsked { request: Some(request), ..WebhookAsked::default() }
}

#[tokio::test]
async fn a_webhook_is_made_once_with_a_secret_that_only_the_first_answer_shows() {
    let keeping = Keeping::new().await;
    let (made, secret) = keeping.create(ADA, draft(), request("make")).await.unwrap();
    assert_eq!((made.url.as_str(), made.state, secret.is_some()), (URL, WebhookState::Active, true));
    let (again, secret) = keeping.create(ADA, draft(), request("make")).await.unwrap();
    assert_eq!((again, secret.is_none()), (made, true));
    assert_eq!(reason(keeping.create(ADA, draft(), WebhookAsked::default()).await), "ALREADY_EXISTS");
    for who in [CLEO, BEA] {
        assert_eq!(reason(keeping.create(who, draft(), WebhookAsked::default()).await), "PERMISSION_DENIED", "{who}");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_webhook_is_told_at_once() {
    let keeping = Keeping::new().await;
    let wrong = WebhookDraft {
        url: format!("http://{}", "x".repeat(2_048)),
        description: "x".repeat(501),
        types: vec!["dev.nobody".to_owned()],
        ..draft()
    };
    let mut fields: Vec<String> =
        violations(keeping.create(ADA, wrong, WebhookAsked::default()).await).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    fields.dedup();
    assert_eq!(fields, ["webhook.description", "webhook.types[0]", "webhook.url"]);
}

#[tokio::test]
async fn parts_of_it_change_and_the_rest_stays() {
    let keeping = Keeping::new().await;
    let made = keeping.made().await;
    let disabled = WebhookPatch { disabled: Some(true), description: Some("Chat".to_owned()), ..WebhookPatch::default() };
    let changed = keeping.update(disabled, seen(made.etag())).await.unwrap();
    assert_eq!((changed.state, changed.description.as_str(), changed.url.as_str()), (WebhookState::Disabled, "Chat", URL));
    assert_eq!(changed.types, made.types);
    assert_eq!(reason(keeping.update(WebhookPatch::default(), seen(made.etag())).await), "ETAG_MISMATCH");
    let enabled = WebhookPatch { disabled: Some(false), types: Some(Vec::new()), ..WebhookPatch::default() };
    let changed = keeping.update(enabled, WebhookAsked::default()).await.unwrap();
    assert_eq!((changed.state, changed.types.len()), (WebhookState::Active, 0));
    let wrong = WebhookPatch { url: Some("http://chat.example".to_owned()), ..WebhookPatch::default() };
    assert_eq!(violations(keeping.update(wrong, WebhookAsked::default()).await), [("webhook.url".to_owned(), "ADDRESS_REFUSED")]);
}

#[tokio::test]
async fn secrets_of_before_sign_for_a_day_beside_the_new_one_and_no_more_than_three() {
    let keeping = Keeping::new().await;
    keeping.made().await;
    for rotations in 1..=5 {
        let (_, secret) = keeping.rotate(WebhookAsked::default()).await.unwrap();
        assert!(secret.is_some());
        assert_eq!(keeping.previous().await, rotations.min(3));
    }
    keeping.installed.clock.advance(Duration::from_secs(24 * 3_600));
    keeping.rotate(request("rotate")).await.unwrap();
    assert_eq!(keeping.previous().await, 1);
    let (_, secret) = keeping.rotate(request("rotate")).await.unwrap();
    assert!(secret.is_none(), "the first answer has shown it");
    keeping.stored.damage_secrets(&chat());
    keeping.rotate(WebhookAsked::default()).await.unwrap();
    assert_eq!(keeping.previous().await, 0, "what cannot be read signs nothing");
}

#[tokio::test]
async fn webhooks_are_listed_read_and_deleted_once() {
    let keeping = Keeping::new().await;
    let made = keeping.made().await;
    let permit = keeping.installed.by::<actions::ListWebhooks>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(keeping.webhooks.list(&permit, &PageRequest { size: 10, after: None }).await.unwrap().items, std::slice::from_ref(&made));
    let reading = keeping.installed.by::<actions::GetWebhook>(ADA, chat()).await.unwrap();
    assert_eq!(keeping.webhooks.get(&reading).await.unwrap().0, made);
    let letters = keeping.installed.by::<actions::ListDeadLetters>(ADA, chat()).await.unwrap();
    assert!(keeping.webhooks.dead_letters(&letters, &PageRequest { size: 10, after: None }).await.unwrap().items.is_empty());
    assert_eq!(reason(keeping.delete(seen(Etag::new("\"w9\""))).await), "ETAG_MISMATCH");
    keeping.delete(request("delete")).await.unwrap();
    assert_eq!(keeping.delete(request("delete")).await.unwrap().name, chat());
    assert_eq!(reason(keeping.webhooks.get(&reading).await), "NOT_FOUND");
    assert_eq!(reason(keeping.rotate(WebhookAsked::default()).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_replay_names_no_more_than_a_thousand_letters() {
    let keeping = Keeping::new().await;
    keeping.made().await;
    let permit = keeping.installed.by::<actions::ReplayDeadLetters>(ADA, chat()).await.unwrap();
    let many = keeping.webhooks.replay(&permit, (0..1_001).collect(), WebhookAsked::default()).await;
    assert_eq!(violations(many), [("sequences".to_owned(), "TOO_LONG")]);
    keeping.webhooks.replay(&permit, vec![3], WebhookAsked::default()).await.unwrap();
}
