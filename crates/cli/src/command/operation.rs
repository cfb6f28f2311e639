//! `zona operation ...`: looking at long work, following it, stopping it.

use std::time::Duration;

use api_proto::zona::operation::v1 as pb;
use clap::{Args, Subcommand};
use pb::watch_operation_response::Message;

use super::execution::moment;
use crate::client::resumed::{Resumed, may_go_on};
use crate::client::{Client, PAGE, names, soon};
use crate::context::Context;
use crate::document::message::{document, short};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{fields, note, progress};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// List operations, newest first
    List(List),
    /// Show one operation
    Get(Name),
    /// Follow how an operation goes on, to its end
    Watch(Watch),
    /// Ask an operation to stop: nothing more of it begins, and what runs is stopped
    Cancel(Name),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Operation: an id of the tenant, or a full name
    name: String,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Operation: an id of the tenant, or a full name
    name: String,
    /// Only what is newer than this revision
    #[arg(long, value_name = "REVISION", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    after: i64,
}

#[derive(Debug, Args)]
pub struct List {
    /// At most this many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Operation {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Operation::List(list) => list.run(context).await,
            Operation::Get(Name { name }) => {
                let request = pb::GetOperationRequest { name: names::operation(&context.tenant, name)? };
                let operation = context.connect().await?.operations().get_operation(soon(request)).await?.into_inner();
                print(context, &operation)?;
                Ok(Exit::Ok)
            }
            Operation::Watch(Watch { name, after }) => {
                let name = names::operation(&context.tenant, name)?;
                let client = context.connect().await?;
                let show = |operation: &pb::Operation| context.output.one(|| document(operation), || line_of_progress(operation));
                let ended = follow(&client, &name, *after, show).await?;
                Ok(exit_of(&ended))
            }
            Operation::Cancel(Name { name }) => {
                let request = pb::CancelOperationRequest { name: names::operation(&context.tenant, name)? };
                let operation = context.connect().await?.operations().cancel_operation(soon(request)).await?.into_inner();
                let text = || format!("{} is {}\n", operation.name, state(&operation).to_lowercase());
                context.output.one(|| document(&operation), text)?;
                Ok(Exit::Ok)
            }
        }
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let missing = self.limit - found.len() as u32;
            let (parent, page_size) = (names::parent(&context.tenant), missing.min(PAGE) as i32);
            let request = pb::ListOperationsRequest { parent, page_size, page_token };
            let page = client.operations().list_operations(soon(request)).await?.into_inner();
            found.extend(page.operations);
            page_token = page.next_page_token;
            if page_token.is_empty() || found.len() as u32 >= self.limit {
                break;
            }
        }
        context.output.list(&found, document, &["NAME", "STATE", "DONE", "TOTAL", "CREATED"], row)?;
        if !page_token.is_empty() {
            note(&format!("there are more than {}; see --limit", self.limit));
        }
        Ok(Exit::Ok)
    }
}

/// Follows an operation to its end, over streams that break; `show` is told each change.
///
/// # Errors
/// Those of the stream, where it cannot be begun again.
pub async fn follow(
    client: &Client,
    name: &str,
    mut after: i64,
    mut show: impl FnMut(&pb::Operation) -> std::io::Result<()>,
) -> Result<pb::Operation> {
    let mut resumed = Resumed::default();
    loop {
        let broke = match followed(client, name, &mut after, &mut resumed, &mut show).await? {
            Ok(ended) => return Ok(ended),
            Err(broke) => broke,
        };
        let pause = resumed.resume().filter(|_| may_go_on(&broke));
        let Some(pause) = pause else { return Err(broke.into()) };
        progress("the connection broke; following it again");
        tokio::time::sleep(pause.max(Duration::from_millis(200))).await;
    }
}

/// One stream: the end of the operation, or how the stream broke.
async fn followed(
    client: &Client,
    name: &str,
    after: &mut i64,
    resumed: &mut Resumed,
    show: &mut impl FnMut(&pb::Operation) -> std::io::Result<()>,
) -> Result<std::result::Result<pb::Operation, tonic::Status>> {
    let request = pb::WatchOperationRequest { name: name.to_owned(), after_revision: *after };
    let mut stream = match client.operations().watch_operation(request).await {
        Ok(stream) => stream.into_inner(),
        Err(refused) => return Ok(Err(refused)),
    };
    loop {
        match stream.message().await {
            Ok(Some(pb::WatchOperationResponse { message: Some(Message::Operation(operation)) })) => {
                resumed.hear(true);
                *after = operation.revision;
                show(&operation)?;
                if operation.end_time.is_some() {
                    return Ok(Ok(operation));
                }
            }
            Ok(Some(_heartbeat)) => resumed.hear(false),
            Ok(None) => return Ok(Err(tonic::Status::unavailable("the stream ended before the operation"))),
            Err(broke) => return Ok(Err(broke)),
        }
    }
}

/// Shows one operation.
///
/// # Errors
/// Those of standard output.
pub fn print(context: &Context, operation: &pb::Operation) -> std::io::Result<()> {
    let failure = operation.failure.as_ref().map(|failure| format!("{}: {}", failure.reason, failure.message)).unwrap_or_default();
    let human = || {
        fields(&[
            ("name", operation.name.clone()),
            ("creator", operation.creator.clone()),
            ("state", state(operation)),
            ("failure", failure),
            ("items", batch_of(operation).map(counts).unwrap_or_default()),
            ("created", moment(operation.create_time.as_ref())),
            ("updated", moment(operation.update_time.as_ref())),
            ("ended", moment(operation.end_time.as_ref())),
        ])
    };
    context.output.one(|| document(operation), human)
}

/// What a command that has waited for an operation exits with.
pub fn exit_of(operation: &pb::Operation) -> Exit {
    match operation.state() {
        pb::OperationState::Cancelled => Exit::Interrupted,
        pb::OperationState::Failed => Exit::Unavailable,
        _ => match batch_of(operation) {
            Some(batch) if batch.succeeded < batch.total => Exit::UserCode,
            Some(_) | None => Exit::Ok,
        },
    }
}

/// How far a batch is, in words.
pub fn counts(batch: &pb::Batch) -> String {
    let all = [
        ("succeeded", batch.succeeded),
        ("failed", batch.failed),
        ("timed out", batch.timed_out),
        ("cancelled", batch.cancelled),
        ("denied", batch.denied),
        ("lost", batch.lost),
        ("refused", batch.refused),
        ("running", batch.running),
        ("waiting", batch.waiting),
    ];
    let some: Vec<_> = all.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    format!("{} of {}", some.join(", "), batch.total)
}

/// The batch that an operation is.
pub fn batch_of(operation: &pb::Operation) -> Option<&pb::Batch> {
    let pb::operation::Work::Batch(batch) = operation.work.as_ref()?;
    Some(batch)
}

fn state(operation: &pb::Operation) -> String {
    short("OperationState", operation.state().as_str_name()).to_owned()
}

fn row(operation: &pb::Operation) -> Vec<String> {
    let (done, total) = batch_of(operation).map_or((0, 0), |batch| (batch.total - batch.running - batch.waiting, batch.total));
    let created = moment(operation.create_time.as_ref());
    vec![names::id(&operation.name).to_owned(), state(operation), done.to_string(), total.to_string(), created]
}

fn line_of_progress(operation: &pb::Operation) -> String {
    format!("{}  {}\n", state(operation), batch_of(operation).map(counts).unwrap_or_default())
}
