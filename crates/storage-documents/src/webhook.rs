//! The document of a webhook.

use domain::name::WebhookName;
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::webhook::{Webhook, WebhookState};
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Webhook`]; tenant and id are the row's keys, and secrets stand beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct WebhookDocument {
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<String>,
    state: String,
    created: u64,
    updated: u64,
    revision: u64,
}

impl From<&Webhook> for WebhookDocument {
    fn from(webhook: &Webhook) -> Self {
        WebhookDocument {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            types: webhook.types.clone(),
            state: webhook.state.as_str().to_owned(),
            created: webhook.created.as_millis(),
            updated: webhook.updated.as_millis(),
            revision: webhook.revision.as_u64(),
        }
    }
}

impl WebhookDocument {
    /// The webhook of this name.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_webhook(self, name: WebhookName) -> Result<Webhook, InvalidField> {
        Ok(Webhook {
            name,
            url: self.url,
            description: self.description,
            types: self.types,
            state: parsed("state", WebhookState::parse(&self.state))?,
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            revision: Revision::from_stored(self.revision),
        })
    }
}
