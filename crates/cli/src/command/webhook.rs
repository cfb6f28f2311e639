//! `zona webhook ...`: where events of a tenant are sent to.

use api_proto::zona::event::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use crate::client::paging::every;
use crate::client::repeated::{RequestId, require_secret};
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::Document;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, note};
use crate::pending::Pending;

const HEADINGS: &[&str] = &["ID", "URL", "STATE", "TYPES", "DESCRIPTION"];
const LETTERS: &[&str] = &["SEQUENCE", "TYPE", "SUBJECT", "ATTEMPTS", "GIVEN UP", "FAILURE"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Send what happens from now on to an address, signed with a secret that is shown once
    Create(Create),
    /// Show a webhook, and how far its deliveries have come
    Get(Name),
    /// List webhooks
    List,
    /// Change a webhook; what is not named stays as it is
    Update(Update),
    /// Delete a webhook, with everything that is on its way to it
    Delete(Change),
    /// Give a webhook another secret; the one before signs beside it for a day
    RotateSecret(Change),
    /// List what nobody took
    DeadLetters(Name),
    /// Send again what nobody took
    Replay(Replay),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Webhook: its id, or its full name
    name: String,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Id of the webhook
    id: String,
    /// Address to send to: https
    #[arg(long, value_name = "URL")]
    url: String,
    /// Only events of this type, or of all that begin so, e.g. dev.zona.utility; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Update {
    /// Webhook: its id, or its full name
    name: String,
    /// Address to send to: https
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Only events of this type, or of all that begin so; may be repeated
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "all_types")]
    types: Vec<String>,
    /// Events of every type
    #[arg(long)]
    all_types: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Whether nothing is sent from now on
    #[arg(long, value_name = "BOOL")]
    disabled: Option<bool>,
    /// Only when the webhook still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Change {
    /// Webhook: its id, or its full name
    name: String,
    /// Only when the webhook still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    change: Change,
    /// Only the event of this sequence number; may be repeated [default: all dead letters]
    #[arg(long = "sequence", value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    sequences: Vec<i64>,
}

impl Webhook {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Webhook::Create(create) => create.run(context).await,
            Webhook::Get(Name { name }) => {
                let request = pb::GetWebhookRequest { name: full(context, name) };
                show(context, &context.connect().await?.webhooks().get_webhook(soon(request)).await.map_err(explained)?.into_inner())
            }
            Webhook::List => list(context).await,
            Webhook::Update(update) => update.run(context).await,
            Webhook::Delete(change) => {
                let (name, etag) = change.parts(context);
                let request = |request_id| pb::DeleteWebhookRequest { name, etag, request_id };
                let client = context.connect().await?;
                let deleted = change.request.once(request, async |request| client.webhooks().delete_webhook(request).await).await;
                let deleted = deleted.map_err(explained)?;
                context.output.one(|| document(&deleted), || format!("{} deleted\n", deleted.name))?;
                Ok(Exit::Ok)
            }
            Webhook::RotateSecret(change) => {
                let (name, etag) = change.parts(context);
                let request = |request_id, before: Option<&pb::RotateWebhookSecretResponse>| {
                    // Whoever named an etag wants nothing that others have changed, and the lost answer has changed it.
                    let answered = before.and_then(|answer| answer.webhook.as_ref()).filter(|_| !etag.is_empty());
                    let etag = answered.map_or_else(|| etag.clone(), |webhook| webhook.etag.clone());
                    pb::RotateWebhookSecretRequest { name: name.clone(), etag, request_id }
                };
                let client = context.connect().await?;
                let ask = async |request| client.webhooks().rotate_webhook_secret(request).await;
                let is_shown = |answer: &pb::RotateWebhookSecretResponse| !answer.secret.is_empty();
                let answer = change.request.until_shown(request, ask, is_shown).await.map_err(explained)?;
                show_secret(context, &answer.webhook.unwrap_or_default(), &answer.secret)
            }
            Webhook::DeadLetters(Name { name }) => dead_letters(context, full(context, name)).await,
            Webhook::Replay(Replay { change, sequences }) => {
                let (name, etag) = change.parts(context);
                let request = |request_id| pb::ReplayDeadLettersRequest { name, sequences: sequences.clone(), etag, request_id };
                let client = context.connect().await?;
                let answer = change.request.once(request, async |request| client.webhooks().replay_dead_letters(request).await).await;
                show(context, &answer.map_err(explained)?)
            }
        }
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let (url, description, types) = (self.url.clone(), self.description.clone(), self.types.clone());
        let request = |request_id| pb::CreateWebhookRequest {
            parent: names::parent(&context.tenant),
            webhook_id: self.id.clone(),
            webhook: Some(pb::Webhook { url, description, types, ..Default::default() }),
            request_id,
        };
        let client = context.connect().await?;
        let answer = self.request.once(request, async |request| client.webhooks().create_webhook(request).await).await;
        let answer = answer.map_err(explained)?;
        show_secret(context, &answer.webhook.unwrap_or_default(), &answer.secret)
    }
}

