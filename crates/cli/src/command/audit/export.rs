//! `zona audit export`: taking the audit log of a tenant away. What is taken away as JSON lines is verified without a
//! server; as CSV or as OCSF events it is to be read by others' tools, and proves nothing.

use std::path::PathBuf;

use api_proto::zona::audit::v1 as pb;
use audit::{Header, checkpoint_line, end_line, record_line, removed_line};
use clap::{Args, ValueEnum};
use pb::export_audit_records_response::Part;

use crate::client::names;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::note;
use crate::pending::Pending;
use crate::private_file::PrivateFile;

mod csv;
mod ocsf;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
pub struct AuditExport {
    /// What the file holds: jsonl can be verified; csv and ocsf, events of OCSF API Activity, prove nothing
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Form,
    /// File to write, readable by nobody else; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Jsonl,
    Csv,
    Ocsf,
}

/// What is written of each part of an export.
struct Writing {
    form: Form,
    tenant: String,
    /// How many records there were, with those that were removed, once that was said.
    records: Option<i64>,
    /// How many of them were removed.
    removed: usize,
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
        let mut file = PrivateFile::new(&self.out)?;
        let readable = self.format != Form::Jsonl;
        let request = pb::ExportAuditRecordsRequest { parent: names::parent(&context.tenant), readable };
        let mut parts = client.audit().export_audit_records(request).await?.into_inner();
        let mut writing = Writing { form: self.format, tenant: String::new(), records: None, removed: 0 };
        while let Some(part) = parts.message().await? {
            file.write(&writing.line(part.part)?)?;
        }
        let Some(records) = writing.records else {
            return Err(Failure::new(Exit::Unavailable, "the export ended before its end was sent"));
        };
        file.finish()?;
        let out = self.out.display();
        note(&match self.format {
            Form::Jsonl => {
                let kept = records - i64::try_from(writing.removed).unwrap_or(records);
                let removed =
                    if writing.removed > 0 { format!(" and the hashes of {} that were removed", writing.removed) } else { String::new() };
                format!("{kept} records{removed} are in {out}; check them with `zona audit verify {out}`")
            }
            Form::Csv | Form::Ocsf => format!("{records} records are in {out}; they prove nothing: keep an export as jsonl for that"),
        });
        Ok(Exit::Ok)
    }
}

impl Writing {
    /// What is written of a part; nothing where it says nothing in this form.
    fn line(&mut self, part: Option<Part>) -> Result<Vec<u8>> {
        Ok(match (self.form, part) {
            (Form::Jsonl, Some(Part::Header(header))) => Header::new(header.tenant, header.origin, header.public_keys).line(),
            (Form::Jsonl, Some(Part::Record(record))) => record_line(&record),
            (Form::Jsonl, Some(Part::Removed(leaves))) => {
                let hashes = leaves.as_chunks().0;
                self.removed += hashes.len();
                removed_line(hashes)
            }
            (Form::Jsonl, Some(Part::Checkpoint(checkpoint))) => checkpoint_line(&checkpoint),
            (Form::Jsonl, Some(Part::End(count))) => {
                self.records = Some(count);
                end_line(count.unsigned_abs())
            }
            (_, Some(Part::Header(header))) => {
                self.tenant = header.tenant;
                if self.form == Form::Csv { csv::header() } else { Vec::new() }
            }
            (Form::Csv, Some(Part::Read(record))) => csv::line(&record),
            (Form::Ocsf, Some(Part::Read(record))) => ocsf::line(&self.tenant, &record),
            (_, Some(Part::End(count))) => {
                self.records = Some(count);
                Vec::new()
            }
            _ => return Err(Failure::new(Exit::Unavailable, "the server sends parts of an export that this program does not know")),
        })
    }
}
