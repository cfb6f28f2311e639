//! `zona.event.v1.WebhookService`: for each method where its name stands, the action, and the use case. Nothing is decided here.

use std::mem::take;

use api_proto::zona::event::v1 as pb;
use domain::name::WebhookName;
use domain::webhook::{Webhooks, actions};
use tonic::{Request, Response, Status};

use crate::convert::page::Paging;
use crate::convert::{Violations, utility, webhook};
use crate::handler::Handler;
use crate::perform::Permitted;

/// Handles the methods of WebhookService.
pub(crate) type WebhookHandler = Handler<Webhooks>;

#[tonic::async_trait]
impl pb::webhook_service_server::WebhookService for WebhookHandler {
    async fn create_webhook(&self, request: Request<pb::CreateWebhookRequest>) -> Result<Response<pb::CreateWebhookResponse>, Status> {
        let name = |body: &pb::CreateWebhookRequest| utility::parent(&body.parent);
        self.perform(request, name, |webhooks, Permitted { permit, body, .. }: Permitted<actions::CreateWebhook, _>| async move {
            let (draft, asked) = webhook::read_create(body, permit.principal())?;
            let (made, secret) = webhooks.create(&permit, draft, asked).await?;
            let secret = secret.map(|secret| secret.expose().to_owned()).unwrap_or_default();
            Ok(pb::CreateWebhookResponse { webhook: Some(webhook::to_wire(&made)), secret })
        })
        .await
    }

    async fn get_webhook(&self, request: Request<pb::GetWebhookRequest>) -> Result<Response<pb::Webhook>, Status> {
        let name = |body: &pb::GetWebhookRequest| WebhookName::parse("name", &body.name);
        self.perform(request, name, |webhooks, Permitted { permit, .. }: Permitted<actions::GetWebhook, _>| async move {
            let (found, progress) = webhooks.get(&permit).await?;
            Ok(pb::Webhook { progress: Some(webhook::progress_to_wire(progress)), ..webhook::to_wire(&found) })
        })
        .await
    }

    async fn list_webhooks(&self, request: Request<pb::ListWebhooksRequest>) -> Result<Response<pb::ListWebhooksResponse>, Status> {
        let name = |body: &pb::ListWebhooksRequest| utility::parent(&body.parent);
        self.perform(request, name, |webhooks, Permitted { permit, mut body, .. }: Permitted<actions::ListWebhooks, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListWebhooks", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (webhooks, permit) = (&webhooks, &permit);
            let list = |page| async move { webhooks.list(permit, &page).await };
            let (webhooks, next_page_token) = paging.collect(list, webhook::to_wire).await?;
            Ok(pb::ListWebhooksResponse { webhooks, next_page_token })
        })
        .await
    }

    async fn update_webhook(&self, request: Request<pb::UpdateWebhookRequest>) -> Result<Response<pb::Webhook>, Status> {
        let name = |body: &pb::UpdateWebhookRequest| WebhookName::parse("name", &body.name);
        self.perform(request, name, |webhooks, Permitted { permit, body, .. }: Permitted<actions::UpdateWebhook, _>| async move {
            let (patch, asked) = webhook::read_update(body, permit.principal());
            Ok(webhook::to_wire(&webhooks.update(&permit, patch, asked).await?))
        })
        .await
    }

    async fn delete_webhook(&self, request: Request<pb::DeleteWebhookRequest>) -> Result<Response<pb::Webhook>, Status> {
        let name = |body: &pb::DeleteWebhookRequest| WebhookName::parse("name", &body.name);
        self.perform(request, name, |webhooks, Permitted { permit, mut body, .. }: Permitted<actions::DeleteWebhook, _>| async move {
            let id = take(&mut body.request_id);
            let asked = webhook::read_asked("DeleteWebhook", permit.principal(), &id, &body, &body.etag);
            Ok(webhook::to_wire(&webhooks.delete(&permit, asked).await?))
        })
        .await
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<pb::RotateWebhookSecretRequest>,
    ) -> Result<Response<pb::RotateWebhookSecretResponse>, Status> {
        let name = |body: &pb::RotateWebhookSecretRequest| WebhookName::parse("name", &body.name);
        self.perform(request, name, |webhooks, Permitted { permit, mut body, .. }: Permitted<actions::RotateWebhookSecret, _>| async move {
            let id = take(&mut body.request_id);
            let asked = webhook::read_asked("RotateWebhookSecret", permit.principal(), &id, &body, &body.etag);
            let (rotated, secret) = webhooks.rotate(&permit, asked).await?;
            let secret = secret.map(|secret| secret.expose().to_owned()).unwrap_or_default();
            Ok(pb::RotateWebhookSecretResponse { webhook: Some(webhook::to_wire(&rotated)), secret })
        })
        .await
    }

    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let name = |body: &pb::ListDeadLettersRequest| WebhookName::parse("parent", &body.parent);
        self.perform(request, name, |webhooks, Permitted { permit, mut body, .. }: Permitted<actions::ListDeadLetters, _>| async move {
            let mut violations = Violations::default();
            let (size, token) = (take(&mut body.page_size), take(&mut body.page_token));
            let paging = Paging::read("ListDeadLetters", size, &token, &body, &mut violations);
            let paging = violations.unless_any(paging)?;
            let (webhooks, permit) = (&webhooks, &permit);
            let list = |page| async move { webhooks.dead_letters(permit, &page).await };
            let (dead_letters, next_page_token) = paging.collect(list, webhook::letter_to_wire).await?;
            Ok(pb::ListDeadLettersResponse { dead_letters, next_page_token })
        })
        .await
    }

    async fn replay_dead_letters(&self, request: Request<pb::ReplayDeadLettersRequest>) -> Result<Response<pb::Webhook>, Status> {
        let name = |body: &pb::ReplayDeadLettersRequest| WebhookName::parse("name", &body.name);
        self.perform(request, name, |webhooks, Permitted { permit, mut body, .. }: Permitted<actions::ReplayDeadLetters, _>| async move {
            let id = take(&mut body.request_id);
            let mut asked = webhook::read_asked("ReplayDeadLetters", permit.principal(), &id, &body, &body.etag);
            let places = webhook::read_sequences(&body.sequences, &mut asked);
            Ok(webhook::to_wire(&webhooks.replay(&permit, places, asked).await?))
        })
        .await
    }
}
