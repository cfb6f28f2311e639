//! `zona secret ...`: values that executions are handed by reference, and that nobody reads back.

use std::path::PathBuf;

use api_proto::zona::secret::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;
use crate::secret;

const HEADINGS: &[&str] = &["ID", "VERSION", "SET", "LAST USED", "UTILITIES", "DESCRIPTION"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// Make a secret, or give it another value; its value is asked for where no file is named
    Set(Set),
    /// Show what is known of a secret; its value is shown to nobody
    Get(Name),
    /// List secrets
    List,
    /// Delete a secret with its value
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Secret: its id, or its full name
    name: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Whoever may run a utility that a secret is released to may have it handed the secret: zona run NAME --secret PARAM=SECRET.\n\
                        Administrators may for any utility."
)]
pub struct Set {
    /// Secret: its id, or its full name
    name: String,
    /// File with the value, without its last line break; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Leave the value as it is, and change the rest
    #[arg(long, conflicts_with = "file")]
    keep_value: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Utility that it is released to, in place of those before; may be repeated
    #[arg(long = "utility", value_name = "NAME", conflicts_with = "no_utilities")]
    utilities: Vec<String>,
    /// Release it to no utility any more
    #[arg(long)]
    no_utilities: bool,
    /// Only when the secret still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Secret: its id, or its full name
    name: String,
    /// Only when the secret still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl Secret {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Secret::Set(set) => set.run(context).await,
            Secret::Get(Name { name }) => {
                let request = pb::GetSecretRequest { name: names::secret(&context.tenant, name) };
                show(context, &context.connect().await?.secrets().get_secret(soon(request)).await.map_err(explained)?.into_inner())
            }
            Secret::List => list(context).await,
            Secret::Delete(Delete { name, etag, request }) => {
                let (name, etag) = (names::secret(&context.tenant, name), etag.clone());
                let asked = |request_id| pb::DeleteSecretRequest { name, etag, request_id };
                let client = context.connect().await?;
                let deleted = request.once(asked, async |asked| client.secrets().delete_secret(asked).await).await;
                let deleted = deleted.map_err(explained)?;
                context.output.one(|| document(&deleted), || format!("{} deleted\n", deleted.name))?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl Set {
    async fn run(&self, context: &Context) -> Result {
        let said = [
            ("value", !self.keep_value),
            ("description", self.description.is_some()),
            ("utilities", self.no_utilities || !self.utilities.is_empty()),
        ];
        let paths: Vec<String> = said.into_iter().filter(|(_, said)| *said).map(|(field, _)| field.to_owned()).collect();
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona secret set --help` lists what can be changed"));
        }
        let utility = |name: &String| names::utility(&context.tenant, name).map(|name| name.to_string());
        let secret = pb::Secret {
            description: self.description.clone().unwrap_or_default(),
            utilities: self.utilities.iter().map(utility).collect::<Result<_>>()?,
            etag: self.etag.clone(),
            ..Default::default()
        };
        let value = match (&self.file, self.keep_value) {
            (_, true) => String::new(),
            (Some(path), false) => secret::read_text(path, "value")?.expose().to_owned(),
            (None, false) => secret::ask_new("value")?.expose().to_owned(),
        };
        let (name, update_mask) = (names::secret(&context.tenant, &self.name), Some(prost_types::FieldMask { paths }));
        let request = |request_id| pb::SetSecretRequest { name, secret: Some(secret), value, update_mask, request_id };
        let client = context.connect().await?;
        let set = self.request.once(request, async |request| client.secrets().set_secret(request).await).await?;
        show(context, &set)
    }
}

async fn list(context: &Context) -> Result {
    let (client, parent) = (context.connect().await?, names::parent(&context.tenant));
    let found = every(|page_token| async {
        let request = pb::ListSecretsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.secrets().list_secrets(soon(request)).await?.into_inner();
        Ok((page.secrets, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

fn explained(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona secret list` shows what there is")
}

fn row(secret: &pb::Secret) -> Vec<String> {
    let (set, used) = (moment(secret.set_time.as_ref()), moment(secret.last_use_time.as_ref()));
    let utilities = secret.utilities.len().to_string();
    vec![names::id(&secret.name).to_owned(), secret.version.to_string(), set, used, utilities, secret.description.clone()]
}

fn show(context: &Context, secret: &pb::Secret) -> Result {
    let rows = || {
        fields(&[
            ("name", secret.name.clone()),
            ("version", secret.version.to_string()),
            ("set by", secret.set_by.clone()),
            ("set", moment(secret.set_time.as_ref())),
            ("last used", moment(secret.last_use_time.as_ref())),
            ("utilities", secret.utilities.join(" ")),
            ("description", secret.description.clone()),
            ("etag", secret.etag.clone()),
        ])
    };
    context.output.one(|| document(secret), rows)?;
    Ok(Exit::Ok)
}
