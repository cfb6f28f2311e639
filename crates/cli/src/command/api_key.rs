//! `zona api-key ...`: what service accounts prove themselves with.

use std::time::{Duration, SystemTime};

use api_proto::zona::identity::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use crate::client::paging::every;
use crate::client::repeated::{RequestId, require_secret};
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::Document;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, note};
use crate::pending::Pending;

const HEADINGS: &[&str] = &["ID", "DESCRIPTION", "CREATED", "EXPIRES", "LAST USED", "REVOKED"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum ApiKey {
    /// Create a key of a service account, and show its secret this once
    Create(Create),
    /// List the keys of a service account; their secrets are not kept anywhere
    List(List),
    /// Make a key void at once, with what was begun with it
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Create {
    /// Service account: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    service_account: String,
    /// What the key is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// After which time the key is void, e.g. 90d [default: once it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct List {
    /// Service account: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    service_account: String,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Key: its full name, or its id where --service-account says whose it is
    name: String,
    /// Service account: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
    #[command(flatten)]
    request: RequestId,
}

impl ApiKey {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            ApiKey::Create(create) => create.run(context).await,
            ApiKey::List(list) => list.run(context).await,
            ApiKey::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let parent = names::service_account(&context.tenant, &self.service_account)?;
        let end = |after| SystemTime::now().checked_add(after).ok_or_else(|| Failure::usage("--expires is too long"));
        let expire_time = self.expires.map(end).transpose()?.map(Into::into);
        let key = pb::ApiKey { description: self.description.clone(), expire_time, ..Default::default() };
        let request = |request_id| pb::CreateApiKeyRequest { parent, api_key: Some(key), request_id };
        let client = context.connect().await?;
        let made = self.request.once(request, async |request| client.identity().create_api_key(request).await).await;
        let answer = made.map_err(explained)?;
        let key = answer.api_key.unwrap_or_default();
        let another = format!("`zona api-key revoke {}`, and create another", key.name);
        require_secret(&key.name, &answer.secret, &another)?;
        let shown = || {
            let mut shown = document(&key);
            shown.push("secret", Document::from(answer.secret.as_str()));
            shown
        };
        context.output.one(shown, || human(&key, &answer.secret))?;
        note("the secret is shown this once: keep it in a file that nobody else can read");
        Ok(Exit::Ok)
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result {
        let parent = names::service_account(&context.tenant, &self.service_account)?;
        let client = context.connect().await?;
        let found = every(|page_token| async {
            let request = pb::ListApiKeysRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
            let page = client.identity().list_api_keys(soon(request)).await.map_err(explained)?.into_inner();
            Ok((page.api_keys, page.next_page_token))
        })
        .await?;
        context.output.list(&found, document, HEADINGS, row)?;
        Ok(Exit::Ok)
    }
}

impl Revoke {
    async fn run(&self, context: &Context) -> Result {
        let name = match &self.service_account {
            Some(account) => format!("{}/apiKeys/{}", names::service_account(&context.tenant, account)?, names::id(&self.name)),
            None if self.name.contains('/') => self.name.clone(),
            None => return Err(Failure::usage("an id alone does not say whose key it is").hint("name it with --service-account")),
        };
        let request = |request_id| pb::RevokeApiKeyRequest { name, request_id };
        let client = context.connect().await?;
        let revoked = self.request.once(request, async |request| client.identity().revoke_api_key(request).await).await;
        let key = revoked.map_err(|status| Failure::from(status).hint_on(Exit::NotFound, "`zona api-key list` shows what there is"))?;
        context.output.one(|| document(&key), || format!("{} revoked\n", key.name))?;
        Ok(Exit::Ok)
    }
}

fn explained(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona service-account list` shows what there is")
}

fn row(key: &pb::ApiKey) -> Vec<String> {
    let times = [&key.create_time, &key.expire_time, &key.last_use_time, &key.revoke_time].map(|time| moment(time.as_ref()));
    [names::id(&key.name).to_owned(), key.description.clone()].into_iter().chain(times).collect()
}

fn human(key: &pb::ApiKey, secret: &str) -> String {
    fields(&[
        ("name", key.name.clone()),
        ("description", key.description.clone()),
        ("expires", moment(key.expire_time.as_ref())),
        ("secret", secret.to_owned()),
    ])
}
