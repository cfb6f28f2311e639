//! The keys of webhooks.

use domain::name::WebhookName;
use mongodb::bson::{Document, doc};

use crate::row::key;

/// The key of a webhook, which names its shard.
pub(super) fn of_name(name: &WebhookName) -> Document {
    doc! { "_id": key(&[name.tenant.as_str(), name.webhook.as_str()]), "tenant": name.tenant.as_str() }
}
