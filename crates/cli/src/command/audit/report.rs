//! `zona audit report`: what happened in a tenant on some days, counted, as a file: JSON for programs, CSV for spreadsheets, HTML for
//! people. The same report is always the same bytes.

use std::path::PathBuf;

use api_proto::zona::audit::v1 as pb;
use api_proto::zona::tenant::v1::GetTenantRequest;
use clap::{Args, ValueEnum};
use figures::Figures;
use icu_locale_core::Locale;
use pb::build_audit_report_response::Part;

use crate::client::{Client, names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{note, progress};
use crate::pending::Pending;
use crate::private_file::PrivateFile;

mod chart;
mod figures;
mod html;
mod lines;
mod tables;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the report is written, and the log of its days is whole; 1 it is written, and the log was changed.")]
pub struct AuditReport {
    /// First day, e.g. 2026-11-01
    #[arg(long, value_name = "DATE")]
    from: String,
    /// Last day
    #[arg(long, value_name = "DATE")]
    to: String,
    /// Time zone that the days are of, e.g. Europe/Paris
    #[arg(long, value_name = "NAME", default_value = "UTC")]
    time_zone: String,
    /// Locale that the numbers of a page are written in, e.g. de-CH [default: that of the tenant]
    #[arg(long, value_name = "TAG", value_parser = |text: &str| Locale::try_from_str(text))]
    locale: Option<Locale>,
    /// What the file is: a page to read and print, one JSON value, or a table
    #[arg(long, value_enum, default_value = "html")]
    format: Form,
    /// File to write, readable by nobody else; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Html,
    Json,
    Csv,
}

impl AuditReport {
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
        let figures = Figures::of(&self.locale(context, &client).await?)?;
        let request = pb::BuildAuditReportRequest {
            parent: names::parent(&context.tenant),
            from_date: self.from.clone(),
            to_date: self.to.clone(),
            time_zone: self.time_zone.clone(),
        };
        let mut parts = client.audit().build_audit_report(request).await?.into_inner();
        let report = loop {
            match parts.message().await?.and_then(|part| part.part) {
                Some(Part::Read(records)) => progress(&format!("{records} records read")),
                Some(Part::Report(report)) => break report,
                None => return Err(Failure::new(Exit::Unavailable, "the answer ended before the report was sent")),
            }
        };
        file.write(&render(&report, self.format, &figures))?;
        file.finish()?;
        note(&format!("{} calls in {} records are counted in {}", report.calls, report.records, self.out.display()));
        let changed = was_changed(&report);
        if changed {
            note("the log of these days was changed: see the report's verification and retention");
        }
        Ok(if changed { Exit::UserCode } else { Exit::Ok })
    }

    /// The locale of a page.
    async fn locale(&self, context: &Context, client: &Client) -> Result<Locale> {
        match &self.locale {
            Some(locale) => Ok(locale.clone()),
            None if self.format != Form::Html => Ok(Locale::UNKNOWN),
            None => {
                let request = GetTenantRequest { name: names::parent(&context.tenant) };
                let settings = client.tenants().get_tenant(soon(request)).await?.into_inner().settings.unwrap_or_default();
                Ok(Locale::try_from_str(&settings.locale).unwrap_or(Locale::UNKNOWN))
            }
        }
    }
}

/// Whether the records are not those that were signed for, or some are gone of which the log does not say so.
fn was_changed(report: &pb::AuditReport) -> bool {
    report.verification.as_ref().is_some_and(|found| !found.whole) || tables::is_cut(report)
}

/// The report in this form.
fn render(report: &pb::AuditReport, form: Form, figures: &Figures) -> Vec<u8> {
    match form {
        Form::Html => html::page(report, figures).into_bytes(),
        Form::Json => {
            let text = serde_json::to_string_pretty(&document(report)).unwrap_or_else(|error| error.to_string());
            format!("{text}\n").into_bytes()
        }
        Form::Csv => lines::table(report),
    }
}

#[cfg(test)]
mod tests;
