//! `zona utility copy` and `zona utility proposal ...`: copies, and what becomes of their sources.

use std::path::PathBuf;

use api_proto::zona::utility::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::{definition, show};
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{Format, fields, note};

const HEADINGS: &[&str] = &["UTILITY", "SOURCE", "FROM", "TO"];

#[derive(Debug, Args)]
pub struct Copy {
    /// What is copied: an id of the tenant, or a full name, also of another tenant that shares it
    source: String,
    /// Id of the copy, which belongs to whoever copies
    id: String,
    /// Version to copy [default: the current one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Subcommand)]
pub enum Proposal {
    /// List what sources of copies have become, and was neither taken over nor dismissed
    List,
    /// Show what the source of a copy has become, what the copy has, and both merged
    Show(Shown),
    /// Take over what the source has become, merged with what was changed here
    Accept(Accept),
    /// Leave what the source has become, until it becomes another
    Dismiss(Dismiss),
}

#[derive(Debug, Args)]
pub struct Shown {
    /// The copy: an id of the tenant, or a full name
    name: String,
    /// Print the merged code only, with marks around conflicts
    #[arg(long)]
    merged: bool,
}

#[derive(Debug, Args)]
pub struct Accept {
    /// The copy: an id of the tenant, or a full name
    name: String,
    /// Version of the source that was seen
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    source_version: i32,
    /// Etag of the copy that was seen; both are in what `show` prints
    #[arg(long)]
    etag: String,
    /// Code that settles conflicts, in place of the merged one
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// A field beside the code that stays as it is here, whatever the source has made of it; may be repeated
    #[arg(long, value_enum)]
    keep: Vec<Field>,
    /// What to say about the new version
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Dismiss {
    /// The copy: an id of the tenant, or a full name
    name: String,
    /// Version of the source that was seen
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    source_version: i32,
    /// Only when the copy still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

/// A versioned field beside the code, as the contract names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Field {
    Parameters,
    Limits,
    Runtime,
    Isolation,
    #[value(name = "fresh_processes", alias = "fresh-processes")]
    FreshProcesses,
}

impl Copy {
    pub async fn run(&self, context: &Context) -> Result {
        let source = names::utility(&context.tenant, &self.source)?.to_string();
        let request = |request_id| pb::CopyUtilityRequest {
            parent: names::parent(&context.tenant),
            utility_id: self.id.clone(),
            source,
            source_version: self.version.unwrap_or_default(),
            request_id,
        };
        let client = context.connect().await?;
        let utility = self.request.once(request, async |request| client.copies().copy_utility(request).await).await?;
        show::utility_line(context, &utility, "copied")
    }
}

impl Proposal {
    pub async fn run(&self, context: &Context) -> Result {
        match self {
            Proposal::List => list(context).await,
            Proposal::Show(shown) => shown.run(context).await,
            Proposal::Accept(accept) => accept.run(context).await,
            Proposal::Dismiss(dismiss) => dismiss.run(context).await,
        }
    }
}

async fn list(context: &Context) -> Result {
    let parent = names::parent(&context.tenant);
    let client = context.connect().await?;
    let found = every(|page_token| async {
        let request = pb::ListProposalsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
        let page = client.copies().list_proposals(soon(request)).await?.into_inner();
        Ok((page.proposals, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

impl Shown {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let proposal = context.connect().await?.copies().get_proposal(soon(pb::GetProposalRequest { name })).await?.into_inner();
        if self.merged {
            return show::code(context, &proposal.merged_code);
        }
        // What the source has become on standard output, as a patch; beside it what is needed to decide.
        match context.output.format {
            Format::Table => {
                context.output.lines(&proposal.source_diff)?;
                note(human(&proposal).trim_end());
            }
            _ => context.output.one(|| document(&proposal), String::new)?,
        }
        Ok(Exit::Ok)
    }
}

impl Accept {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let code = self.file.as_deref().map(definition::source).transpose()?;
        let request = |request_id| pb::AcceptProposalRequest {
            name,
            source_version: self.source_version,
            etag: self.etag.clone(),
            code,
            keep_fields: self.keep.iter().map(|field| field.as_str().to_owned()).collect(),
            message: self.message.clone(),
            request_id,
        };
        let client = context.connect().await?;
        let accepted = self.request.once(request, async |request| client.copies().accept_proposal(request).await).await;
        show::utility_line(context, &accepted.map_err(hinted)?, &format!("merged with version {} of its source", self.source_version))
    }
}

impl Dismiss {
    async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let (source_version, etag) = (self.source_version, self.etag.clone());
        let request = |request_id| pb::DismissProposalRequest { name, source_version, etag, request_id };
        let client = context.connect().await?;
        let dismissed = self.request.once(request, async |request| client.copies().dismiss_proposal(request).await).await;
        let dismissed = dismissed.map_err(hinted)?;
        show::utility_line(context, &dismissed, &format!("left as it is: version {} of its source was dismissed", self.source_version))
    }
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Field::Parameters => "parameters",
            Field::Limits => "limits",
            Field::Runtime => "runtime",
            Field::Isolation => "isolation",
            Field::FreshProcesses => "fresh_processes",
        }
    }
}

fn row(proposal: &pb::Proposal) -> Vec<String> {
    let utility = names::id(&proposal.utility).to_owned();
    vec![utility, proposal.source.clone(), proposal.base_version.to_string(), proposal.source_version.to_string()]
}

fn human(proposal: &pb::Proposal) -> String {
    let lines = |at: &pb::MergeConflict| format!("{} to {}", at.first_line, at.last_line);
    let conflicts = proposal.conflicts.iter().map(lines).chain(proposal.conflicting_fields.iter().cloned());
    fields(&[
        ("source", proposal.source.clone()),
        ("version", format!("{} -> {}", proposal.base_version, proposal.source_version)),
        ("changed", proposal.changed_fields.join(", ")),
        ("conflicts", conflicts.collect::<Vec<_>>().join(", ")),
        ("too long", if proposal.too_long { "to be merged: see accept --file".to_owned() } else { String::new() }),
        ("dismissed", if proposal.dismissed { "yes".to_owned() } else { String::new() }),
        ("etag", proposal.etag.clone()),
    ])
}

fn hinted(status: tonic::Status) -> Failure {
    let text = "`zona utility proposal show` shows what there is, and with --merged the code with its conflicts; a newer version of the \
                source, or of the copy, has to be seen before it is decided about";
    Failure::from(status).hint_on(Exit::Conflict, text)
}
