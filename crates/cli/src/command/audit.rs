//! `zona audit list`: reading the audit log of a tenant. Following it, taking it away, and reports on it stand in files of their own.

use std::time::{Duration, SystemTime};

use api_proto::zona::audit::v1 as pb;
use clap::Args;

use self::record::{Filter, row};
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::note;
use crate::pending::Pending;

mod cosign;
mod export;
mod record;
mod report;
mod watch;

pub use cosign::AuditCosign;
pub use export::AuditExport;
pub use report::AuditReport;
pub use watch::AuditWatch;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditList {
    #[command(flatten)]
    filter: Filter,
    /// Only of the last time, e.g. 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl AuditList {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let filter = self.filter.proto(self.since.and_then(|since| SystemTime::now().checked_sub(since)));
        let client = context.connect().await?;
        let first = pb::ListAuditRecordsRequest { parent: names::parent(&context.tenant), filter: Some(filter), ..Default::default() };
        let (records, more) = self.pages(&client, first).await?;
        context.output.list(&records, document, &["SEQUENCE", "TIME", "ACTOR", "ACTION", "RESOURCE", "OUTCOME", "REASON", "COUNT"], row)?;
        if more {
            note(&format!("there are more than {}; see --limit", self.limit));
        }
        Ok(Exit::Ok)
    }

    async fn pages(&self, client: &Client, mut request: pb::ListAuditRecordsRequest) -> Result<(Vec<pb::AuditRecord>, bool)> {
        let mut records = Vec::new();
        let limit = self.limit as usize;
        loop {
            request.page_size = i32::try_from(limit - records.len()).unwrap_or(i32::MAX).min(PAGE as i32);
            let page = client.audit().list_audit_records(soon(request.clone())).await?.into_inner();
            records.extend(page.records);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() || records.len() >= limit {
                return Ok((records, !request.page_token.is_empty()));
            }
        }
    }
}
