//! `zona audit watch`: records of the audit log as they are added, until Ctrl-C. A connection that breaks is resumed where it broke.

use api_proto::zona::audit::v1 as pb;
use clap::Args;
use pb::watch_audit_records_response::Part;
use tonic::{Code, Status, Streaming};

use super::record::{Filter, row};
use crate::client::resumed::{Resumed, may_go_on};
use crate::client::{Client, names};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt::until_interrupted;
use crate::output::Format;
use crate::pending::Pending;
use crate::terminal;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditWatch {
    #[command(flatten)]
    filter: Filter,
    /// First record that is looked at, by its sequence number; 0 is all [default: what is recorded from now on]
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(0..))]
    from: Option<i64>,
}

impl AuditWatch {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(until_interrupted(self.perform(context)))
    }

    async fn perform(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let (parent, filter) = (names::parent(&context.tenant), Some(self.filter.proto(None)));
        let request = pb::WatchAuditRecordsRequest { parent, filter, from_sequence: self.from };
        let stream = client.audit().watch_audit_records(request.clone()).await?.into_inner();
        let mut watch = Watch { client, stream, request, resumed: Resumed::default() };
        loop {
            let record = watch.next().await?;
            match context.output.format {
                Format::Table => context.output.text(&format!("{}\n", terminal::line(&row(&record).join("   "))))?,
                Format::Json | Format::Yaml | Format::JsonLines => context.output.line(&document(&record))?,
            }
        }
    }
}

struct Watch {
    client: Client,
    stream: Streaming<pb::WatchAuditRecordsResponse>,
    /// What goes on where the stream was cut off.
    request: pb::WatchAuditRecordsRequest,
    resumed: Resumed,
}

impl Watch {
    /// The next record.
    async fn next(&mut self) -> Result<pb::AuditRecord> {
        loop {
            match self.stream.message().await {
                Ok(Some(message)) => {
                    self.resumed.hear(matches!(message.part, Some(Part::ReachedSequence(_))));
                    match message.part {
                        Some(Part::Record(record)) => {
                            self.request.from_sequence = Some(record.sequence + 1);
                            return Ok(record);
                        }
                        Some(Part::ReachedSequence(sequence)) => self.request.from_sequence = Some(sequence),
                        None => {}
                    }
                }
                Ok(None) => self.resume(Status::unavailable("the stream ended")).await?,
                Err(status) if may_go_on(&status) => self.resume(status).await?,
                Err(status) => return Err(status.into()),
            }
        }
    }

    async fn resume(&mut self, broken: Status) -> Result<()> {
        let mut last = broken;
        while let Some(pause) = self.resumed.resume() {
            tokio::time::sleep(pause).await;
            match self.client.audit().watch_audit_records(self.request.clone()).await {
                Ok(response) => {
                    self.stream = response.into_inner();
                    return Ok(());
                }
                Err(status) if status.code() == Code::Unavailable => last = status,
                Err(status) => return Err(status.into()),
            }
        }
        let failure = Failure::new(Exit::Unavailable, format!("the connection broke: {}", last.message()));
        Err(match self.request.from_sequence {
            Some(from) => failure.hint(format!("go on with `zona audit watch --from {from}`")),
            None => failure,
        })
    }
}
