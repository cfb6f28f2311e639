//! `zona access ...`: who may use a utility beside its owner.

use std::time::{Duration, SystemTime};

use api_proto::zona::access::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::execution::moment;
use super::role::Role;
use super::share::Share;
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::fields;
use crate::pending::Pending;

const HEADINGS: &[&str] = &["GRANTEE", "ACCESS", "UNTIL", "GRANTED BY", "REASON"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Access {
    /// Let somebody use a utility, in place of what they were granted of it before
    Grant(Grant),
    /// Take a grant back
    Revoke(Revoke),
    /// List the grants of a utility; expired ones give nothing
    List(Utility),
    /// Say whether somebody may do something, and which rule or grant decides
    Explain(Explain),
    /// Decide about what tenants share with each other; `zona utility share` offers it
    #[command(subcommand)]
    Share(Share),
}

#[derive(Debug, Args)]
pub struct Utility {
    /// Utility: an id of the tenant, or a full name
    name: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Grantee {
    /// A user: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A service account: an id of the tenant, or a full name
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
    /// Everybody of the tenant with exactly this role
    #[arg(long, value_enum, ignore_case = true)]
    role: Option<Role>,
    /// Everybody of the tenant
    #[arg(long)]
    everybody: bool,
}

#[derive(Debug, Args)]
pub struct Grant {
    /// Utility: an id of the tenant, or a full name
    name: String,
    #[command(flatten)]
    grantee: Grantee,
    /// What they may do with it; each includes the one before
    #[arg(long, value_enum, ignore_case = true)]
    access: Level,
    /// Why, for auditors
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// After which time it gives nothing any more, e.g. 30d [default: once it is taken back]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Utility: an id of the tenant, or a full name
    name: String,
    #[command(flatten)]
    grantee: Grantee,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Who: a user's id of the tenant, or a full name of a user or a service account
    principal: String,
    /// What they would do, e.g. utility.execute; docs/permissions.md lists the actions
    action: String,
    /// What they would do it to: a utility's id, a name below the tenant such as codePolicy, or a full name; '' is the installation
    resource: String,
}

/// What a grant gives, as the contract names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Read,
    Execute,
    Manage,
}

impl Access {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Access::Grant(grant) => grant.run(context).await,
            Access::Revoke(revoke) => revoke.run(context).await,
            Access::List(utility) => utility.list(context).await,
            Access::Explain(explain) => explain.run(context).await,
            Access::Share(share) => share.run(context).await,
        }
    }
}

impl Grant {
    async fn run(&self, context: &Context) -> Result {
        let end = |after| SystemTime::now().checked_add(after).ok_or_else(|| Failure::usage("--expires is too long"));
        let grant = pb::GrantAccessRequest {
            name: names::utility(&context.tenant, &self.name)?.to_string(),
            grantee: self.grantee.full(context)?,
            access: self.access.proto().into(),
            reason: self.reason.clone(),
            expire_time: self.expires.map(end).transpose()?.map(Into::into),
            request_id: String::new(),
        };
        let request = |request_id| pb::GrantAccessRequest { request_id, ..grant };
        let client = context.connect().await?;
        let grant = self.request.once(request, async |request| client.access().grant_access(request).await).await?;
        context.output.one(|| document(&grant), || human(&grant))?;
        Ok(Exit::Ok)
    }
}

impl Revoke {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let grantee = self.grantee.full(context)?;
        let request = |request_id| pb::RevokeAccessRequest { name, grantee, request_id };
        let client = context.connect().await?;
        let revoked = self.request.once(request, async |request| client.access().revoke_access(request).await).await;
        let grant = revoked.map_err(|status| Failure::from(status).hint_on(Exit::NotFound, "`zona access list` shows what there is"))?;
        context.output.one(|| document(&grant), || format!("{} was taken back from {}\n", grant.utility, grant.grantee))?;
        Ok(Exit::Ok)
    }
}

impl Utility {
    async fn list(&self, context: &Context) -> Result {
        let parent = names::utility(&context.tenant, &self.name)?.to_string();
        let client = context.connect().await?;
        let found = every(|page_token| async {
            let request = pb::ListGrantsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
            let page = client.access().list_grants(soon(request)).await?.into_inner();
            Ok((page.grants, page.next_page_token))
        })
        .await?;
        context.output.list(&found, document, HEADINGS, row)?;
        Ok(Exit::Ok)
    }
}

impl Explain {
    async fn run(&self, context: &Context) -> Result {
        let request = pb::ExplainAccessRequest {
            name: names::principal_or_user(&context.tenant, &self.principal)?,
            action: self.action.clone(),
            resource: names::resource(&context.tenant, &self.resource),
        };
        let explained = context.connect().await?.access().explain_access(soon(request)).await?.into_inner();
        context.output.one(|| document(&explained), || explanation(&explained))?;
        Ok(Exit::Ok)
    }
}

impl Grantee {
    fn full(&self, context: &Context) -> Result<String> {
        let tenant = &context.tenant;
        match (&self.user, &self.service_account, self.role) {
            (Some(user), _, _) => names::user(tenant, user),
            (_, Some(account), _) => names::service_account(tenant, account),
            (_, _, Some(role)) => Ok(format!("{}/roles/{}", names::parent(tenant), role.as_str())),
            (None, None, None) => Ok(names::parent(tenant)),
        }
    }
}

impl Level {
    fn proto(self) -> pb::Access {
        match self {
            Level::Read => pb::Access::Read,
            Level::Execute => pb::Access::Execute,
            Level::Manage => pb::Access::Manage,
        }
    }
}

fn row(grant: &pb::Grant) -> Vec<String> {
    let access = short("Access", grant.access().as_str_name()).to_owned();
    let until = moment(grant.expire_time.as_ref());
    vec![grant.grantee.clone(), access, until, names::id(&grant.granted_by).to_owned(), grant.reason.clone()]
}

fn human(grant: &pb::Grant) -> String {
    fields(&[
        ("utility", grant.utility.clone()),
        ("grantee", grant.grantee.clone()),
        ("access", short("Access", grant.access().as_str_name()).to_owned()),
        ("reason", grant.reason.clone()),
        ("until", moment(grant.expire_time.as_ref())),
        ("granted by", grant.granted_by.clone()),
    ])
}

fn explanation(explained: &pb::ExplainAccessResponse) -> String {
    let mut lines = vec![
        ("allowed", if explained.allowed { "yes" } else { "no" }.to_owned()),
        ("rule", explained.rule.clone()),
        ("because", explained.explanation.clone()),
    ];
    if let Some(grant) = &explained.grant {
        lines.push(("until", moment(grant.expire_time.as_ref())));
    }
    fields(&lines)
}
