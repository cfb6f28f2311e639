//! `zona utility versions`, `diff` and `restore`.

use api_proto::zona::utility::v1 as pb;
use clap::Args;

use super::show;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{Format, note, progress};

#[derive(Debug, Args)]
pub struct Versions {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// Version to compare from [default: the one before]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    from: Option<i32>,
    /// Version to compare to [default: the current one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    to: Option<i32>,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// Version to restore
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    version: u32,
    /// What to say about the new version
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// Only when the utility still has this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
    #[command(flatten)]
    request: RequestId,
}

impl Versions {
    pub async fn run(&self, context: &Context) -> Result {
        let parent = names::utility(&context.tenant, &self.name)?.to_string();
        let client = context.connect().await?;
        let mut request = pb::ListUtilityVersionsRequest { parent, ..Default::default() };
        let mut versions = Vec::new();
        loop {
            request.page_size = (self.limit - versions.len() as u32).min(PAGE) as i32;
            let page = client.utilities().list_utility_versions(soon(request.clone())).await?.into_inner();
            versions.extend(page.versions);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() || versions.len() as u32 >= self.limit {
                break;
            }
        }
        context.output.list(&versions, document, show::VERSION_HEADINGS, show::version_row)?;
        if !request.page_token.is_empty() {
            note(&format!("there are more than {}; see --limit", self.limit));
        }
        Ok(Exit::Ok)
    }
}

impl Diff {
    pub async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let request =
            pb::DiffUtilityVersionsRequest { name, from_version: self.from.unwrap_or_default(), to_version: self.to.unwrap_or_default() };
        let diff = context.connect().await?.utilities().diff_utility_versions(soon(request)).await?.into_inner();
        // A patch on standard output, the rest beside it.
        match context.output.format {
            Format::Table => context.output.lines(&diff.unified_diff)?,
            _ => context.output.one(|| document(&diff), String::new)?,
        }
        let changed = if diff.changed_fields.is_empty() { "nothing".to_owned() } else { diff.changed_fields.join(", ") };
        progress(&format!(
            "{} -> {}: {changed} changed, +{} -{}",
            diff.from_version, diff.to_version, diff.added_lines, diff.removed_lines
        ));
        Ok(Exit::Ok)
    }
}

impl Restore {
    pub async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.version(self.version);
        let (etag, message) = (self.etag.clone(), self.message.clone());
        let request = |request_id| pb::RestoreUtilityVersionRequest { name, etag, message, request_id };
        let client = context.connect().await?;
        let utility = self.request.once(request, async |request| client.utilities().restore_utility_version(request).await).await?;
        show::utility_line(context, &utility, &format!("restored from version {}", self.version))
    }
}
