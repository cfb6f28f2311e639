//! `zona user export|erase`: everything that is stored of a person, taken away or erased.

use std::path::PathBuf;

use api_proto::zona::identity::v1 as pb;
use clap::Args;

use super::agreed::agreed;
use crate::client::names;
use crate::client::repeated::RequestId;
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{json_line, note};
use crate::private_file::PrivateFile;

#[derive(Debug, Args)]
pub struct Export {
    /// User: an id of the tenant, or a full name
    name: String,
    /// File to write: one JSON value a line, readable by nobody else; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Erase {
    /// User: an id of the tenant, or a full name
    name: String,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    request: RequestId,
}

impl Export {
    pub(super) async fn run(&self, context: &Context) -> Result {
        let name = names::user(&context.tenant, &self.name)?;
        let client = context.connect().await?;
        let mut file = PrivateFile::new(&self.out)?;
        let request = pb::ExportSubjectRequest { name: name.clone() };
        let mut parts = client.identity().export_subject(request).await.map_err(explained)?.into_inner();
        let mut count = 0;
        while let Some(part) = parts.message().await? {
            file.write(json_line(&document(&part)).as_bytes())?;
            count += 1;
        }
        file.finish()?;
        note(&format!("{count} parts of what is stored of {name} are in {}", self.out.display()));
        Ok(Exit::Ok)
    }
}

impl Erase {
    pub(super) async fn run(&self, context: &Context) -> Result {
        let name = names::user(&context.tenant, &self.name)?;
        if !self.yes && !agreed(&format!("What is personal of {name}"), names::id(&name), "erase it")? {
            return Err(Failure::usage("nothing was erased"));
        }
        let request = |request_id| pb::EraseSubjectRequest { name: name.clone(), request_id };
        let client = context.connect().await?;
        let erased = self.request.once(request, async |request| client.identity().erase_subject(request).await).await;
        let erased = erased.map_err(explained)?;
        context.output.one(|| document(&erased), || format!("{name} is erased; {} stands for them\n", erased.name))?;
        Ok(Exit::Ok)
    }
}

fn explained(status: tonic::Status) -> Failure {
    Failure::from(status).hint_on(Exit::NotFound, "`zona user list` shows what there is; who was erased is not there")
}
