//! `zona audit list|export`: reading the audit log of a tenant, and taking it away. What is taken away is verified without a server.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use api_proto::zona::audit::v1 as pb;
use audit::{Header, checkpoint_line, end_line, record_line};
use clap::{Args, ValueEnum};
use pb::export_audit_records_response::Part;

use super::execution::moment;
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only of this principal, a full name
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<String>,
    /// Only this action, e.g. utility.update
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only about the resource of this full name
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// Only with this outcome
    #[arg(long, value_enum, ignore_case = true)]
    outcome: Option<Outcome>,
    /// Only of the last time, e.g. 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditExport {
    /// File to write: records, checkpoints and public keys, one JSON value a line; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Outcomes, as the contract names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    Intent,
    Allowed,
    Denied,
    Failed,
    Cancelled,
    Unknown,
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
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        let filter = pb::AuditFilter {
            from: self.since.and_then(|since| SystemTime::now().checked_sub(since)).map(Into::into),
            before: None,
            actor: text(&self.actor),
            action: text(&self.action),
            resource: text(&self.resource),
            outcome: self.outcome.map_or(pb::AuditOutcome::Unspecified, Outcome::proto).into(),
        };
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

impl AuditExport {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let request = pb::ExportAuditRecordsRequest { parent: names::parent(&context.tenant) };
        let mut parts = client.audit().export_audit_records(request).await?.into_inner();
        let failed = |error| cannot_write(&self.out, &error);
        let file = File::create_new(&self.out).map_err(failed)?;
        let mut file = BufWriter::new(file);
        let mut records = None;
        while let Some(part) = parts.message().await? {
            let line = match part.part {
                Some(Part::Header(header)) => Header::new(header.tenant, header.origin, header.public_keys).line(),
                Some(Part::Record(record)) => record_line(&record),
                Some(Part::Checkpoint(checkpoint)) => checkpoint_line(&checkpoint),
                Some(Part::End(count)) => {
                    records = Some(count);
                    end_line(count.unsigned_abs())
                }
                None => return Err(Failure::new(Exit::Unavailable, "the server sends parts of an export that this program does not know")),
            };
            file.write_all(&line).map_err(failed)?;
        }
        file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
        let Some(records) = records else { return Err(Failure::new(Exit::Unavailable, "the export ended before its end was sent")) };
        note(&format!("{records} records are in {}; check them with `zona audit verify {0}`", self.out.display()));
        Ok(Exit::Ok)
    }
}

impl Outcome {
    fn proto(self) -> pb::AuditOutcome {
        match self {
            Outcome::Intent => pb::AuditOutcome::Intent,
            Outcome::Allowed => pb::AuditOutcome::Allowed,
            Outcome::Denied => pb::AuditOutcome::Denied,
            Outcome::Failed => pb::AuditOutcome::Failed,
            Outcome::Cancelled => pb::AuditOutcome::Cancelled,
            Outcome::Unknown => pb::AuditOutcome::Unknown,
        }
    }
}

fn row(record: &pb::AuditRecord) -> Vec<String> {
    let outcome = record.outcome().as_str_name().trim_start_matches("AUDIT_OUTCOME_").to_owned();
    let actor = record.actor.as_ref().map(|actor| actor.principal.clone()).unwrap_or_default();
    vec![
        record.sequence.to_string(),
        moment(record.time.as_ref()),
        actor,
        record.action.clone(),
        record.resource.clone(),
        outcome,
        record.reason.clone(),
        record.count.to_string(),
    ]
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot write {}: {error}", path.display()))
}
