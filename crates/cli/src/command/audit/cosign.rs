//! `zona audit cosign`: adding what a witness says of a checkpoint.

use std::path::PathBuf;

use api_proto::zona::audit::v1 as pb;
use clap::Args;

use crate::client::{names, soon};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditCosign {
    /// How many records the checkpoint covers
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(i64).range(0..))]
    size: i64,
    /// File with the lines that the witness has answered
    #[arg(value_name = "FILE")]
    cosignatures: PathBuf,
}

impl AuditCosign {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let read = std::fs::read_to_string(&self.cosignatures);
        let cosignatures = read.map_err(|error| Failure::file(&self.cosignatures, &error))?;
        let request = pb::AddCosignaturesRequest { parent: names::parent(&context.tenant), size: self.size, cosignatures };
        let checkpoint = context.connect().await?.audit().add_cosignatures(soon(request)).await?.into_inner();
        context.output.text(&checkpoint.note)?;
        Ok(Exit::Ok)
    }
}
