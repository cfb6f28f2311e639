//! What can be done to webhooks.

use crate::access::actions;
use crate::name::{TenantName, WebhookName};

actions! {
    /// Create a webhook.
    CreateWebhook(TenantName) = "webhook.create", Administer, "webhook";
    /// Read a webhook.
    GetWebhook(WebhookName) = "webhook.get", Administer, "webhook";
    /// List webhooks.
    ListWebhooks(TenantName) = "webhook.list", Administer, "webhook";
    /// Change a webhook.
    UpdateWebhook(WebhookName) = "webhook.update", Administer, "webhook";
    /// Delete a webhook.
    DeleteWebhook(WebhookName) = "webhook.delete", Administer, "webhook";
    /// Give a webhook another secret.
    RotateWebhookSecret(WebhookName) = "webhook.rotateSecret", Administer, "webhook";
    /// List what nobody took.
    ListDeadLetters(WebhookName) = "webhook.listDeadLetters", Administer, "webhook";
    /// Send again what nobody took.
    ReplayDeadLetters(WebhookName) = "webhook.replayDeadLetters", Administer, "webhook";
}