impl Update {
    async fn run(&self, context: &Context) -> Result {
        let said = [
            ("url", self.url.is_some()),
            ("description", self.description.is_some()),
            ("types", self.all_types || !self.types.is_empty()),
            ("disabled", self.disabled.is_some()),
        ];
        let paths: Vec<String> = said.into_iter().filter(|(_, said)| *said).map(|(field, _)| field.to_owned()).collect();
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona webhook update --help` lists what can be changed"));
        }
        let webhook = pb::Webhook {
            url: self.url.clone().unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            types: self.types.clone(),
            disabled: self.disabled.unwrap_or_default(),
            etag: self.etag.clone(),
            ..Default::default()
        };
        let request = |request_id| pb::UpdateWebhookRequest {
            name: full(context, &self.name),
            webhook: Some(webhook),
            update_mask: Some(prost_types::FieldMask { paths }),
            request_id,
        };
        let client = context.connect().await?;
        let updated = self.request.once(request, async |request| client.webhooks().update_webhook(request).await).await;
        show(context, &updated.map_err(explained)?)
    }
}

impl Change {
    fn parts(&self, context: &Context) -> (String, String) {
        (full(context, &self.name), self.etag.clone())
    }
}

/// The full name of a webhook of the configured tenant; the server says what is wrong with it.
fn full(context: &Context, name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("{}/webhooks/{name}", names::parent(&context.tenant)) }
}

async fn list(context: &Context) -> Result {
    let (client, parent) = (context.connect().await?, names::parent(&context.tenant));
    let found = every(|page_token| async {
        let request = pb::ListWebhooksRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.webhooks().list_webhooks(soon(request)).await?.into_inner();
        Ok((page.webhooks, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

async fn dead_letters(context: &Context, name: String) -> Result {
    let client = context.connect().await?;
    let found = every(|page_token| async {
        let request = pb::ListDeadLettersRequest { parent: name.clone(), page_size: PAGE as i32, page_token };
        let page = client.webhooks().list_dead_letters(soon(request)).await.map_err(explained)?.into_inner();
        Ok((page.dead_letters, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, LETTERS, letter)?;
    Ok(Exit::Ok)
}

fn explained(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona webhook list` shows what there is")
}

fn state(webhook: &pb::Webhook) -> String {
    short("WebhookState", webhook.state().as_str_name()).to_lowercase()
}

fn row(webhook: &pb::Webhook) -> Vec<String> {
    let types = if webhook.types.is_empty() { "all".to_owned() } else { webhook.types.join(" ") };
    vec![names::id(&webhook.name).to_owned(), webhook.url.clone(), state(webhook), types, webhook.description.clone()]
}

fn letter(letter: &pb::DeadLetter) -> Vec<String> {
    let event = letter.event.clone().unwrap_or_default();
    let (attempts, time) = (letter.attempts.to_string(), moment(letter.give_up_time.as_ref()));
    vec![event.sequence.to_string(), event.r#type, event.subject, attempts, time, letter.failure.clone()]
}

fn human(webhook: &pb::Webhook) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("name", webhook.name.clone()),
        ("url", webhook.url.clone()),
        ("state", state(webhook)),
        ("types", if webhook.types.is_empty() { "all".to_owned() } else { webhook.types.join(" ") }),
        ("description", webhook.description.clone()),
        ("etag", webhook.etag.clone()),
    ];
    if let Some(progress) = &webhook.progress {
        let counted = [
            ("looked at", progress.reached_sequence),
            ("waiting", progress.waiting),
            ("dead letters", progress.dead_letters),
            ("missed", progress.missed),
        ];
        rows.extend(counted.map(|(label, number)| (label, number.to_string())));
    }
    rows
}

fn show(context: &Context, webhook: &pb::Webhook) -> Result {
    context.output.one(|| document(webhook), || fields(&human(webhook)))?;
    Ok(Exit::Ok)
}

fn show_secret(context: &Context, webhook: &pb::Webhook, secret: &str) -> Result {
    let another = format!("`zona webhook rotate-secret {}` gives it another one", names::id(&webhook.name));
    require_secret(&webhook.name, secret, &another)?;
    let shown = || {
        let mut shown = document(webhook);
        shown.push("secret", Document::from(secret));
        shown
    };
    let text = || fields(&human(webhook).into_iter().chain([("secret", secret.to_owned())]).collect::<Vec<_>>());
    context.output.one(shown, text)?;
    note("the secret is shown this once: keep it where the receiver reads it, and nobody else can");
    Ok(Exit::Ok)
}
