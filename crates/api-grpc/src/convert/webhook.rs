//! Webhooks and dead letters, and the requests about them.

use std::mem::take;

use api_proto::zona::event::v1 as pb;
use domain::Result;
use domain::name::{PrincipalName, WebhookId};
use domain::revision::Etag;
use domain::webhook::{DeadLetter, Webhook, WebhookAsked, WebhookDraft, WebhookPatch, WebhookProgress, WebhookState};

use crate::convert::mask::Mask;
use crate::convert::{Violations, WireViolations as _, count, event_log, request_key, size, time};

/// Fields of a webhook that an update may name, beside `*`.
const FIELDS: [&str; 4] = ["url", "description", "types", "disabled"];

/// Reads CreateWebhook.
pub(crate) fn read_create(mut body: pb::CreateWebhookRequest, caller: &PrincipalName) -> Result<(WebhookDraft, WebhookAsked)> {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("CreateWebhook", caller, &id, &body, &mut violations);
    let id = violations.take(WebhookId::parse("webhook_id", &body.webhook_id))?;
    let pb::Webhook { url, description, types, disabled, .. } = body.webhook.unwrap_or_default();
    Ok((WebhookDraft { id, url, description, types, disabled }, WebhookAsked { etag: Etag::default(), request, violations }))
}

/// Reads UpdateWebhook.
pub(crate) fn read_update(mut body: pb::UpdateWebhookRequest, caller: &PrincipalName) -> (WebhookPatch, WebhookAsked) {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("UpdateWebhook", caller, &id, &body, &mut violations);
    let webhook = body.webhook.unwrap_or_default();
    let set = [!webhook.url.is_empty(), !webhook.description.is_empty(), !webhook.types.is_empty(), webhook.disabled];
    let mask = Mask::read_fields(body.update_mask, &FIELDS, set, &mut violations);
    let patch = WebhookPatch {
        url: mask.names("url").then_some(webhook.url),
        description: mask.names("description").then_some(webhook.description),
        types: mask.names("types").then_some(webhook.types),
        disabled: mask.names("disabled").then_some(webhook.disabled),
    };
    (patch, WebhookAsked { etag: Etag::new(webhook.etag), request, violations })
}

/// Reads what a request says beside the webhook's name: `body` is the request without its id.
pub(crate) fn read_asked(method: &'static str, caller: &PrincipalName, id: &str, body: &impl prost::Message, etag: &str) -> WebhookAsked {
    let mut violations = Violations::default();
    let request = request_key::read(method, caller, id, body, &mut violations);
    WebhookAsked { etag: Etag::new(etag), request, violations }
}

/// Reads places of events.
pub(crate) fn read_sequences(wire: &[i64], asked: &mut WebhookAsked) -> Vec<u64> {
    let violations = &mut asked.violations;
    wire.iter().enumerate().map(|(index, sequence)| violations.sequence(&format!("sequences[{index}]"), *sequence)).collect()
}

/// A webhook.
pub(crate) fn to_wire(webhook: &Webhook) -> pb::Webhook {
    pb::Webhook {
        name: webhook.name.to_string(),
        url: webhook.url.clone(),
        description: webhook.description.clone(),
        types: webhook.types.clone(),
        disabled: webhook.state != WebhookState::Active,
        state: state_to_wire(webhook.state).into(),
        create_time: Some(time::timestamp(webhook.created)),
        update_time: Some(time::timestamp(webhook.updated)),
        etag: webhook.etag().as_str().to_owned(),
        progress: None,
    }
}

/// How far deliveries have come.
pub(crate) fn progress_to_wire(progress: WebhookProgress) -> pb::WebhookProgress {
    pb::WebhookProgress {
        reached_sequence: size(progress.reached),
        waiting: size(progress.waiting),
        dead_letters: size(progress.dead_letters),
        given_up: size(progress.given_up),
        missed: size(progress.missed),
    }
}

/// A dead letter.
pub(crate) fn letter_to_wire(letter: &DeadLetter) -> pb::DeadLetter {
    pb::DeadLetter {
        event: Some(event_log::event_to_wire(letter.delivery.event.clone())),
        attempts: count(letter.delivery.attempts),
        failure: letter.failure.clone(),
        give_up_time: Some(time::timestamp(letter.given_up)),
    }
}

fn state_to_wire(state: WebhookState) -> pb::WebhookState {
    match state {
        WebhookState::Active => pb::WebhookState::Active,
        WebhookState::Disabled => pb::WebhookState::Disabled,
        WebhookState::Failed => pb::WebhookState::Failed,
    }
}
