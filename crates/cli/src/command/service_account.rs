//! `zona service-account ...`: programs of a tenant.

use api_proto::zona::identity::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use super::role::Role;
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["NAME", "DISPLAY NAME", "ROLE", "STATE", "CREATED"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum ServiceAccount {
    /// Create a service account; it proves itself by keys of `zona api-key create`
    Create(Create),
    /// List service accounts
    List,
    /// Delete a service account for good, with its keys
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct Create {
    /// Service account: an id of the tenant, or a full name
    name: String,
    /// How much of the tenant the account may use
    #[arg(long, value_enum, ignore_case = true, default_value = "USER")]
    role: Role,
    /// How people call the account
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    display_name: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Service account: an id of the tenant, or a full name
    name: String,
    /// Only when the account still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl ServiceAccount {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            ServiceAccount::Create(create) => create.run(context).await,
            ServiceAccount::List => list(context).await,
            ServiceAccount::Delete(delete) => {
                let name = names::service_account(&context.tenant, &delete.name)?;
                let request = |request_id| pb::DeleteServiceAccountRequest { name, etag: delete.etag.clone(), request_id };
                let client = context.connect().await?;
                let deleted = delete.request.once(request, async |request| client.identity().delete_service_account(request).await).await;
                let account = deleted.map_err(explained)?;
                context.output.one(|| document(&account), || format!("{} deleted\n", account.name))?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl Create {
    async fn run(&self, context: &Context) -> Result {
        let (parent, service_account_id) = names::parts(&names::service_account(&context.tenant, &self.name)?);
        let account = pb::ServiceAccount { display_name: self.display_name.clone(), role: self.role.proto().into(), ..Default::default() };
        let request =
            |request_id| pb::CreateServiceAccountRequest { parent, service_account_id, service_account: Some(account), request_id };
        let client = context.connect().await?;
        let made = self.request.once(request, async |request| client.identity().create_service_account(request).await).await;
        let account = made.map_err(explained)?;
        context.output.one(|| document(&account), || human(&account))?;
        Ok(Exit::Ok)
    }
}

async fn list(context: &Context) -> Result {
    let client = context.connect().await?;
    let parent = names::parent(&context.tenant);
    let found = every(|page_token| async {
        let request = pb::ListServiceAccountsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.identity().list_service_accounts(soon(request)).await?.into_inner();
        Ok((page.service_accounts, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

/// What a refusal means for service accounts, where the usual advice is about utilities.
fn explained(status: tonic::Status) -> Failure {
    let failure = Failure::from(status).hint_on(Exit::NotFound, "`zona service-account list` shows what there is");
    match failure.reason.as_deref() {
        Some("ALREADY_EXISTS") => failure.hint("choose another id"),
        _ => failure,
    }
}

fn row(account: &pb::ServiceAccount) -> Vec<String> {
    let (role, state) = texts(account);
    vec![names::id(&account.name).to_owned(), account.display_name.clone(), role, state, moment(account.create_time.as_ref())]
}

fn human(account: &pb::ServiceAccount) -> String {
    let (role, state) = texts(account);
    fields(&[
        ("name", account.name.clone()),
        ("display name", account.display_name.clone()),
        ("role", role),
        ("state", state),
        ("created", moment(account.create_time.as_ref())),
        ("etag", account.etag.clone()),
    ])
}

fn texts(account: &pb::ServiceAccount) -> (String, String) {
    let role = short("Role", account.role().as_str_name()).to_owned();
    (role, short("PrincipalState", account.state().as_str_name()).to_owned())
}
