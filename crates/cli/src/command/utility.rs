//! `zona utility ...`: keeping utilities.

use api_proto::zona::utility::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::share::Offer;
use crate::client::repeated::RequestId;
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::note;
use crate::pending::Pending;

mod choices;
mod copies;
mod definition;
mod show;
mod versions;

pub use choices::{Isolation, Kind, Preset};

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Utility {
    /// Create a utility from a Python file
    Create(definition::Create),
    /// Show a utility, or one of its versions
    Get(Get),
    /// List utilities
    List(List),
    /// Change a utility; a change of code, parameters, limits, runtime or isolation makes a new version
    Update(definition::Update),
    /// Delete a utility; its name stays taken, and it can be undeleted
    Delete(Delete),
    /// Bring a deleted utility back
    Undelete(Delete),
    /// List the versions of a utility, newest first
    Versions(versions::Versions),
    /// Show what differs between two versions
    Diff(versions::Diff),
    /// Make an old version the current one again, as a new version
    Restore(versions::Restore),
    /// Offer a utility to another tenant; `zona access share` decides about it there
    Share(Offer),
    /// Copy a utility as a new one, also of another tenant that shares it
    Copy(copies::Copy),
    /// Take over what sources of copies have become, or leave it
    #[command(subcommand)]
    Proposal(copies::Proposal),
}

#[derive(Debug, Args)]
pub struct Get {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// One of its versions
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
    /// Print the source only
    #[arg(long)]
    code: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only of this owner, e.g. tenants/demo/users/local
    #[arg(long, value_name = "PRINCIPAL")]
    owner: Option<String>,
    /// Only with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only ids that start with this
    #[arg(long)]
    prefix: Option<String>,
    /// Deleted ones, too
    #[arg(long)]
    deleted: bool,
    /// Only those that import a package with known vulnerabilities; `zona runtime show` names them
    #[arg(long)]
    vulnerable: bool,
    /// In which order
    #[arg(long, value_enum, default_value = "name")]
    order: Order,
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// Only when the utility still has this etag
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Name,
    Newest,
    Changed,
}

impl Utility {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Utility::Create(create) => create.run(context).await,
            Utility::Get(get) => get.run(context).await,
            Utility::List(list) => list.run(context).await,
            Utility::Update(update) => update.run(context).await,
            Utility::Delete(delete) => {
                let (name, etag) = delete.parts(context)?;
                let request = |request_id| pb::DeleteUtilityRequest { name, etag, request_id };
                let client = context.connect().await?;
                let utility = delete.request.once(request, async |request| client.utilities().delete_utility(request).await).await?;
                show::utility_line(context, &utility, "deleted")
            }
            Utility::Undelete(delete) => {
                let (name, etag) = delete.parts(context)?;
                let request = |request_id| pb::UndeleteUtilityRequest { name, etag, request_id };
                let client = context.connect().await?;
                let utility = delete.request.once(request, async |request| client.utilities().undelete_utility(request).await).await?;
                show::utility_line(context, &utility, "undeleted")
            }
            Utility::Versions(versions) => versions.run(context).await,
            Utility::Diff(diff) => diff.run(context).await,
            Utility::Restore(restore) => restore.run(context).await,
            Utility::Share(offer) => offer.run(context).await,
            Utility::Copy(copy) => copy.run(context).await,
            Utility::Proposal(proposal) => proposal.run(context).await,
        }
    }
}

impl Delete {
    fn parts(&self, context: &Context) -> Result<(String, String)> {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        Ok((name, self.etag.clone().unwrap_or_default()))
    }
}

impl Get {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?;
        let client = context.connect().await?;
        match self.version {
            None => {
                let request = pb::GetUtilityRequest { name: name.to_string() };
                let utility = client.utilities().get_utility(soon(request)).await?.into_inner();
                if self.code {
                    return show::code(context, &utility.code);
                }
                context.output.one(|| document(&utility), || show::utility(&utility))?;
            }
            Some(number) => {
                let request = pb::GetUtilityVersionRequest { name: name.version(number) };
                let version = client.utilities().get_utility_version(soon(request)).await?.into_inner();
                if self.code {
                    return show::code(context, &version.code);
                }
                context.output.one(|| document(&version), || show::version(&version))?;
            }
        }
        Ok(Exit::Ok)
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result {
        let filter = pb::UtilityFilter {
            kind: self.kind.map_or(pb::UtilityKind::Unspecified, Kind::proto).into(),
            owner: self.owner.clone().unwrap_or_default(),
            tag: self.tag.clone().unwrap_or_default(),
            name_prefix: self.prefix.clone().unwrap_or_default(),
            show_deleted: self.deleted,
            vulnerable: self.vulnerable,
        };
        let order = match self.order {
            Order::Name => pb::UtilityOrder::Name,
            Order::Newest => pb::UtilityOrder::CreateTimeDesc,
            Order::Changed => pb::UtilityOrder::UpdateTimeDesc,
        };
        let parent = names::parent(&context.tenant);
        let first = pb::ListUtilitiesRequest { parent, filter: Some(filter), order: order.into(), ..Default::default() };
        let (utilities, more) = self.pages(&context.connect().await?, first).await?;
        context.output.list(&utilities, document, show::UTILITY_HEADINGS, show::utility_row)?;
        if more {
            note(&format!("there are more than {}; see --limit", self.limit));
        }
        Ok(Exit::Ok)
    }

    async fn pages(&self, client: &Client, mut request: pb::ListUtilitiesRequest) -> Result<(Vec<pb::Utility>, bool)> {
        let mut found = Vec::new();
        loop {
            let missing = self.limit - found.len() as u32;
            request.page_size = missing.min(PAGE) as i32;
            let page = client.utilities().list_utilities(soon(request.clone())).await?.into_inner();
            found.extend(page.utilities);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() || found.len() as u32 >= self.limit {
                return Ok((found, !request.page_token.is_empty()));
            }
        }
    }
}
