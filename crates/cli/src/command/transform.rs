//! `zona transform NAME`: sends values through a transformer, in calls of as many as one call takes.

use std::path::PathBuf;
use std::time::Duration;

use api_proto::zona::execution::v1 as pb;
use clap::Args;
use pb::transform_result::Outcome;
use serde_json::value::RawValue;

use super::parameters::ParameterArgs;
use super::run::proto_duration;
use crate::client::{Client, names};
use crate::context::Context;
use crate::document::Document;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::input::{is_stdin, read};
use crate::output::{Format, Output, note};
use crate::pending::Pending;
use crate::terminal;

/// Values in one call: as many as the contract takes.
pub const MAX_CALL_VALUES: usize = 10_000;
/// Bytes of values in one call: well below the server's limit of a request.
const MAX_CALL_BYTES: usize = 6 * 1024 * 1024;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Args)]
#[command(
    after_help = "Results are printed one a line, in the order of the values; a value that failed leaves an empty line there and its reason\n\
                        on standard error. With -o jsonl, each line is {\"result\": ...} or {\"failure\": ...}."
)]
pub struct Transform {
    /// Transformer: an id of the tenant, or a full name
    name: String,
    /// A value as JSON; may be repeated
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    value: Vec<String>,
    /// A value that is a text, whatever it looks like; may be repeated
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    value_string: Vec<String>,
    /// A file of values, one JSON text a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    values_file: Option<PathBuf>,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Version to run [default: the current one]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    /// A shorter time limit for each call than the utility's own, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
}

impl Transform {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let request = pb::TransformRequest {
            name: names::utility(&context.tenant, &self.name)?.to_string(),
            version: self.version.unwrap_or_default(),
            params_json: self.parameters.json(self.values_file.as_deref().is_some_and(is_stdin))?,
            secret_parameters: self.parameters.secrets(&context.tenant)?,
            values_json: Vec::new(),
            timeout: self.timeout.map(proto_duration).transpose()?,
        };
        let values = self.values()?;
        let single = values.len() == 1;
        let client = context.connect().await?;
        let mut shown = Shown { first: 0, single, worst: Exit::Ok, calls: Vec::new() };
        for values_json in calls(values) {
            let answer = call(&client, pb::TransformRequest { values_json, ..request.clone() }).await?;
            shown.print(context, answer)?;
        }
        if matches!(context.output.format, Format::Json | Format::Yaml) {
            let mut calls = shown.calls;
            let whole = if calls.len() == 1 { calls.remove(0) } else { Document::List(calls) };
            context.output.one(|| whole, String::new)?;
        }
        Ok(shown.worst)
    }

    fn values(&self) -> Result<Vec<String>> {
        let mut values = Vec::new();
        for value in &self.value {
            let json = serde_json::from_str::<&RawValue>(value).map_err(|error| {
                Failure::usage(format!("--value `{value}` is not JSON: {error}"))
                    .hint("a text needs quotes inside: --value '\"text\"', or use --value-string")
            })?;
            values.push(json.get().to_owned());
        }
        values.extend(self.value_string.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()));
        if let Some(path) = &self.values_file {
            let text = String::from_utf8(read(path)?).map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?;
            values.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        match values.is_empty() {
            true => Err(Failure::usage("no value was given").hint("use --value, --value-string or --values-file")),
            false => Ok(values),
        }
    }
}

struct Shown {
    /// Number of the next value, from 0.
    first: usize,
    single: bool,
    worst: Exit,
    calls: Vec<Document>,
}

impl Shown {
    fn print(&mut self, context: &Context, answer: pb::TransformResponse) -> Result<()> {
        for (index, result) in answer.results.iter().enumerate() {
            let number = self.first + index + 1;
            if let Some(Outcome::Failure(failure)) = &result.outcome {
                self.worst = worse(self.worst, &failure.reason);
            }
            match (context.output.format, &result.outcome) {
                (Format::Table, Some(Outcome::ResultJson(json))) => context.output.text(&format!("{}\n", terminal::json(json)))?,
                (Format::Table, Some(Outcome::Failure(failure))) => self.tell(&context.output, number, failure)?,
                (Format::JsonLines, _) => context.output.line(&document(result))?,
                (Format::Table, None) | (Format::Json | Format::Yaml, _) => {}
            }
        }
        self.first += answer.results.len();
        if matches!(context.output.format, Format::Json | Format::Yaml) {
            self.calls.push(document(&answer));
        }
        Ok(())
    }

    fn tell(&self, output: &Output, number: usize, failure: &pb::Failure) -> Result<()> {
        let described = super::streamed::describe(failure, "failed");
        if self.single {
            note(&described);
        } else {
            output.text("\n")?;
            note(&format!("value {number}: {described}"));
        }
        Ok(())
    }
}

/// A deadline says more than a bug; anything says more than nothing.
fn worse(so_far: Exit, reason: &str) -> Exit {
    match (so_far, reason) {
        (_, "TIMEOUT") => Exit::Timeout,
        (Exit::Ok, "SANDBOX_UNAVAILABLE") => Exit::Unavailable,
        (Exit::Ok, "CANCELLED") => Exit::Interrupted,
        (Exit::Ok, _) => Exit::UserCode,
        (so_far, _) => so_far,
    }
}

fn calls(values: Vec<String>) -> Vec<Vec<String>> {
    let mut calls: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for value in values {
        let full = calls.last().is_none_or(|call| call.len() >= MAX_CALL_VALUES || bytes + value.len() > MAX_CALL_BYTES);
        if full {
            calls.push(Vec::new());
            bytes = 0;
        }
        bytes += value.len();
        if let Some(call) = calls.last_mut() {
            call.push(value);
        }
    }
    calls
}

async fn call(client: &Client, request: pb::TransformRequest) -> Result<pb::TransformResponse> {
    let mut executions = client.executions();
    tokio::select! {
        answer = executions.transform(request) => Ok(answer?.into_inner()),
        // Dropping the call cancels its execution.
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_into_calls_that_the_server_takes() {
        let lengths = |values: Vec<String>| calls(values).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(vec!["1".to_owned(); 25_000]), [10_000, 10_000, 5_000]);
        assert_eq!(lengths(vec!["x".repeat(4 * 1024 * 1024); 3]), [1, 1, 1]);
        assert_eq!(lengths(vec!["1".to_owned()]), [1]);
    }

    #[test]
    fn the_worst_value_decides_the_exit_code() {
        assert_eq!(worse(Exit::Ok, "USER_ERROR"), Exit::UserCode);
        assert_eq!(worse(Exit::UserCode, "TIMEOUT"), Exit::Timeout);
        assert_eq!(worse(Exit::Timeout, "NOT_RUN"), Exit::Timeout);
    }
}
