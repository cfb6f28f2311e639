//! `zona batch ...`: starting many executions by one call, and what became of each.

use std::path::{Path, PathBuf};

use api_proto::zona::execution::v1::ExecutionState;
use api_proto::zona::operation::v1 as pb;
use clap::{Args, Subcommand};

use super::operation::{batch_of, counts, exit_of, follow, print};
use crate::client::paging::every;
use crate::client::repeated::RequestId;
use crate::client::{PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::input::{is_stdin, read_text};
use crate::output::{note, progress};
use crate::pending::Pending;

mod items;

use items::Items;

/// Largest file: what the largest request may hold, and names and spaces beside it.
const MAX_FILE: u64 = 16 * 1024 * 1024;
const HEADINGS: &[&str] = &["INDEX", "STATE", "EXECUTION", "REASON", "MESSAGE"];

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Batch {
    /// Start an execution for each line of a file
    Start(Start),
    /// Show what became of each item of a batch
    Report(Report),
}

#[derive(Debug, Args)]
#[command(after_help = "Each line is one JSON object:\n  \
    {\"utility\": \"extract\", \"params\": {\"text\": \"...\"}, \"version\": 3, \"timeout\": \"30s\", \"secrets\": {\"token\": \"github\"}, \"retry_if_lost\": true}\n\
    All but `utility` may be left out, and so may it where --utility names one. Empty lines are skipped.")]
pub struct Start {
    /// File with the items, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Utility of the items that name none
    #[arg(long, value_name = "NAME")]
    utility: Option<String>,
    /// How many run or wait for a place at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=100))]
    concurrency: i32,
    /// Wait for the end; the exit code then says whether all succeeded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    request: RequestId,
}

#[derive(Debug, Args)]
pub struct Report {
    /// Operation of the batch: an id of the tenant, or a full name
    name: String,
    /// Only items that did not succeed
    #[arg(long)]
    failed: bool,
}

impl Batch {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(async move {
            match self {
                Batch::Start(start) => start.run(context).await,
                Batch::Report(report) => report.run(context).await,
            }
        })
    }
}

impl Start {
    async fn run(&self, context: &Context) -> Result {
        let name = shown(&self.file);
        let text = read_text(&self.file, MAX_FILE)?;
        let Items { items, lines } = Items::read(&text, &context.tenant, self.utility.as_deref(), &name)?;
        let (parent, concurrency) = (names::parent(&context.tenant), self.concurrency);
        let request = |request_id| pb::StartBatchRequest { parent, items, concurrency, request_id };
        let client = context.connect().await?;
        let started = self.request.once(request, async |request| client.batches().start_batch(request).await).await;
        let started = started.map_err(|status| at_lines(status.into(), &name, &lines))?;
        if !self.wait {
            print(context, &started)?;
            return Ok(Exit::Ok);
        }
        note(&format!("started {}", started.name));
        let tell = |operation: &pb::Operation| {
            batch_of(operation).into_iter().for_each(|batch| progress(&counts(batch)));
            Ok(())
        };
        let ended = follow(&client, &started.name, 0, tell).await?;
        print(context, &ended)?;
        Ok(exit_of(&ended))
    }
}

impl Report {
    async fn run(&self, context: &Context) -> Result {
        let (client, parent) = (context.connect().await?, names::operation(&context.tenant, &self.name)?);
        let mut found = every(|page_token| async {
            let request = pb::ListBatchItemsRequest { parent: parent.clone(), page_size: PAGE as i32, page_token };
            let page = client.batches().list_batch_items(soon(request)).await?.into_inner();
            Ok((page.items, page.next_page_token))
        })
        .await?;
        if self.failed {
            found.retain(|item| {
                let has_ended = [pb::BatchItemState::Ended, pb::BatchItemState::Refused].contains(&item.state());
                has_ended && item.execution_state() != ExecutionState::Succeeded
            });
        }
        context.output.list(&found, document, HEADINGS, row)?;
        Ok(Exit::Ok)
    }
}

/// What the server finds wrong, at the lines that it stands in.
fn at_lines(mut failure: Failure, name: &str, lines: &[usize]) -> Failure {
    for (field, _) in &mut failure.violations {
        *field = items::at_line(field, name, lines);
    }
    failure
}

fn shown(file: &Path) -> String {
    if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() }
}

fn row(item: &pb::BatchItemReport) -> Vec<String> {
    let state = match item.state() {
        pb::BatchItemState::Ended => short("ExecutionState", item.execution_state().as_str_name()),
        state => short("BatchItemState", state.as_str_name()),
    };
    vec![item.index.to_string(), state.to_owned(), names::id(&item.execution).to_owned(), item.reason.clone(), item.message.clone()]
}
