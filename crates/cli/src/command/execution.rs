//! `zona execution ...`: looking at executions, following them, stopping them.

use std::time::{Duration, SystemTime};

use api_proto::zona::execution::v1 as pb;
use clap::{Args, Subcommand, ValueEnum};

use super::streamed::{self, OnInterrupt, show};
use crate::client::follow::Follow;
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, time};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{fields, note};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Execution {
    /// List executions, newest first
    List(List),
    /// Show one execution
    Get(Name),
    /// Stream what an execution has printed and prints, to its end
    Watch(Watch),
    /// Ask an execution to stop
    Cancel(Name),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Execution: an id of the tenant, or a full name
    name: String,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Execution: an id of the tenant, or a full name
    name: String,
    /// Only what follows the event with this sequence number
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only of this utility
    #[arg(long, value_name = "NAME")]
    utility: Option<String>,
    /// Only in this state; may be repeated
    #[arg(long, value_enum, ignore_case = true)]
    state: Vec<State>,
    /// Only of the last time, e.g. 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// States, as the contract names them.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Pending,
    Starting,
    Running,
    Cancelling,
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    Denied,
    Lost,
}

impl Execution {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Execution::List(list) => list.run(context).await,
            Execution::Get(name) => {
                let request = pb::GetExecutionRequest { name: name.full(context)? };
                let execution = context.connect().await?.executions().get_execution(soon(request)).await?.into_inner();
                print(context, &execution)
            }
            Execution::Watch(watch) => watch.run(context).await,
            Execution::Cancel(name) => {
                let request = pb::CancelExecutionRequest { name: name.full(context)? };
                let execution = context.connect().await?.executions().cancel_execution(soon(request)).await?.into_inner();
                let text = || format!("{} is {}\n", execution.name, streamed::state(&execution).to_lowercase());
                context.output.one(|| document(&execution), text)?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl Name {
    fn full(&self, context: &Context) -> Result<String> {
        names::execution(&context.tenant, &self.name)
    }
}

impl Watch {
    async fn run(&self, context: &Context) -> Result {
        let name = names::execution(&context.tenant, &self.name)?;
        let client = context.connect().await?;
        let request = pb::WatchExecutionRequest { name: name.clone(), after_sequence: self.after };
        let stream = client.executions().watch_execution(request).await?.into_inner();
        show(context, &mut Follow::new(client, stream, name, self.after), OnInterrupt::Leave).await
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result {
        let utility = self.utility.as_deref().map(|name| names::utility(&context.tenant, name)).transpose()?;
        let filter = pb::ExecutionFilter {
            utility: utility.map(|name| name.to_string()).unwrap_or_default(),
            states: self.state.iter().map(|state| i32::from(state.proto())).collect(),
            created_from: self.since.and_then(|since| SystemTime::now().checked_sub(since)).map(Into::into),
            created_before: None,
        };
        let order = if self.oldest_first { pb::ExecutionOrder::CreateTimeAsc } else { pb::ExecutionOrder::CreateTimeDesc };
        let client = context.connect().await?;
        let first = pb::ListExecutionsRequest {
            parent: names::parent(&context.tenant),
            filter: Some(filter),
            order: order.into(),
            ..Default::default()
        };
        let (executions, more) = self.pages(&client, first).await?;
        context.output.list(&executions, document, &["NAME", "UTILITY", "STATE", "REASON", "CREATED", "TOOK"], row)?;
        if more {
            note(&format!("there are more than {}; see --limit", self.limit));
        }
        Ok(Exit::Ok)
    }

    async fn pages(&self, client: &Client, mut request: pb::ListExecutionsRequest) -> Result<(Vec<pb::Execution>, bool)> {
        let mut found = Vec::new();
        loop {
            let missing = self.limit - found.len() as u32;
            request.page_size = missing.min(PAGE) as i32;
            let page = client.executions().list_executions(soon(request.clone())).await?.into_inner();
            found.extend(page.executions);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() || found.len() as u32 >= self.limit {
                return Ok((found, !request.page_token.is_empty()));
            }
        }
    }
}

impl State {
    fn proto(self) -> pb::ExecutionState {
        match self {
            State::Pending => pb::ExecutionState::Pending,
            State::Starting => pb::ExecutionState::Starting,
            State::Running => pb::ExecutionState::Running,
            State::Cancelling => pb::ExecutionState::Cancelling,
            State::Succeeded => pb::ExecutionState::Succeeded,
            State::Failed => pb::ExecutionState::Failed,
            State::TimedOut => pb::ExecutionState::TimedOut,
            State::Cancelled => pb::ExecutionState::Cancelled,
            State::Denied => pb::ExecutionState::Denied,
            State::Lost => pb::ExecutionState::Lost,
        }
    }
}

fn row(execution: &pb::Execution) -> Vec<String> {
    let reason = execution.failure.as_ref().map(|failure| failure.reason.clone()).unwrap_or_default();
    let utility = format!("{}@{}", names::id(&execution.utility), execution.version);
    let created = moment(execution.create_time.as_ref());
    vec![names::id(&execution.name).to_owned(), utility, streamed::state(execution), reason, created, streamed::wall_time(execution)]
}

fn print(context: &Context, execution: &pb::Execution) -> Result {
    let failure = execution.failure.as_ref().map(|failure| streamed::describe(failure, &streamed::state(execution))).unwrap_or_default();
    let usage = execution.usage.as_ref();
    let human = || {
        fields(&[
            ("name", execution.name.clone()),
            ("utility", format!("{}/versions/{}", execution.utility, execution.version)),
            ("state", streamed::state(execution)),
            ("failure", failure),
            ("parameters", execution.params_json.clone()),
            ("result", execution.result_json.clone()),
            (
                "values",
                if execution.value_count > 0 {
                    format!("{}, {} failed", execution.value_count, execution.failed_value_count)
                } else {
                    String::new()
                },
            ),
            ("caller", execution.caller.clone()),
            ("created", moment(execution.create_time.as_ref())),
            ("started", moment(execution.start_time.as_ref())),
            ("ended", moment(execution.end_time.as_ref())),
            ("took", streamed::wall_time(execution)),
            ("peak memory", usage.map(|usage| format!("{:.1} MiB", usage.peak_memory_bytes as f64 / 1_048_576.0)).unwrap_or_default()),
            (
                "output",
                usage
                    .map(|usage| format!("{} bytes, {} on stderr", usage.stdout_bytes + usage.stderr_bytes, usage.stderr_bytes))
                    .unwrap_or_default(),
            ),
        ])
    };
    context.output.one(|| document(execution), human)?;
    Ok(Exit::Ok)
}

/// A time for people; nothing where it is not set.
pub fn moment(timestamp: Option<&prost_types::Timestamp>) -> String {
    timestamp.map(|timestamp| time(timestamp.seconds, timestamp.nanos.into())).unwrap_or_default()
}
